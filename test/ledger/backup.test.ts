import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LedgerError } from '../../src/errors.js'
import { backupLedger, restoreLedger } from '../../src/ledger/backup.js'
import { getMeta, ledgerPath, openForReading } from '../../src/ledger/database.js'
import { MIGRATIONS } from '../../src/ledger/schema.js'
import { sqlite } from '../../src/ledger/sqlite.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { expectInvariants } from './invariants.js'
import { attribute, event, pullInto } from './rows.js'

let folder: string
let copy: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-backup-'))
  copy = join(folder, 'copy.db')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function fill(writer: LedgerWriter, count: number): void {
  const [source] = writer.registerSources(['main'])
  pullInto(writer, {
    source: source!.id,
    events: [event('e1')],
    attributes: Array.from({ length: count }, (_, n) => attribute('e1', `a${n}`, `n${n}.example`)),
  })
}

/** Else the log would mend what is damaged. */
function foldLog(file: string): void {
  const db = new (sqlite().DatabaseSync)(file)
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
  for (const end of ['-wal', '-shm']) rmSync(file + end, { force: true })
}

/** The first one is whole, so that it still looks like a database. */
function breakPages(file: string): void {
  const bytes = readFileSync(file)
  writeFileSync(file, bytes.fill(7, 4096))
}

function countAttributes(dataDir: string): number {
  const db = openForReading(dataDir)
  try {
    expectInvariants(db)
    return (db.prepare('SELECT count(*) AS n FROM attribute').get() as { n: number }).n
  } finally {
    db.close()
  }
}

describe('backup and restore', () => {
  it('copies one whole state while a writer goes on (L17)', async () => {
    const writer = new LedgerWriter(folder)
    fill(writer, 3000)
    const backing = backupLedger(folder, copy)
    fill(writer, 10)
    expect((await backing).bytes).toBeGreaterThan(100_000)
    writer.close()
    const restored = join(folder, 'restored')
    restoreLedger({ dataDir: restored, from: copy, force: false })
    expect(readdirSync(folder).filter((name) => name.startsWith('copy'))).toEqual(['copy.db'])
    expect([3000, 10]).toContain(countAttributes(restored))
  })

  it('is there, the old or the new one, when restoring is killed at its last step (L17)', async () => {
    const writer = new LedgerWriter(folder)
    fill(writer, 5)
    await backupLedger(folder, copy)
    fill(writer, 7)
    writer.close()
    const kill = `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module'
      fs.renameSync = () => process.kill(process.pid, 'SIGKILL'); syncBuiltinESMExports()`
    const module = new URL('../../.build/src/ledger/backup.js', import.meta.url)
    const options = JSON.stringify({ dataDir: folder, from: copy, force: true })
    const work = `import { restoreLedger } from '${module}'; restoreLedger(${options})`
    const preload = `data:text/javascript,${encodeURIComponent(kill)}`
    const args = ['--import', preload, '--input-type=module', '-e', work]
    expect(spawnSync(process.execPath, args).signal).toBe('SIGKILL')
    expect(countAttributes(folder)).toBe(7)
    restoreLedger({ dataDir: folder, from: copy, force: true })
    expect(countAttributes(folder)).toBe(5)
  })

  it('gives the restored ledger a new id and keeps the one that was there (L17)', async () => {
    const writer = new LedgerWriter(folder)
    fill(writer, 5)
    await backupLedger(folder, copy)
    fill(writer, 7)
    const id = writer.getMeta('ledger_id')
    writer.close()
    expect(() => restoreLedger({ dataDir: folder, from: copy, force: false })).toThrow(/already/)
    const { kept } = restoreLedger({ dataDir: folder, from: copy, force: true })
    expect(countAttributes(folder)).toBe(5)
    expect(existsSync(kept!)).toBe(true)
    const db = openForReading(folder)
    expect(getMeta(db, 'ledger_id')).not.toBe(id)
    db.close()
  })

  it.each([
    ['no database', (file: string) => writeFileSync(file, Buffer.alloc(100_000, 7))],
    ['a broken one', breakPages],
  ])('takes the place of a ledger that is %s, and keeps that', async (_, damage) => {
    const writer = new LedgerWriter(folder)
    fill(writer, 500)
    await backupLedger(folder, copy)
    writer.close()
    foldLog(ledgerPath(folder))
    damage(ledgerPath(folder))
    const damaged = readFileSync(ledgerPath(folder))
    const { kept } = restoreLedger({ dataDir: folder, from: copy, force: true })
    expect(countAttributes(folder)).toBe(500)
    expect(readFileSync(kept!).equals(damaged)).toBe(true)
  })

  it('refuses what is no ledger', async () => {
    writeFileSync(copy, 'this is no ledger')
    expect(() => restoreLedger({ dataDir: folder, from: copy, force: false })).toThrow(LedgerError)
    const none = join(folder, 'none.db')
    expect(() => restoreLedger({ dataDir: folder, from: none, force: false })).toThrow(/no backup/)
    await expect(backupLedger(join(folder, 'nowhere'), copy)).rejects.toThrow(/no ledger/)
  })
})

describe('versions', () => {
  it('refuses a ledger of a newer tipline and leaves it as it is (L18)', () => {
    new LedgerWriter(folder).close()
    const db = new (sqlite().DatabaseSync)(ledgerPath(folder))
    db.exec('PRAGMA user_version = 99')
    db.close()
    const before = readFileSync(ledgerPath(folder))
    expect(() => new LedgerWriter(folder)).toThrow(/version 99/)
    expect(() => openForReading(folder)).toThrow(/version 99/)
    expect(readFileSync(ledgerPath(folder)).equals(before)).toBe(true)
  })

  it('migrates a ledger of the first version and keeps a copy of it (L22)', () => {
    makeFirst()
    expect(() => openForReading(folder)).toThrow(/version 1/)
    const writer = new LedgerWriter(folder)
    fill(writer, 5)
    expect(writer.getMeta('ledger_id')).toBe('the-old-one')
    writer.close()
    expect(countAttributes(folder)).toBe(5)
    expect(versionOf(keptCopy())).toBe(1)
    expect(readdirSync(folder).filter((name) => name.includes('unfinished'))).toEqual([])
  })

  it('takes no copy that was broken off for one (L22)', () => {
    makeFirst()
    // What a full disk leaves of a copy, and what a process leaves that is killed over it.
    writeFileSync(keptCopy(), '')
    writeFileSync(`${keptCopy()}.unfinished`, readFileSync(ledgerPath(folder)).subarray(0, 5000))
    new LedgerWriter(folder).close()
    expect(versionOf(keptCopy())).toBe(1)
  })

  function makeFirst(): void {
    const old = new (sqlite().DatabaseSync)(ledgerPath(folder))
    old.exec(`${MIGRATIONS[0]}; PRAGMA user_version = 1`)
    old.exec(`INSERT INTO meta VALUES ('ledger_id', 'the-old-one')`)
    old.exec(`INSERT INTO source VALUES (1, 'main', 0, '', NULL, NULL)`)
    old.close()
  }

  function keptCopy(): string {
    return join(folder, `ledger.before-${MIGRATIONS.length}.db`)
  }

  function versionOf(file: string): number {
    const db = new (sqlite().DatabaseSync)(file, { readOnly: true })
    const { user_version } = db.prepare('PRAGMA user_version').get() as { user_version: number }
    db.close()
    return user_version
  }

  it('says what a damaged file is', () => {
    writeFileSync(ledgerPath(folder), 'x'.repeat(5000))
    expect(() => openForReading(folder)).toThrow(/is no SQLite file/)
    expect(() => new LedgerWriter(folder)).toThrow(/is no SQLite file/)
  })
})

/** Copies of the ledger, made while it is in use, and their way back. */
import { randomUUID } from 'node:crypto'
import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { LedgerError } from '../errors.js'
import { makeFolder } from '../folder.js'
import { LEDGER_FILE, ledgerPath, openForReading, setMeta } from './database.js'
import { MIGRATIONS } from './schema.js'
import { asLedgerError, type Database, isDamaged, sqlite } from './sqlite.js'

/**
 * Writes a whole and consistent copy, whatever goes on meanwhile. The file appears only when it is
 * complete; an older one of that name is replaced. @throws LedgerError
 */
export async function backupLedger(dataDir: string, toFile: string): Promise<{ bytes: number }> {
  const db = openForReading(dataDir)
  const unfinished = `${toFile}.unfinished`
  try {
    makeFolder(dirname(toFile))
    rmSync(unfinished, { force: true })
    await sqlite().backup(db as never, unfinished, { rate: PAGES_A_STEP })
    check(unfinished)
    removeLog(unfinished)
    renameSync(unfinished, toFile)
    return { bytes: statSync(toFile).size }
  } catch (error) {
    rmSync(unfinished, { force: true })
    removeLog(unfinished)
    throw asLedgerError(error, dataDir)
  } finally {
    db.close()
  }
}

/** Between two steps a writer gets in; large steps, since the copy starts anew when one did. */
const PAGES_A_STEP = 100_000

export interface RestoreOptions {
  readonly dataDir: string
  readonly from: string
  /** Put the copy in the place of a ledger that is there; that one is kept beside it. */
  readonly force: boolean
}

/**
 * Puts a copy in place. The caller holds the locks. The restored ledger gets a new id: what happened
 * after the backup is unknown to it, so the sinks must be rebuilt, and this is how they notice.
 * Answers where the ledger that was there went, if there was one.
 */
export function restoreLedger({ dataDir, from, force }: RestoreOptions): { kept: string | null } {
  if (!existsSync(from)) {
    throw new LedgerError({ what: `there is no backup ${from}`, hint: 'check the path' })
  }
  // Who opens a copy leaves a log beside it.
  const isAlone = !LOG.some((end) => existsSync(from + end))
  try {
    check(from)
    return putInPlace({ dataDir, from, force })
  } finally {
    if (isAlone) removeLog(from)
  }
}

function putInPlace({ dataDir, from, force }: RestoreOptions): { kept: string | null } {
  const path = ledgerPath(dataDir)
  const there = existsSync(path)
  if (there && !force) {
    throw new LedgerError({
      what: `there is a ledger in ${dataDir} already`,
      hint: 'use --force to put the backup in its place; the present ledger is kept beside it',
    })
  }
  makeFolder(dataDir)
  const copy = join(dataDir, `${LEDGER_FILE}.restoring`)
  try {
    copyDatabase(from, copy)
    giveNewId(copy)
    const kept = there ? setAsideLedger(dataDir) : null
    renameSync(copy, path)
    return { kept }
  } catch (error) {
    throw asLedgerError(error, dataDir)
  }
}

function giveNewId(path: string): void {
  const db = new (sqlite().DatabaseSync)(path)
  try {
    setMeta(db, 'ledger_id', randomUUID())
  } finally {
    db.close()
  }
}

function setAsideLedger(dataDir: string): string {
  const path = ledgerPath(dataDir)
  const kept = join(dataDir, `ledger.before-restore-${Date.now()}.db`)
  try {
    copyDatabase(path, kept)
    foldLog(path)
  } catch (error) {
    if (!isDamaged(error)) throw error
    copyFiles(path, kept)
  }
  return kept
}

/** What SQLite can't read is kept as it is: it may be why somebody restores. */
function copyFiles(path: string, kept: string): void {
  for (const end of ['', '-wal']) if (existsSync(path + end)) copyFileSync(path + end, kept + end)
  removeLog(path)
}

/** All that it holds stands in the file itself then, which a rename replaces in one step. */
function foldLog(path: string): void {
  const db = new (sqlite().DatabaseSync)(path)
  try {
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
  removeLog(path)
}

function removeLog(path: string): void {
  for (const end of LOG) rmSync(path + end, { force: true })
}

/** What SQLite keeps beside a file. */
const LOG = ['-wal', '-shm']

/** Through SQLite, so that what still stands in a write-ahead log comes along. */
function copyDatabase(from: string, to: string): void {
  rmSync(to, { force: true })
  const db = new (sqlite().DatabaseSync)(from)
  try {
    db.prepare('VACUUM INTO ?').run(to)
  } finally {
    db.close()
  }
}

/** @throws LedgerError if this is no whole ledger that this tipline can read */
function check(path: string): void {
  let db: Database | undefined
  try {
    db = new (sqlite().DatabaseSync)(path, { readOnly: true })
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    const { quick_check: verdict } = db.prepare('PRAGMA quick_check(1)').get() as {
      quick_check: string
    }
    const id = db.prepare(`SELECT value FROM meta WHERE key = 'ledger_id'`).get()
    if (verdict === 'ok' && id && version >= 1 && version <= MIGRATIONS.length) return
    throw new LedgerError({
      what: `${path} is no whole ledger of this or an earlier version`,
      hint:
        version > MIGRATIONS.length ? 'use the newer tipline that wrote it' : 'use another backup',
    })
  } catch (error) {
    if (error instanceof LedgerError) throw error
    throw new LedgerError({
      what: `${path} can't be read as a ledger`,
      hint: 'name a file that `tipline backup` wrote',
      cause: error,
    })
  } finally {
    db?.close()
  }
}

/** Opening the ledger's file: pragmas, migrations (with a backup first), its id. */
import { randomUUID } from 'node:crypto'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LedgerError } from '../errors.js'
import { makeFolder } from '../folder.js'
import { MIGRATIONS } from './schema.js'
import { asLedgerError, type Database, inTransaction, sqlite } from './sqlite.js'

export const LEDGER_FILE = 'ledger.db'

/** How long a connection waits for another one's short transaction. */
const BUSY_MS = 30_000

export function ledgerPath(dataDir: string): string {
  return join(dataDir, LEDGER_FILE)
}

export function ledgerExists(dataDir: string): boolean {
  return existsSync(ledgerPath(dataDir))
}

/** Opens for writing; creates or migrates the file. @throws LedgerError */
export function openForWriting(dataDir: string): Database {
  makeFolder(dataDir)
  const db = connect(ledgerPath(dataDir), false)
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY')
    // A big pull would else checkpoint, and wait for the disk, after every thousand pages. With this
    // the log beside the ledger stays below 256 MiB; sync empties it when a pull has been applied.
    db.exec('PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 65536')
    migrate(db, dataDir)
    return db
  } catch (error) {
    db.close()
    throw asLedgerError(error, dataDir)
  }
}

/** Opens for reading beside a writer. @throws LedgerError if there is no ledger or it is of another version */
export function openForReading(dataDir: string): Database {
  if (!ledgerExists(dataDir)) {
    throw new LedgerError({
      what: `there is no ledger in ${dataDir}`,
      hint: 'run `tipline sync` first, or check `data_dir` in the config',
    })
  }
  const db = connect(ledgerPath(dataDir), true)
  try {
    db.exec('PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384')
    const version = schemaVersion(db)
    if (version !== MIGRATIONS.length) throw otherVersion(version)
    return db
  } catch (error) {
    db.close()
    throw asLedgerError(error, dataDir)
  }
}

function connect(path: string, readOnly: boolean): Database {
  const { DatabaseSync } = sqlite()
  try {
    const db = new DatabaseSync(path, { readOnly, enableForeignKeyConstraints: false })
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    return db
  } catch (cause) {
    throw new LedgerError({
      what: `the ledger ${path} can't be opened`,
      hint: 'check that the folder exists, belongs to this user and is on a local disk',
      cause,
    })
  }
}

/** Each migration runs whole or not at all; a ledger with data is copied first. */
function migrate(db: Database, dataDir: string): void {
  const version = schemaVersion(db)
  if (version > MIGRATIONS.length) throw otherVersion(version)
  if (version === MIGRATIONS.length) return
  inTransaction(db, () => {
    // Another process may have migrated while this one waited for the lock.
    const first = schemaVersion(db)
    if (first > 0 && first < MIGRATIONS.length) keepCopy(dataDir)
    for (let next = first; next < MIGRATIONS.length; next += 1) {
      db.exec(MIGRATIONS[next]!)
      db.exec(`PRAGMA user_version = ${next + 1}`)
      if (next === 0) setMeta(db, 'ledger_id', randomUUID())
    }
  })
}

/**
 * Of the ledger as it is now, whatever stands there already: a copy of another time, or what a process left
 * that was killed, or found the disk full, while it copied. The caller holds the write lock; a connection of
 * its own, since there is no copying within a transaction.
 */
function keepCopy(dataDir: string): void {
  const copy = join(dataDir, `ledger.before-${MIGRATIONS.length}.db`)
  const unfinished = `${copy}.unfinished`
  rmSync(unfinished, { force: true })
  const db = connect(ledgerPath(dataDir), true)
  try {
    db.prepare('VACUUM INTO ?').run(unfinished)
  } finally {
    db.close()
  }
  renameSync(unfinished, copy)
}

function schemaVersion(db: Database): number {
  const row = db.prepare('PRAGMA user_version').get() as { user_version: number }
  return row.user_version
}

function otherVersion(version: number): LedgerError {
  const newer = version > MIGRATIONS.length
  return new LedgerError({
    what: `the ledger is of version ${version}, this tipline knows ${MIGRATIONS.length}`,
    hint: newer
      ? 'use the newer tipline that wrote it, or restore a backup'
      : 'run `tipline sync` once to migrate it (a copy is kept beside it)',
  })
}

export function getMeta(db: Database, key: string): string | null {
  const row = db.prepare('SELECT value FROM meta WHERE key = ?').get(key)
  return (row as { value: string } | undefined)?.value ?? null
}

export function setMeta(db: Database, key: string, value: string): void {
  db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value').run(
    key,
    value,
  )
}

export function ledgerId(db: Database): string {
  const id = getMeta(db, 'ledger_id')
  if (id === null) {
    throw new LedgerError({ what: 'the ledger has no id', hint: 'restore a backup' })
  }
  return id
}

/**
 * The one place that knows which SQLite this is: Node's own where it has one that does (22.16 on),
 * else `@photostructure/sqlite`, which has the same API and comes prebuilt.
 */
import { createRequire, isBuiltin } from 'node:module'
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { LedgerError } from '../errors.js'

export type Database = DatabaseSyncInstance
export type Statement = StatementSyncInstance
type Driver = Pick<
  typeof import('@photostructure/sqlite'),
  'DatabaseSync' | 'StatementSync' | 'backup'
>

const require = createRequire(import.meta.url)
let loaded: Driver | undefined

export function sqlite(): Driver {
  loaded ??= loadDriver()
  return loaded
}

function loadDriver(): Driver {
  const builtIn = loadBuiltIn()
  if (builtIn) return builtIn
  try {
    return require('@photostructure/sqlite') as Driver
  } catch (cause) {
    throw new LedgerError({
      what: 'no SQLite can be loaded',
      hint: 'use Node 22.16 or newer, or reinstall with optional dependencies (npm ci --include=optional)',
      cause,
    })
  }
}

/**
 * Node's own, if it has all that is used here; the first versions had not. Node calls it experimental
 * on every start, which the user can do nothing about.
 */
function loadBuiltIn(): Driver | null {
  if (!isBuiltin('node:sqlite')) return null
  const emitWarning = process.emitWarning
  process.emitWarning = () => undefined
  try {
    const driver = require('node:sqlite') as Driver
    const probe = new driver.DatabaseSync(':memory:')
    const complete =
      typeof driver.backup === 'function' &&
      'isTransaction' in probe &&
      'setReturnArrays' in probe.prepare('SELECT 1')
    probe.close()
    return complete ? driver : null
  } finally {
    process.emitWarning = emitWarning
  }
}

/** SQLite's primary result code of an error of either driver; 0 where there is none. */
export function sqliteCode(error: unknown): number {
  if (typeof error !== 'object' || error === null) return 0
  const { errcode, sqliteCode: code } = error as { errcode?: unknown; sqliteCode?: unknown }
  const found = typeof errcode === 'number' ? errcode : typeof code === 'number' ? code : 0
  return found & 0xff
}

/** SQLITE_CORRUPT or SQLITE_NOTADB: the file is no database, or a broken one. */
export function isDamaged(error: unknown): boolean {
  return [11, 26].includes(sqliteCode(error))
}

/** SQLITE_BUSY: another connection holds the lock. */
export const SQLITE_BUSY = 5

/** Runs `work` in one transaction that holds the write lock from its start. */
export function inTransaction<T>(db: Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}

/** What SQLite's codes mean to the user: https://sqlite.org/rescode.html */
const MEANINGS: Readonly<Record<number, { what: string; hint: string }>> = {
  5: { what: 'is busy', hint: 'another process holds it; try again' },
  8: { what: 'can only be read', hint: 'check who owns the data folder, and its mount' },
  10: { what: 'could not be read or written', hint: 'check the disk' },
  11: { what: 'is damaged', hint: 'restore a backup, or move it away and sync anew' },
  13: {
    what: 'could not grow: the disk is full',
    hint: 'free some space; nothing half-done was kept',
  },
  14: { what: "can't be opened", hint: 'check who owns the data folder' },
  26: { what: 'is no SQLite file', hint: 'restore a backup, or move it away and sync anew' },
}

/** The user's view of an error of the driver; any other error as it is. */
export function asLedgerError(error: unknown, dataDir: string): unknown {
  const meaning = MEANINGS[sqliteCode(error)]
  if (!meaning) return error
  return new LedgerError({
    what: `the ledger in ${dataDir} ${meaning.what}`,
    hint: meaning.hint,
    cause: error,
  })
}

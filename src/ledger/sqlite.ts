/**
 * The one place that knows which SQLite this is: Node's own where it has one (22.13 on), else
 * `@photostructure/sqlite`, which has the same API and comes prebuilt.
 */
import { createRequire } from 'node:module'
import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite'
import { LedgerError } from '../errors.js'

export type Database = DatabaseSyncInstance
export type Statement = StatementSyncInstance
type Driver = Pick<typeof import('@photostructure/sqlite'), 'DatabaseSync' | 'backup'>

const require = createRequire(import.meta.url)
let loaded: Driver | undefined

export function sqlite(): Driver {
  loaded ??= loadDriver()
  return loaded
}

function loadDriver(): Driver {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const builtIn = major > 22 || (major === 22 && minor >= 13)
  try {
    return builtIn ? loadBuiltIn() : (require('@photostructure/sqlite') as Driver)
  } catch (cause) {
    throw new LedgerError({
      what: 'no SQLite can be loaded',
      hint: 'use Node 22.13 or newer, or reinstall with optional dependencies (npm ci --include=optional)',
      cause,
    })
  }
}

/** Node calls its own SQLite experimental on every start; the user can do nothing about that. */
function loadBuiltIn(): Driver {
  const emitWarning = process.emitWarning
  process.emitWarning = () => undefined
  try {
    return require('node:sqlite') as Driver
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

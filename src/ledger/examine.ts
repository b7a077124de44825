/** Is the ledger's file whole? For `tipline doctor`. */
import { statSync } from 'node:fs'
import { ledgerId, ledgerPath, openForReading } from './database.js'
import { asLedgerError } from './sqlite.js'

export interface Examination {
  readonly id: string
  readonly bytes: number
  /** SQLite's own verdict: `ok`, or the first fault it found. */
  readonly verdict: string
  readonly sqlite: string
}

/** Reads the whole file. @throws LedgerError */
export function examineLedger(dataDir: string): Examination {
  const db = openForReading(dataDir)
  try {
    const read = (sql: string) => Object.values(db.prepare(sql).get() ?? {})[0]
    return {
      id: ledgerId(db),
      bytes: sizeOf(dataDir),
      verdict: String(read('PRAGMA quick_check(1)')),
      sqlite: String(read('SELECT sqlite_version()')),
    }
  } catch (error) {
    throw asLedgerError(error, dataDir)
  } finally {
    db.close()
  }
}

/** With what still stands in its write-ahead log. */
export function sizeOf(dataDir: string): number {
  const path = ledgerPath(dataDir)
  return [path, `${path}-wal`].reduce(
    (sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}

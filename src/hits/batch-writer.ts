/** Writes batches of hits, each in one transaction; opens the store when there is the first. */
import type { Database } from '../ledger/sqlite.js'
import { asHitsError, openHits } from './database.js'
import { type LineHits, type Occasion, recordLines } from './record.js'

export interface Batch extends Occasion {
  readonly lines: readonly LineHits[]
  /** Epoch milliseconds. */
  readonly now: number
}

/** How many hits were new, or why nothing was written. */
export type BatchAnswer =
  | { readonly ok: true; readonly added: number }
  | { readonly ok: false; readonly what: string; readonly hint: string | undefined }

export class BatchWriter {
  readonly #dataDir: string
  #db: Database | undefined

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  /** @throws HitsError, and nothing is written */
  write({ lines, ...options }: Batch): number {
    try {
      this.#db ??= openHits(this.#dataDir)
      return recordLines(this.#db, lines, options)
    } catch (error) {
      throw asHitsError(error, this.#dataDir)
    }
  }

  close(): void {
    this.#db?.close()
    this.#db = undefined
  }
}

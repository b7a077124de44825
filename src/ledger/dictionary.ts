/**
 * The ids of indicators. An indicator gets its id while it is staged, beside the network, since
 * finding a million texts again is the dearest part of applying. Such a word means nothing yet: it is
 * not live, nothing carries it, and nobody is told of it. What is not applied in the end is dropped.
 */
import type { Database, Statement } from './sqlite.js'

export interface Word {
  readonly space: string
  readonly value: string
  readonly port: number
}

const UNUSED = `
  known_since IS NULL AND NOT EXISTS (SELECT 1 FROM carrier c WHERE c.indicator = indicator.id)`

export class Dictionary {
  readonly #db: Database
  readonly #find: Statement
  readonly #insert: Statement
  /** The last id before this staging. */
  readonly #base: number

  constructor(db: Database) {
    this.#db = db
    this.#find = db.prepare('SELECT id FROM indicator WHERE space = ? AND value = ? AND port = ?')
    this.#insert = db.prepare('INSERT INTO indicator (space, value, port) VALUES (?, ?, ?)')
    const last = db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'indicator'`).get()
    this.#base = (last as { seq: number } | undefined)?.seq ?? 0
  }

  /** Inside a transaction. */
  idOf({ space, value, port }: Word): number {
    const row = this.#find.get(space, value, port) as { id: number } | undefined
    return row ? row.id : Number(this.#insert.run(space, value, port).lastInsertRowid)
  }

  /** Drops the words of this staging that nothing came to carry. */
  dropUnusedSince(): void {
    this.#db.prepare(`DELETE FROM indicator WHERE id > ? AND ${UNUSED}`).run(this.#base)
  }

  /** The same for all that was ever staged: reads every indicator. */
  dropUnused(): void {
    this.#db.exec(`DELETE FROM indicator WHERE ${UNUSED}`)
  }
}

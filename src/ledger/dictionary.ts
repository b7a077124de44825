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

/** The last one of all stays: SQLite would give its number to the next, and readers follow by numbers. */
export const NOT_THE_LAST = 'id < (SELECT max(id) FROM indicator)'

const UNUSED = `
  known_since IS NULL AND NOT EXISTS (SELECT 1 FROM carrier c WHERE c.indicator = indicator.id)
  AND ${NOT_THE_LAST}`

export class Dictionary {
  readonly #db: Database
  readonly #find: Statement
  readonly #insert: Statement
  /** The last id before this staging. */
  readonly #base: number

  constructor(db: Database) {
    this.#db = db
    this.#find = db.prepare('SELECT id FROM indicator WHERE space = ? AND value = ? AND port = ?')
    this.#insert = db.prepare(
      'INSERT OR IGNORE INTO indicator (space, value, port) VALUES (?, ?, ?)',
    )
    const last = db.prepare('SELECT coalesce(max(id), 0) AS id FROM indicator').get()
    this.#base = (last as { id: number }).id
  }

  /** Inside a transaction. */
  idOf({ space, value, port }: Word): number {
    // Inserted first: in a large pull most words are new.
    const { changes, lastInsertRowid } = this.#insert.run(space, value, port)
    if (Number(changes) === 1) return Number(lastInsertRowid)
    return (this.#find.get(space, value, port) as { id: number }).id
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

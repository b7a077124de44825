/**
 * Which lookup keys the ledger has ever heard of, live or not, in memory: what it never heard of, nearly
 * all that is asked, then costs it nothing. Keys are only added. Of what the ledger forgot, and of a
 * pull that was not applied, a trace stays: who is told "maybe" has to ask the ledger.
 */
import { KeyTraces } from './key-traces.js'
import { PACKED } from './live-keys.js'
import { lastIndicator } from './pages.js'
import type { Database, Statement } from './sqlite.js'

/** Indicators that are read in one go: a millisecond or two. */
const PIECE = 2000

export class KnownKeys {
  readonly #db: Database
  readonly #piece: Statement
  readonly #traces = new KeyTraces()
  /** Indicators up to this id are in. Ids only grow (L16). */
  #upTo = 0
  #complete = false
  #reading: NodeJS.Immediate | null = null

  constructor(db: Database) {
    this.#db = db
    this.#piece = db.prepare(`SELECT ${PACKED} FROM indicator i WHERE id > ? AND id <= ?`)
  }

  close(): void {
    if (this.#reading) clearImmediate(this.#reading)
  }

  /** Whether all that the ledger knew at the last `follow` is in; until then everything may be held. */
  get complete(): boolean {
    return this.#complete
  }

  /** false: the ledger had never heard of it at the last `follow`. */
  mayHold({ space, value }: { readonly space: string; readonly value: string }): boolean {
    return !this.#complete || this.#traces.has(space, value)
  }

  /** Takes over what is new; of much only the first piece, the rest while nobody asks. */
  follow(): void {
    if (this.#reading) return
    this.#complete = this.#readPiece()
    if (!this.#complete) this.#reading = setImmediate(this.#readOn).unref()
  }

  readonly #readOn = () => {
    this.#reading = null
    try {
      this.follow()
    } catch {
      // Whoever asks next meets it too, and can be told.
      this.#complete = false
    }
  }

  /** Whether that was the last one. */
  #readPiece(): boolean {
    const last = lastIndicator(this.#db)
    const to = Math.min(last, this.#upTo + PIECE)
    const { packed } = this.#piece.get(this.#upTo, to) as { packed: Uint8Array | null }
    if (packed !== null) this.#traces.add(packed)
    this.#upTo = to
    return to === last
  }
}

/**
 * Whether the clock on the wall is to be trusted with what can't be taken back. One that has jumped may
 * be wrong, and be set right within minutes; by then a hold would have ended, or years of history be
 * gone. So until it has run evenly for an hour, nothing ends and nothing is deleted because of it.
 */
import type { Logger } from '../log.js'
import type { Clocks } from '../time.js'

const EVENLY_MS = 3_600_000
/** Less is drift, or a machine that was busy between the two clocks. */
const JUMP_MS = 60_000

export class Steadiness {
  readonly #clocks: Clocks
  readonly #log: Logger
  /** The wall's milliseconds at the other clock's zero. */
  #offset: number
  #jumpedAt = Number.NEGATIVE_INFINITY

  constructor(clocks: Clocks, log: Logger) {
    this.#clocks = clocks
    this.#log = log
    this.#offset = this.#offsetNow()
  }

  /** To be asked often: each time it looks whether the clock has jumped. */
  isSteady(): boolean {
    const offset = this.#offsetNow()
    const jump = offset - this.#offset
    this.#offset = offset
    if (Math.abs(jump) >= JUMP_MS) this.#note(jump)
    return this.#clocks.monotonic() - this.#jumpedAt >= EVENLY_MS
  }

  #offsetNow(): number {
    return this.#clocks.wall() - this.#clocks.monotonic()
  }

  #note(jump: number): void {
    this.#jumpedAt = this.#clocks.monotonic()
    const facts = { seconds: Math.round(jump / 1000) }
    const way = jump > 0 ? 'forward' : 'back'
    this.#log.warn(facts, `the clock was put ${way}: for an hour nothing ends or is deleted by it`)
  }
}

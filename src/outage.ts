/**
 * How long something has been failing, and telling of it: at once when it begins, now and then while it
 * lasts, and when it is over. A night of failures is a few lines in the log, not thousands.
 */
import type { TiplineError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Clocks } from './clockwork.js'

const TELL_AGAIN_MS = 30 * 60_000

interface Begun {
  /** Epoch milliseconds, for people. */
  readonly at: number
  readonly since: number
  told: number
  tries: number
  error: TiplineError
}

export class Outage {
  readonly #facts: Readonly<Record<string, string>>
  readonly #log: Logger
  readonly #clocks: Clocks
  #begun: Begun | null = null

  /** `facts` say what it is, in every line. */
  constructor(facts: Readonly<Record<string, string>>, log: Logger, clocks: Clocks) {
    this.#facts = facts
    this.#log = log
    this.#clocks = clocks
  }

  /** Epoch seconds since which it fails; null: it does not. */
  get since(): number | null {
    return this.#begun && Math.floor(this.#begun.at / 1000)
  }

  get error(): TiplineError | null {
    return this.#begun?.error ?? null
  }

  /** Failures in a row. */
  get tries(): number {
    return this.#begun?.tries ?? 0
  }

  failed(error: TiplineError): void {
    const now = this.#clocks.monotonic()
    const before = this.#begun
    if (!before) {
      this.#begun = { at: this.#clocks.wall(), since: now, told: now, tries: 1, error }
      this.#log.error({ ...this.#facts, err: error }, error.message)
      return
    }
    before.tries += 1
    const isNew = before.error.message !== error.message
    before.error = error
    if (!isNew && now - before.told < TELL_AGAIN_MS) return
    before.told = now
    const facts = { ...this.#facts, tries: before.tries, err: error }
    this.#log.error(facts, `${error.message}, for ${lasted(now - before.since)} now`)
  }

  over(): void {
    const before = this.#begun
    this.#begun = null
    if (!before) return
    const { tries, since } = before
    const facts = { ...this.#facts, tries }
    this.#log.info(facts, `well again after ${lasted(this.#clocks.monotonic() - since)}`)
  }
}

function lasted(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes === 0) return `${Math.round(ms / 1000)} s`
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

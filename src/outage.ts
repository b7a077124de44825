/**
 * What fails, for how long, and telling of it: at once when it begins, now and then while it lasts, and
 * when it is over. A night of failures is a few lines in the log, not thousands.
 */
import type { TiplineError } from './errors.js'
import type { Logger } from './log.js'
import { CLOCKS, type Clocks } from './time.js'

/** What it is that fails, in every line of the log: `{ sink: 'memcached' }`, `{ part: 'backscan' }`. */
export type OutageFacts = Readonly<Record<string, string>>

/** Something that fails now. */
export interface Failing {
  /** `sink memcached`, `backscan`. */
  readonly part: string
  /** Epoch seconds. */
  readonly since: number
  readonly tries: number
  readonly error: TiplineError
}

/** All that can fail in a process. */
export class Outages {
  readonly #log: Logger
  readonly #clocks: Clocks
  readonly #known = new Map<string, Outage>()

  constructor(log: Logger, clocks: Clocks = CLOCKS) {
    this.#log = log
    this.#clocks = clocks
  }

  /** The one with these facts; whoever asks again, after a reload, goes on with it. */
  of(facts: OutageFacts): Outage {
    const part = facts.part ?? Object.entries(facts).flat().join(' ')
    const known = this.#known.get(part) ?? new Outage(facts, this.#log, this.#clocks)
    this.#known.set(part, known)
    return known
  }

  /** What fails now, the longest first. */
  get current(): readonly Failing[] {
    return [...this.#known]
      .flatMap(([part, { since, tries, error }]) =>
        since === null || error === null ? [] : [{ part, since, tries, error }],
      )
      .sort((one, other) => one.since - other.since)
  }
}

const TELL_AGAIN_MS = 30 * 60_000
/** Of one outage; a server that says something else each time is not told each time. */
const MOST_MESSAGES = 5

interface Begun {
  /** Epoch milliseconds, for people. */
  readonly at: number
  readonly since: number
  told: number
  /** Messages that have been told. */
  readonly known: Set<string>
  tries: number
  error: TiplineError
}

export class Outage {
  readonly #facts: OutageFacts
  readonly #log: Logger
  readonly #clocks: Clocks
  #begun: Begun | null = null

  constructor(facts: OutageFacts, log: Logger, clocks: Clocks) {
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
      this.#begun = {
        at: this.#clocks.wall(),
        since: now,
        told: now,
        tries: 1,
        error,
        known: new Set([error.message]),
      }
      this.#log.error({ ...this.#facts, err: error }, error.message)
      return
    }
    before.tries += 1
    const { known } = before
    const isNew = !known.has(error.message) && known.size < MOST_MESSAGES
    before.error = error
    if (!isNew && now - before.told < TELL_AGAIN_MS) return
    before.told = now
    known.add(error.message)
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

  /** Nobody tries any more: it is not wanted now. */
  forget(): void {
    this.#begun = null
  }
}

function lasted(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes === 0) return `${Math.round(ms / 1000)} s`
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

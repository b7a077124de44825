/**
 * Blocks matched by one or several threads, answered in any order. This thread does its share; with one
 * thread it does all.
 */
import { AHEAD, CrewHelper, type Helped } from './crew-helper.js'
import type { FileRange } from './file-ranges.js'
import { KeyIndex, type SharedIndex } from './key-index.js'
import { LineMatcher, type Matched, type MatchSettings } from './line-matcher.js'
import { PLACES } from './scan-memory.js'
import { States } from './states.js'

export interface CrewOptions extends MatchSettings {
  readonly dataDir: string
  /** Threads, this one included. */
  readonly threads: number
}

/** The first place, number 0, is for what is done with at once. */
const OWN_PLACES = Array.from({ length: PLACES }, (_, n) => n + 1)

/**
 * Blocks to have under way: what the helpers are asked for ahead, and what this thread can match of what
 * comes behind it. Alone, each is written before the next is read.
 */
export function inFlightOf(threads: number): number {
  return threads === 1 ? 1 : (threads - 1) * AHEAD + OWN_PLACES.length
}

/** Bytes of a block that are worth another thread: to wake one costs as much as to scan some dozen lines. */
const WORTH_SENDING = 1 << 14

/** How long a change in the ledger may go unnoticed. */
const FOLLOW_MS = 1000

export class Crew {
  readonly #states: States
  readonly #index: KeyIndex
  readonly #own: LineMatcher
  readonly #ownPlaces = [...OWN_PLACES]
  readonly #waiting: ((place: number) => void)[] = []
  readonly #helpers: CrewHelper[]
  #followed = performance.now()

  /** Reads all live keys. @throws LedgerError */
  constructor({ dataDir, threads, ...settings }: CrewOptions) {
    this.#states = new States(dataDir)
    this.#states.refresh()
    // They start while the keys are read.
    this.#helpers = Array.from(
      { length: threads - 1 },
      (_, n) => new CrewHelper({ ...settings, dataDir, thread: n + 1 }),
    )
    const { fields } = settings
    this.#index = new KeyIndex({ states: this.#states, fields, threads }, (shared) =>
      this.#tell(shared),
    )
    this.#own = new LineMatcher({ ...settings, states: this.#states })
    this.#own.use(this.#index.scan)
  }

  #tell(index: SharedIndex): void {
    for (const helper of this.#helpers) helper.use(index)
  }

  /** Whole lines, each with its line feed. What comes first must not wait for the release of later ones. */
  async match(lines: Buffer | FileRange): Promise<Matched> {
    this.#follow()
    const isWorth = lines.length >= WORTH_SENDING
    const helper = isWorth ? this.#helpers.find((each) => each.hasRoom()) : undefined
    if (helper) return this.#examined(await helper.match(lines))
    return Buffer.isBuffer(lines)
      ? { bytes: lines, release: () => undefined, ...this.#own.matchBlock(lines) }
      : this.#matchRange(lines)
  }

  #examined(helped: Helped): Matched {
    if (!('found' in helped)) return helped
    const { bytes, release } = helped
    return { bytes, release, ...this.#own.examine(bytes, helped) }
  }

  async #matchRange(range: FileRange): Promise<Matched> {
    const place = this.#ownPlaces.pop() ?? (await this.#nextPlace())
    return { release: () => this.#release(place), ...this.#own.matchRange(place, range) }
  }

  /** In the order of asking: what is written first must not wait for what comes behind it. */
  #nextPlace(): Promise<number> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #release(place: number): void {
    const next = this.#waiting.shift()
    if (next) next(place)
    else this.#ownPlaces.push(place)
  }

  async close(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.close()))
    this.#states.close()
  }

  #follow(): void {
    if (performance.now() - this.#followed < FOLLOW_MS) return
    this.#followed = performance.now()
    if (!this.#states.refresh()) return
    const before = this.#index.shared
    this.#index.follow()
    this.#own.use(this.#index.scan)
    if (this.#index.shared !== before) this.#tell(this.#index.shared)
  }
}

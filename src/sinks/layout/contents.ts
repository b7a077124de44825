/** What a key's state means for a cache: which value, and for how long. Pure. */
import type { KeyState } from '../sink.js'
import { type Expires, lifetimes, remainder } from './expires.js'
import { formatValue, type ValueForm } from './value.js'

/** However much a server would take, nobody wants to fetch more for a log line. */
const LARGEST_VALUE = 1024 * 1024

export interface Content {
  /** null: the key is to be absent. */
  readonly value: string | null
  /** To live; Infinity: for ever. */
  readonly seconds: number
  /** Carriers were left out because the value would have been too large. */
  readonly cut: boolean
}

export interface ContentsOptions {
  readonly form: ValueForm
  readonly nameSource: boolean
  readonly expires: Expires
  /** Most bytes of a value that the server takes. Default: as many as anybody wants. */
  readonly largest?: number
}

const ABSENT: Content = { value: null, seconds: 0, cut: false }

/** Makes the function from a state and the time (epoch seconds) to what the cache is to hold. */
export function contentsOf(options: ContentsOptions): (state: KeyState, now: number) => Content {
  const { form, nameSource } = options
  const lifetimeOf = lifetimes(options.expires)
  const largest = Math.min(options.largest ?? LARGEST_VALUE, LARGEST_VALUE)
  return ({ space, carriers }, now) => {
    const left = remainder(carriers, lifetimeOf.get(space), now)
    if (left.carriers.length === 0) return ABSENT
    const { text, cut } = formatValue(left.carriers, { form, nameSource, largest })
    return { value: text, seconds: left.seconds, cut }
  }
}

/** A tick of the server's clock, and rounding. */
const SLACK = 2

/**
 * What may rightly stand under a key beside what is wanted now: what was written before some of its
 * carriers lapsed, and what is to be there within two seconds.
 */
export function lapses(
  state: KeyState,
  contents: ReturnType<typeof contentsOf>,
  now: number,
): readonly (string | null)[] {
  const began = state.carriers.map(({ liveSince }) => liveSince)
  return [now + SLACK, now - SLACK, ...began].map((at) => contents(state, at).value)
}

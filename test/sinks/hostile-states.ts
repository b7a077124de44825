/** Hostile states for any cache, and keys beside them that nobody may harm. */
import fc from 'fast-check'
import { SinkRejected } from '../../src/errors.js'
import { lookupKeys } from '../../src/indicators/keys.js'
import { MATCHABLE } from '../../src/indicators/matchable.js'
import type { KeyState, Sink } from '../../src/sinks/sink.js'
import { poison } from './poisons.js'
import { carrier } from './states.js'

const SPACES = [...new Set(MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space)))]

export const CANARIES = ['canary', 'a', 'x', 'k', 'hi', 'misp-canary:1', 'misp-stats']

/** Different ones, though two hostile values may share a hashed key. */
export function hostileStates(count: number, seed: number): KeyState[] {
  const states = fc.sample(hostileState(), { numRuns: count, seed })
  const byKeys = new Map(states.map((s) => [lookupKeys(s.space, s.value).at(-1) ?? s, s]))
  return [...byKeys.values()]
}

function hostileState(): fc.Arbitrary<KeyState> {
  const word = poison().map((text) => text.slice(0, 500))
  const carriers = fc.array(
    fc
      .record({ eventId: word, type: word, eventInfo: word, source: word, tags: fc.array(word) })
      .map(carrier),
    { minLength: 1, maxLength: 2 },
  )
  return fc.record({ space: fc.constantFrom(...SPACES), value: poison(), carriers })
}

/** Answers what was refused, as `space:value`. */
export async function applyHostile(
  sink: Sink,
  states: readonly KeyState[],
): Promise<ReadonlySet<string>> {
  try {
    await sink.apply(states, new AbortController().signal)
    return new Set()
  } catch (error) {
    if (error instanceof SinkRejected) return new Set(error.items.map(({ item }) => item))
    throw error
  }
}

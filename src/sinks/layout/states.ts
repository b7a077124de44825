/** What a cache holds of the states it was given. */
import type { RejectedItem } from '../../errors.js'
import { lookupKeys } from '../../indicators/keys.js'
import type { KeyState, Verification } from '../sink.js'

export interface Held {
  /** What may stand under a state's keys, what is wanted now first; null: nothing. */
  readonly wanted: (state: KeyState) => readonly (string | null)[]
  /** What stands under the keys, in their order; null: nothing. */
  readonly read: (keys: readonly string[]) => Promise<readonly (string | null)[]>
}

export async function verifyStates(
  states: readonly KeyState[],
  { wanted, read }: Held,
): Promise<Verification> {
  const keys = states.map(({ space, value }) => lookupKeys(space, value))
  const found = await read(keys.flat())
  const result = { checked: states.length, missing: 0, different: 0 }
  let at = 0
  for (const [n, state] of states.entries()) {
    const end = at + keys[n]!.length
    const verdict = compare(wanted(state), found.slice(at, end))
    if (verdict !== 'same') result[verdict]++
    at = end
  }
  return result
}

function compare(
  wanted: readonly (string | null)[],
  found: readonly (string | null)[],
): 'same' | 'missing' | 'different' {
  if (found.every((value) => wanted.includes(value))) return 'same'
  return wanted[0] !== null && found.includes(null) ? 'missing' : 'different'
}

/** Named as the ledger does. */
export function rejected({ space, value }: KeyState, reason: string): RejectedItem {
  return { item: `${space}:${value}`, reason }
}

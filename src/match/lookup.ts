/** Which indicators a value meets, as the ledger knows them now. Reads only. */
import { ip } from '../indicators/ip.js'
import { type Candidate, candidates, exactCandidates } from '../indicators/observable.js'
import { findIndicators, type KnownIndicator, netLengths } from '../ledger/knowledge.js'
import type { Database } from '../ledger/sqlite.js'

/** `held` is known but not served; `revoked` and `expired` were live, or might have been. */
export type IndicatorState = 'live' | 'held' | 'expired' | 'revoked'

/**
 * How a value meets an indicator: they are the same; the net encloses the address; or the indicator is
 * its host or a domain above.
 */
export type Via = 'exact' | 'net' | 'name'

export interface Found {
  readonly via: Via
  readonly state: IndicatorState
  readonly indicator: KnownIndicator
}

export interface Lookup {
  /** As it was given. */
  readonly value: string
  /** The best that can be said of what it meets. */
  readonly state: IndicatorState | 'unknown'
  /** Most specific first. */
  readonly found: readonly Found[]
}

/** Prefix lengths of the nets to look for around an address. */
export interface NetLengths {
  readonly v4: readonly number[]
  readonly v6: readonly number[]
}

/** Those that live nets have: enough to find what is live. */
export function liveNetLengths(db: Database): NetLengths {
  return { v4: netLengths(db, 4), v6: netLengths(db, 6) }
}

/** Finds held and revoked nets too. */
export const ALL_NET_LENGTHS: NetLengths = { v4: upTo(31), v6: upTo(127) }

export function lookup(db: Database, value: string, lengths: NetLengths): Lookup {
  const exact = new Set(exactCandidates(value).map(keyOf))
  const keys = candidates(value).flatMap((candidate) => [
    candidate,
    ...netsAround(candidate, lengths),
  ])
  const found = findIndicators(db, keys).map((indicator) => ({
    via: viaOf(indicator, exact),
    state: stateOf(indicator),
    indicator,
  }))
  return { value, state: bestOf(found), found }
}

function bestOf(found: readonly Found[]): Lookup['state'] {
  const order = ['live', 'held', 'expired', 'revoked'] as const
  return order.find((state) => found.some((each) => each.state === state)) ?? 'unknown'
}

function stateOf({ liveSince, carriers, history }: KnownIndicator): IndicatorState {
  if (liveSince !== null) return 'live'
  if (carriers.length > 0) return 'held'
  return history.at(-1)?.why === 'expired' ? 'expired' : 'revoked'
}

/** Of an address or a net: the nets around it, the narrowest first. */
function netsAround({ space, value }: Candidate, lengths: NetLengths): Candidate[] {
  if (space !== 'ip' && space !== 'net') return []
  const [address = '', own = Number.POSITIVE_INFINITY] = value.split('/')
  const wider = (address.includes(':') ? lengths.v6 : lengths.v4).filter((length) => length < +own)
  return wider.toReversed().flatMap((length) => {
    const net = ip(`${address}/${length}`)
    return net.ok ? net.meanings.map((meaning) => ({ ...meaning, port: 0 })) : []
  })
}

function viaOf(indicator: KnownIndicator, exact: ReadonlySet<string>): Via {
  if (exact.has(keyOf(indicator))) return 'exact'
  return indicator.space === 'net' ? 'net' : 'name'
}

function keyOf({ space, value }: { space: string; value: string }): string {
  return `${space}:${value}`
}

function upTo(length: number): number[] {
  return Array.from({ length: length + 1 }, (_, n) => n)
}

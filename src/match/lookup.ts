/** Which indicators a value meets, as the ledger knows them now. Reads only. */
import { netsOf } from '../indicators/ip.js'
import { type Candidate, candidates, type Reading } from '../indicators/observable.js'
import { Carried, type MetIndicator } from '../ledger/carried.js'
import { Finder, type KnownIndicator, netLengths } from '../ledger/knowledge.js'
import { KnownKeys } from '../ledger/known-keys.js'
import type { Database, Statement } from '../ledger/sqlite.js'

/** `held` is known but not served; `revoked` and `expired` were live, or might have been. */
export type IndicatorState = 'live' | 'held' | 'expired' | 'revoked'

/**
 * How a value meets an indicator: they are the same; the net encloses the address; or the indicator is
 * its host or a domain above.
 */
export type Via = 'exact' | 'net' | 'name'

export interface Found<Indicator = KnownIndicator> {
  readonly via: Via
  readonly state: IndicatorState
  readonly indicator: Indicator
}

export interface Lookup<Indicator = KnownIndicator> {
  /** As it was given. */
  readonly value: string
  /** The best that can be said of what it meets. */
  readonly state: IndicatorState | 'unknown'
  /** Most specific first. */
  readonly found: readonly Found<Indicator>[]
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
  return meet(value, { lengths, find: (keys) => new Finder(db).of(keys) })
}

interface Meeting<Indicator> {
  readonly lengths: NetLengths
  /** In the order of the keys. */
  readonly find: (keys: readonly Candidate[]) => readonly Indicator[]
}

function meet<Indicator extends MetIndicator>(
  value: string,
  { lengths, find }: Meeting<Indicator>,
): Lookup<Indicator> {
  const read = candidates(value)
  const indicators = find(read.flatMap((each) => [each, ...netsAround(each, lengths)]))
  if (indicators.length === 0) return { value, state: 'unknown', found: [] }
  const found = indicators.map((indicator) => ({
    via: viaOf(indicator, read),
    state: stateOf(indicator),
    indicator,
  }))
  return { value, state: bestOf(found), found }
}

/** How long a change in the ledger may go unnoticed. */
const FOLLOW_MS = 250

/** Lookups on one connection, many of them: only what the ledger may know is looked for there. */
export class Lookups {
  readonly #db: Database
  readonly #carried: Carried
  readonly #known: KnownKeys
  readonly #version: Statement
  readonly #now: () => number
  #lengths: NetLengths = { v4: [], v6: [] }
  #looked = Number.NEGATIVE_INFINITY
  #seen = -1

  /** `now`: milliseconds of a clock that never jumps. */
  constructor(db: Database, now: () => number = () => performance.now()) {
    this.#db = db
    this.#now = now
    this.#carried = new Carried(db)
    this.#known = new KnownKeys(db)
    this.#version = db.prepare('PRAGMA data_version')
  }

  /** The connection is whose it is. */
  close(): void {
    this.#known.close()
  }

  of(value: string): Lookup<MetIndicator> {
    const find = (keys: readonly Candidate[]) =>
      this.#carried.of(keys.filter((key) => this.#known.mayHold(key)))
    return meet(value, { lengths: this.#lengths, find })
  }

  /** To be called before `of`; another number than before: somebody has written to the ledger. */
  follow(): number {
    const now = this.#now()
    if (now - this.#looked < FOLLOW_MS) return this.#seen
    this.#looked = now
    const { data_version: version } = this.#version.get() as { data_version: number }
    if (version !== this.#seen) {
      this.#lengths = liveNetLengths(this.#db)
      this.#carried.forget()
    }
    if (version !== this.#seen || !this.#known.complete) this.#known.follow()
    this.#seen = version
    return version
  }
}

function bestOf(found: readonly { readonly state: IndicatorState }[]): Lookup['state'] {
  const order = ['live', 'held', 'expired', 'revoked'] as const
  return order.find((state) => found.some((each) => each.state === state)) ?? 'unknown'
}

function stateOf({ liveSince, carriers, history }: MetIndicator): IndicatorState {
  if (liveSince !== null) return 'live'
  if (carriers.length > 0) return 'held'
  return history.at(-1)?.why === 'expired' ? 'expired' : 'revoked'
}

/** Of an address or a net: the nets around it, the narrowest first. */
function netsAround({ space, value }: Reading, lengths: NetLengths): Candidate[] {
  if (space !== 'ip' && space !== 'net') return []
  const [address = '', own = Number.POSITIVE_INFINITY] = value.split('/')
  const wider = (address.includes(':') ? lengths.v6 : lengths.v4).filter((length) => length < +own)
  return netsOf(address, wider.toReversed()).map((net) => ({ space: 'net', value: net, port: 0 }))
}

function viaOf({ space, value }: MetIndicator, read: readonly Reading[]): Via {
  const isExact = read.some((each) => each.exact && each.space === space && each.value === value)
  if (isExact) return 'exact'
  return space === 'net' ? 'net' : 'name'
}

function upTo(length: number): number[] {
  return Array.from({ length: length + 1 }, (_, n) => n)
}

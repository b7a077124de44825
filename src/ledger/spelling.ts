/**
 * States for a sink that also wants small nets as addresses: the state of an address then holds the
 * carriers of the nets around it, and a net that was touched touches its addresses.
 */
import { addressesOf } from '../indicators/small-nets.js'
import type { SpelledNets } from './spelled.js'
import type { Database, Statement } from './sqlite.js'
import type { State, StateCarrier } from './state.js'

interface SpellingDeps {
  readonly nets: SpelledNets
  /** The carriers of a key by itself. */
  readonly carriersOf: (space: string, value: string) => readonly StateCarrier[]
}

export class Spelling {
  readonly #deps: SpellingDeps
  #carriers = new Map<string, readonly StateCarrier[]>()

  constructor(deps: SpellingDeps) {
    this.#deps = deps
  }

  /** At the begin of each snapshot. */
  refresh(): void {
    this.#deps.nets.refresh()
    this.#carriers = new Map()
  }

  /** Addresses with what the nets around them add; nothing else. */
  complete(states: readonly State[]): State[] {
    if (this.#deps.nets.live.size === 0) return [...states]
    return states.map((state) => (state.space === 'ip' ? this.#withNets(state) : state))
  }

  /** The same, and the addresses of each net among them that is or was spelled out. */
  expand(states: readonly State[]): State[] {
    const there = new Set(states.flatMap(({ space, value }) => (space === 'ip' ? value : [])))
    const nets = states.filter(({ space, value }) => space === 'net' && this.#deps.nets.has(value))
    const inNets = new Set(nets.flatMap(({ value }) => addressesOf(value) ?? []))
    const further = [...inNets].filter((address) => !there.has(address))
    return [...this.complete(states), ...further.map((address) => this.#address(address))]
  }

  /** The addresses of all nets, a net at a time. */
  *everything(): Generator<State[]> {
    for (const net of this.#deps.nets.live) {
      yield (addressesOf(net) ?? []).map((address) => this.#address(address))
    }
  }

  /** One of a net that is spelled out, by chance. */
  anyAddressOf({ space, value }: { space: string; value: string }): string | undefined {
    if (space !== 'net' || !this.#deps.nets.live.has(value)) return undefined
    const addresses = addressesOf(value) ?? []
    return addresses[Math.floor(Math.random() * addresses.length)]
  }

  #address(value: string): State {
    const carriers = this.#deps.carriersOf('ip', value)
    return this.#withNets({ space: 'ip', value, carriers })
  }

  #withNets(state: State): State {
    const nets = this.#deps.nets.around(state.value)
    if (nets.length === 0) return state
    const carriers = [...state.carriers, ...nets.flatMap((net) => this.#carriersOfNet(net))]
    return { ...state, carriers: carriers.sort(newestFirst) }
  }

  #carriersOfNet(net: string): readonly StateCarrier[] {
    const known = this.#carriers.get(net)
    if (known) return known
    const carriers = this.#deps.carriersOf('net', net)
    this.#carriers.set(net, carriers)
    return carriers
  }
}

export function newestFirst(a: StateCarrier, b: StateCarrier): number {
  return b.timestamp - a.timestamp || (a.attributeUuid < b.attributeUuid ? -1 : 1)
}

/** How many addresses are live only through the nets that are spelled out. */
export function addressesByNetsAlone(db: Database, nets: ReadonlySet<string>): number {
  const isLive: Statement = db.prepare(
    `SELECT 1 FROM indicator WHERE space = 'ip' AND value = ? AND live_since IS NOT NULL LIMIT 1`,
  )
  const addresses = new Set([...nets].flatMap((net) => addressesOf(net) ?? []))
  let alone = addresses.size
  for (const address of addresses) if (isLive.get(address)) alone--
  return alone
}

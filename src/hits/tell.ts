/** From a row of either store to a hit: with what the ledger says now of its attribute. */
import { indicatorOf } from '../indicators/indicator.js'
import { normalise } from '../indicators/normalise.js'
import { type AttributeFacts, type AttributeKey, AttributeReader } from '../ledger/attributes.js'
import { eventPage } from '../misp/event-page.js'
import { strictestTlp, TLP_LEVELS, type Tlp } from '../policy/tlp.js'
import { type FlowRow, flowId, type MetRow } from './flow-hits.js'
import type { FalsePositive, Hit, HitEvent, Way } from './hit.js'
import { type LogRow, logId } from './log-hits.js'
import type { HitStores } from './stores.js'

/** What a hit says of the indicator. */
export type Met = Pick<Hit, 'indicator' | 'attribute' | 'event' | 'tlp' | 'stale'>

/** For the rows of one answer; asks for each attribute once. */
export class Teller {
  readonly #stores: HitStores
  readonly #attributes: AttributeReader | null
  readonly #known = new Map<string, AttributeFacts | null>()
  readonly #mark: { get(hit: string): unknown }

  constructor(stores: HitStores) {
    this.#stores = stores
    this.#attributes = stores.ledger && new AttributeReader(stores.ledger)
    this.#mark = stores.db.prepare('SELECT at, by, why FROM mark WHERE hit = ?')
  }

  flow(row: FlowRow): Hit {
    const id = flowId(row.hit)
    return {
      ...this.met(row),
      id,
      kind: 'flow',
      first: row.ts * 1000,
      last: row.te * 1000,
      recorded: row.written * 1000,
      way: row.via === 'backscan' ? 'backscan' : 'live',
      observable: row.destination_ip,
      field: row.reverse === 1 ? 'source.ip' : 'destination.ip',
      label: row.flowsrc,
      inside: { address: row.source_ip, network: this.#network(row.source_ip) },
      role: oneOf(row.role, ['outbound', 'inbound', 'unknown'] as const),
      answered: oneOf(row.answered, ['yes', 'no', 'unknown'] as const),
      flow: { port: row.dp, packets: Number(row.pkt), bytes: Number(row.byt) },
      fields: {},
      falsePositive: this.#falsePositive(id),
    }
  }

  /** What flows met. */
  met(row: MetRow): Met {
    const { misp: source, event_uuid: event, attribute_uuid: attribute } = row
    const known = this.#attribute({ source, event, attribute })
    return {
      indicator: flowIndicator(row, known),
      attribute: { uuid: attribute, type: row.type || (known?.type ?? '') },
      event: this.#event({
        id: row.event_id > 0 ? String(row.event_id) : '',
        uuid: event,
        info: row.info,
        source,
      }),
      tlp: tlpOf(known),
      stale: this.#isStale(source, known),
    }
  }

  log(row: LogRow): Hit {
    const { source, eventUuid: event, uuid: attribute } = row
    const known = this.#attribute({ source, event, attribute })
    const id = logId(row.hit)
    const fields = fieldsOf(JSON.parse(row.observed) as [string, string][])
    return {
      id,
      kind: 'log',
      first: row.at,
      last: row.at,
      recorded: row.recorded,
      way: row.way as Way,
      observable: row.observable,
      field: row.field,
      indicator: { kind: row.kind, value: row.value },
      attribute: { uuid: attribute, type: row.type },
      event: this.#event({ id: row.eventId, uuid: event, info: row.eventInfo, source }),
      tlp: tlpOf(known) ?? TLP_LEVELS.find((level) => level === row.tlp) ?? null,
      label: row.label,
      inside: this.#inside(fields, row.observable),
      role: 'unknown',
      answered: 'unknown',
      flow: null,
      fields,
      falsePositive: this.#falsePositive(id),
      stale: this.#isStale(source, known),
    }
  }

  #attribute(key: AttributeKey): AttributeFacts | null {
    const name = JSON.stringify(key)
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const found = this.#attributes?.read(key) ?? null
    this.#known.set(name, found)
    return found
  }

  #event(event: Omit<HitEvent, 'link'>): HitEvent {
    const { links } = this.#stores
    const base = Object.hasOwn(links, event.source) ? links[event.source] : undefined
    const ids = { eventId: event.id, eventUuid: event.uuid }
    return { ...event, link: base === undefined ? null : eventPage(base, ids) }
  }

  #network(address: string): string | null {
    return this.#stores.networks.nameOf(address) || null
  }

  /** Of a line: the address of ours; rather another one than that which hit. */
  #inside(fields: Hit['fields'], observable: string): Hit['inside'] {
    const addresses = Object.values(fields)
      .flat()
      .filter((value) => this.#network(value) !== null)
    const address = addresses.find((each) => each !== observable) ?? addresses[0]
    return address === undefined ? null : { address, network: this.#network(address) }
  }

  /** Of a source that the ledger does not know, another tool's, nobody can say. */
  #isStale(source: string, known: AttributeFacts | null): boolean {
    return this.#attributes?.knows(source) === true && known?.isServed !== true
  }

  #falsePositive(id: string): FalsePositive | null {
    return (this.#mark.get(id) as FalsePositive | undefined) ?? null
  }
}

function fieldsOf(pairs: readonly (readonly [string, string])[]): Hit['fields'] {
  const fields = new Map<string, string[]>()
  for (const [field, value] of pairs) fields.set(field, [...(fields.get(field) ?? []), value])
  return Object.fromEntries(fields)
}

function tlpOf(known: AttributeFacts | null): Tlp | null {
  if (known === null) return null
  const { level, tag } = strictestTlp([known.tags], 'clear')
  return tag === null ? null : level
}

/** The table has the outside address; which net it lies in, only the ledger knows. */
function flowIndicator(row: MetRow, known: AttributeFacts | null): Hit['indicator'] {
  const { destination_ip: address, dp: port, kind } = row
  if ((kind === 'net' || (kind === 'ip-port' && port === 0)) && known !== null) {
    const meanings = normalise(known.type, known.value)
    const all = meanings.ok ? meanings.meanings.map(indicatorOf) : []
    const found = all.find((each) => each.kind === kind)
    if (found) return found
  }
  if (kind === 'ip-port' && port > 0) return { kind, value: `${address}|${port}` }
  return { kind: kind || 'ip', value: address }
}

function oneOf<T extends string>(text: string, words: readonly T[]): T {
  return words.find((word) => word === text) ?? words.at(-1)!
}

/** What lookup and explain have found, as JSON: the command line and the API answer the same. */
import { type Indicator, indicatorOf } from '../indicators/indicator.js'
import type { MetIndicator } from '../ledger/carried.js'
import { holdDocument, setAsideDocument } from '../ledger/documents.js'
import type { KnownCarrier } from '../ledger/knowledge.js'
import { eventPage } from '../misp/event-page.js'
import type { Held } from '../policy/policy.js'
import { iso } from '../time.js'
import type { Explained, Knowledge } from './explain.js'
import { type InFlows, inFlowsDocument } from './in-flows.js'
import type { Lookup } from './lookup.js'

export function lookupDocument({ value, state, found }: Lookup<MetIndicator>) {
  return {
    value,
    found: state === 'live',
    state,
    indicators: found.map(({ via, state, indicator }) => ({
      ...named(indicator),
      via,
      state,
      since: iso(indicator.liveSince),
      events: indicator.carriers.map((carrier) => ({
        source: carrier.source,
        id: carrier.eventId,
        uuid: carrier.eventUuid,
        info: carrier.eventInfo,
        type: carrier.type,
        tags: [...carrier.tags],
        held: carrier.held,
      })),
    })),
  }
}

/** In one object to spread: two take as long as all the rest of a lookup's document. */
function named(indicator: MetIndicator): Indicator & { readonly port?: number } {
  const { kind, value } = indicatorOf(indicator)
  return indicator.port > 0 ? { kind, value, port: indicator.port } : { kind, value }
}

/** What the config adds to what the ledger knows. */
export interface Beside {
  /** Where events are looked at, by source. */
  readonly links: ReadonlyMap<string, string>
  readonly sinks: readonly string[]
  /** Empty unless asked for. */
  readonly checks: readonly SinkCheck[]
  readonly verdicts: readonly PresentVerdict[]
  /** null: flows have no such values, or there is no ClickHouse. */
  readonly inFlows: InFlows | null
}

export interface SinkCheck {
  readonly sink: string
  readonly space: string
  readonly value: string
  readonly verdict: 'right' | 'missing' | 'different' | 'unreachable'
  readonly what: string | null
}

/** What the policy in the config says now, where that is not what is in force. */
export interface PresentVerdict {
  readonly space: string
  readonly value: string
  /** null: no source has it; this is what would be if one had, without a tag and seen today. */
  readonly attribute: string | null
  readonly held: Held | null
}

export interface Explanation {
  readonly knowledge: Knowledge
  /** null: there was no config. */
  readonly beside: Beside | null
}

export function explainDocument({ knowledge, beside }: Explanation) {
  const { value, state, found, setAside, holds } = knowledge
  return {
    value,
    state,
    indicators: found.map((each) => indicatorDocument(each, { knowledge, beside })),
    set_aside: setAside.map(setAsideDocument),
    holds: holds.map(holdDocument),
    policy_now: (beside?.verdicts ?? []).map(verdictDocument),
    in_flows: beside?.inFlows ? inFlowsDocument(beside.inFlows) : null,
    sink_checks: [...(beside?.checks ?? [])],
  }
}

export function indicatorDocument(found: Explained, explanation: Explanation) {
  const { via, state, indicator } = found
  const { knownSince, liveSince, carriers, history } = indicator
  return {
    ...named(indicator),
    via,
    state,
    known_since: iso(knownSince),
    live_since: iso(liveSince),
    carriers: carriers.map((carrier) => carrierDocument(carrier, explanation)),
    history: history.map(({ from, until, why, detail }) => ({
      from: iso(from),
      until: iso(until),
      why,
      last_carried_by: detail,
    })),
    sinks: sinksOf(found, explanation),
  }
}

function carrierDocument(carrier: KnownCarrier, { beside }: Explanation) {
  return {
    source: carrier.source,
    source_in_config: carrier.sourceInConfig,
    event: carrier.eventId,
    event_uuid: carrier.eventUuid,
    event_info: carrier.eventInfo,
    event_published: carrier.published,
    link: linkOf(carrier, beside),
    organisation: carrier.orgc,
    attribute_uuid: carrier.attributeUuid,
    type: carrier.type,
    raw_value: carrier.rawValue,
    tags: [...carrier.tags],
    labels: [...carrier.labels],
    since: iso(carrier.since),
    timestamp: iso(carrier.timestamp),
    first_seen: iso(carrier.firstSeen),
    last_seen: iso(carrier.lastSeen),
    held: carrier.held,
  }
}

function verdictDocument({ space, value, attribute, held }: PresentVerdict) {
  return { space, value, attribute_uuid: attribute, served: held === null, held }
}

export interface SinkState {
  readonly name: string
  /** `behind`: the sink has not got to the last change of this indicator yet. */
  readonly state: 'current' | 'behind' | 'never shipped'
}

export function sinksOf(
  { lastChange }: Explained,
  { knowledge, beside }: Explanation,
): SinkState[] {
  const { cursors } = knowledge
  const names = beside?.sinks ?? cursors.map(({ sink }) => sink)
  return names.map((name) => {
    const cursor = cursors.find(({ sink }) => sink === name)
    if (!cursor) return { name, state: 'never shipped' }
    return { name, state: cursor.seq >= lastChange ? 'current' : 'behind' }
  })
}

export function linkOf(
  carrier: Pick<KnownCarrier, 'source' | 'eventId' | 'eventUuid'>,
  beside: Pick<Beside, 'links'> | null,
): string | null {
  const root = beside?.links.get(carrier.source)
  return root === undefined ? null : eventPage(root, carrier)
}

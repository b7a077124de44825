/**
 * What of an alert may leave through a channel, by TLP. Whatever writes for a channel is given this form
 * and no other, so that it can't tell what it never saw. Pure.
 */
import { strictness, type Tlp } from '../../policy/tlp.js'
import type { Alert, AlertKind, Sight, SightEvent } from './alert.js'

/** Of an event that may be told of. */
export interface ToldEvent {
  readonly source: string
  readonly id: string
  readonly uuid: string
  readonly info: string
  readonly link: string | null
  readonly attribute: { readonly uuid: string; readonly type: string }
  readonly tlp: Tlp
}

/** What the indicator is, and who met it. */
export interface ToldFacts {
  readonly indicator: { readonly kind: string; readonly value: string }
  readonly inside: string
  readonly observable: string
  readonly field: string
  readonly label: string
  readonly hit: string
}

export interface ToldSight {
  /** null: every event behind it is stricter than the channel may tell. */
  readonly facts: ToldFacts | null
  /** Those that may be told of. */
  readonly events: readonly ToldEvent[]
  /** Of the others, the UUIDs and nothing else. */
  readonly withheld: readonly string[]
  /** A name of our own config; empty where there is none. */
  readonly network: string
  readonly first: number
  readonly last: number
  readonly count: number
  readonly backscan: boolean
}

export interface ToldAlert {
  readonly id: string
  readonly kind: AlertKind
  readonly at: number
  readonly channel: string
  readonly sights: readonly ToldSight[]
  readonly more: number
  readonly limit: number
}

export interface Disclosure {
  readonly channel: string
  /** The strictest level that leaves. */
  readonly disclose: Tlp
  /** The level of what has no TLP tag. */
  readonly untagged: Tlp
}

export function told(alert: Alert, rule: Disclosure): ToldAlert {
  const { id, kind, at, sights, more, limit = 0 } = alert
  const shown = sights.map((sight) => toldSight(sight, rule))
  return { id, kind, at, channel: rule.channel, sights: shown, more, limit }
}

function toldSight(sight: Sight, rule: Disclosure): ToldSight {
  const open = sight.events.filter((event) => mayLeave(event, rule))
  const closed = sight.events.filter((event) => !mayLeave(event, rule))
  const { network, first, last, count, backscan } = sight
  return {
    facts: open.length === 0 ? null : factsOf(sight),
    events: open.map((event) => toldEvent(event, rule)),
    withheld: [...new Set(closed.map(({ uuid }) => onlyUuid(uuid)))],
    network,
    first,
    last,
    count,
    backscan,
  }
}

function mayLeave({ tlp }: SightEvent, { disclose, untagged }: Disclosure): boolean {
  return strictness(tlp ?? untagged) <= strictness(disclose)
}

function factsOf({ indicator, inside, observable, field, label, hit }: Sight): ToldFacts {
  const { kind, value } = indicator
  return { indicator: { kind, value }, inside, observable, field, label, hit }
}

function toldEvent(event: SightEvent, { untagged }: Disclosure): ToldEvent {
  const { source, id, uuid, info, link, attribute, tlp } = event
  const { uuid: attributeUuid, type } = attribute
  return {
    source,
    id,
    uuid,
    info,
    link,
    attribute: { uuid: attributeUuid, type },
    tlp: tlp ?? untagged,
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Nothing else slips out in its place. */
function onlyUuid(text: string): string {
  return UUID.test(text) ? text.toLowerCase() : 'unknown'
}

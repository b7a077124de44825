/**
 * An alert in ECS: one document for each sight, as a SIEM takes them. In printable ASCII, and no longer
 * than receivers of syslog take by default. Pure. https://www.elastic.co/docs/reference/ecs
 */
import { isIP } from 'node:net'
import { ascii } from '../../ascii.js'
import { ecsIndicator } from '../../indicators/ecs.js'
import type { ToldAlert, ToldEvent, ToldFacts, ToldSight } from './disclose.js'
import { clipped } from './foreign.js'
import { DEFAULT_TEMPLATES } from './templates.js'
import { wordsOf } from './words.js'

const ECS_VERSION = '8.17.0'
/** rsyslog's default is 8,096 for a message and its header. */
const MOST_BYTES = 7600
/** Events told at most, and what the texts are cut to: the first that fits. */
const EVENTS = [20, 10, 5, 2, 1]
const LENGTHS = [Number.POSITIVE_INFINITY, 150, 60, 20]
const LONGEST_MESSAGE = 300

/** JSON texts without line breaks; at least one. */
export function ecsDocuments(alert: ToldAlert): string[] {
  if (alert.sights.length === 0) return [ascii({ ...baseOf(alert, 0), message: messageOf(alert) })]
  const documents = alert.sights.map((sight, at) => sightDocument(alert, sight, at))
  if (alert.more === 0) return documents
  const rest = { ...baseOf(alert, alert.sights.length), message: `${alert.more} more pairs met` }
  return [...documents, ascii(rest)]
}

/** With as much as there is room for; a text is cut only where one event does not fit whole. */
function sightDocument(alert: ToldAlert, sight: ToldSight, at: number): string {
  let document = ''
  for (const length of LENGTHS) {
    const cut = length === Number.POSITIVE_INFINITY ? sight : shortened(sight, length)
    for (const events of EVENTS) {
      document = ascii(documentOf({ alert, sight: cut, at, events }))
      if (document.length <= MOST_BYTES) return document
    }
  }
  return document
}

function countOf({ events, withheld }: ToldSight): number {
  return events.length + withheld.length
}

function baseOf(alert: ToldAlert, at: number) {
  const { id, kind, channel } = alert
  return {
    '@timestamp': iso(alert.at),
    ecs: { version: ECS_VERSION },
    event: {
      id: at === 0 ? id : `${id}.${at}`,
      kind: kind === 'hit' || kind === 'digest' ? 'alert' : 'event',
      category: ['threat'],
      type: ['indicator'],
      module: 'tipline',
      dataset: 'tipline.alert',
    },
    observer: { product: 'tipline', type: 'threat-intelligence' },
    tipline: { alert: { id, kind, channel } },
  }
}

function documentOf(input: { alert: ToldAlert; sight: ToldSight; at: number; events: number }) {
  const { alert, sight, at, events } = input
  const base = baseOf(alert, at)
  const { facts, network, count, backscan } = sight
  const open = sight.events.slice(0, events)
  const withheld = sight.withheld.slice(0, Math.max(0, events - open.length))
  return {
    ...base,
    '@timestamp': iso(sight.last),
    event: { ...base.event, start: iso(sight.first), end: iso(sight.last), created: iso(alert.at) },
    message: messageOf({ ...alert, kind: 'digest', sights: [sight], more: 0 }),
    ...(facts !== null && relatedOf(facts)),
    threat: { enrichments: enrichmentsOf({ sight, open, withheld }) },
    tipline: {
      alert: {
        ...base.tipline.alert,
        count,
        backscan,
        disclosed: facts !== null,
        more_events: countOf(sight) - open.length - withheld.length,
        ...(network !== '' && { network }),
        ...(facts !== null && { inside: facts.inside, label: facts.label, hit: facts.hit }),
      },
    },
  }
}

function relatedOf({ inside }: ToldFacts): object {
  if (inside === '') return {}
  return { related: isIP(inside) === 0 ? { hosts: [inside] } : { ip: [inside] } }
}

function enrichmentsOf(input: {
  sight: ToldSight
  open: readonly ToldEvent[]
  withheld: readonly string[]
}): object[] {
  const { sight, open, withheld } = input
  const { facts, last } = sight
  const disclosed = facts === null ? [] : open.map((event) => enrichment({ facts, event, last }))
  return [...disclosed, ...withheld.map((uuid) => ({ indicator: { reference: uuid } }))]
}

function enrichment(input: { facts: ToldFacts; event: ToldEvent; last: number }) {
  const { facts, event, last } = input
  return {
    indicator: {
      ...ecsIndicator(facts.indicator),
      name: facts.indicator.value,
      description: event.info,
      provider: event.source,
      reference: event.link ?? event.uuid,
      marking: { tlp: event.tlp.toUpperCase() },
    },
    matched: {
      atomic: facts.observable,
      field: facts.field,
      id: event.attribute.uuid,
      index: event.source,
      occurred: iso(last),
      type: 'indicator_match_rule',
    },
  }
}

/** One line for who reads the document as it is. */
function messageOf(alert: ToldAlert): string {
  const lines = wordsOf(alert, DEFAULT_TEMPLATES).body.split('\n')
  // A digest begins with a line of its own.
  return clipped(lines.at(alert.kind === 'digest' ? -1 : 0) ?? '', LONGEST_MESSAGE)
}

function shortened(sight: ToldSight, length: number): ToldSight {
  const cut = (text: string) => clipped(text, length)
  const { facts, events } = sight
  return {
    ...sight,
    network: cut(sight.network),
    facts: facts && {
      indicator: { kind: cut(facts.indicator.kind), value: cut(facts.indicator.value) },
      inside: cut(facts.inside),
      observable: cut(facts.observable),
      field: cut(facts.field),
      label: cut(facts.label),
      hit: cut(facts.hit),
    },
    events: events.map((event) => ({
      ...event,
      info: cut(event.info),
      source: cut(event.source),
      link: event.link === null ? null : cut(event.link),
    })),
  }
}

function iso(at: number): string {
  return new Date(Math.abs(at) <= 8.64e15 ? at : 0).toISOString()
}

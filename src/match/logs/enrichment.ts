/**
 * A hit as ECS tells it: one object of `threat.enrichments[]` for each attribute behind it. Nothing is
 * written that ECS has no field for; what an indicator is always stands in `indicator.name`.
 * https://www.elastic.co/docs/reference/ecs/ecs-threat
 */
import { ecsIndicator } from '../../indicators/ecs.js'
import { eventPage } from '../../misp/event-page.js'
import { strictestTlp } from '../../policy/tlp.js'
import type { Hit, StateCarrier } from './hit.js'

/** The page of a carrier's event in its MISP; undefined where it has none. */
export type EventLink = (carrier: StateCarrier) => string | undefined

/** Of each source: where its MISP is reached by a browser, e.g. `https://misp.example.org`. */
export type References = Readonly<Record<string, string>>

export function eventLink(references: References): EventLink {
  return (carrier) => {
    const { source } = carrier
    const base = Object.hasOwn(references, source) ? references[source] : undefined
    return base === undefined ? undefined : eventPage(base, carrier)
  }
}

export interface EnrichmentOptions {
  /** When the match was made. ISO 8601. */
  readonly occurred: string
  readonly link: EventLink
}

/** Newest attributes of one indicator that are told; a value in a hundred events needs no hundred. */
const MOST_CARRIERS = 20

export function enrichmentsOf(hits: readonly Hit[], options: EnrichmentOptions): object[] {
  return hits.flatMap((hit) =>
    hit.carriers.slice(0, MOST_CARRIERS).map((carrier) => enrichment(hit, carrier, options)),
  )
}

/**
 * What is undefined is not written. (Not spread into: to add names to what was spread takes V8 ten times
 * as long.)
 */
function enrichment(hit: Hit, carrier: StateCarrier, { occurred, link }: EnrichmentOptions) {
  return {
    indicator: Object.assign(ecsIndicator(hit.indicator), {
      name: hit.indicator.value,
      description: carrier.eventInfo,
      provider: carrier.source,
      reference: link(carrier),
      confidence: confidenceOf(carrier.tags),
      marking: markingOf(carrier.tags),
      first_seen: isoTime(carrier.firstSeen),
      last_seen: isoTime(carrier.lastSeen),
      modified_at: isoTime(carrier.timestamp),
    }),
    matched: {
      atomic: hit.observable,
      field: hit.field,
      id: carrier.attributeUuid,
      index: carrier.source,
      occurred,
      type: 'indicator_match_rule',
    },
  }
}

/** MISP's own taxonomy of confidence. https://github.com/MISP/misp-taxonomies */
const CONFIDENCES: Readonly<Record<string, string>> = {
  'misp:confidence-level="completely-confident"': 'High',
  'misp:confidence-level="usually-confident"': 'High',
  'misp:confidence-level="fairly-confident"': 'Medium',
  'misp:confidence-level="rarely-confident"': 'Low',
  'misp:confidence-level="unconfident"': 'None',
}

function confidenceOf(tags: readonly string[]): string {
  return tags.flatMap((tag) => CONFIDENCES[tag.toLowerCase()] ?? [])[0] ?? 'Not Specified'
}

function markingOf(tags: readonly string[]): { tlp: string } | undefined {
  const { level, tag } = strictestTlp([tags], 'clear')
  return tag === null ? undefined : { tlp: level.toUpperCase() }
}

function isoTime(at: number | null): string | undefined {
  // Elasticsearch's dates go further, those of JavaScript don't.
  if (at === null || Math.abs(at) > 8.64e12) return undefined
  return new Date(at * 1000).toISOString()
}

/**
 * A hit as ECS tells it: one object of `threat.enrichments[]` for each attribute behind it. Nothing is
 * written that ECS has no field for; what an indicator is always stands in `indicator.name`.
 * https://www.elastic.co/docs/reference/ecs/ecs-threat
 */
import type { Space } from '../../indicators/indicator.js'
import { strictestTlp } from '../../policy/tlp.js'
import type { Hit, StateCarrier } from './hit.js'

/** The page of a carrier's event in its MISP; undefined where it has none. */
export type EventLink = (carrier: StateCarrier) => string | undefined

/** Of each source: where its MISP is reached by a browser, e.g. `https://misp.example.org`. */
export type References = Readonly<Record<string, string>>

export function eventLink(references: References): EventLink {
  return ({ source, eventId, eventUuid }) => {
    const base = Object.hasOwn(references, source) ? references[source] : undefined
    if (base === undefined) return undefined
    return `${base.replace(/\/+$/, '')}/events/view/${encodeURIComponent(eventId || eventUuid)}`
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

function enrichment(hit: Hit, carrier: StateCarrier, { occurred, link }: EnrichmentOptions) {
  return {
    indicator: {
      ...valueFields(hit),
      name: hit.indicator.value,
      description: carrier.eventInfo,
      provider: carrier.source,
      ...defined('reference', link(carrier)),
      confidence: confidenceOf(carrier.tags),
      ...markingOf(carrier.tags),
      ...defined('first_seen', isoTime(carrier.firstSeen)),
      ...defined('last_seen', isoTime(carrier.lastSeen)),
      ...defined('modified_at', isoTime(carrier.timestamp)),
    },
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

/** Type and value of the indicator, in the terms of STIX 2.0 that ECS asks for. */
function valueFields({ indicator: { kind, value } }: Hit): object {
  const [text = '', port] = kind === 'ip-port' ? value.split('|') : [value]
  if (kind === 'ip' || kind === 'ip-port') {
    return { type: addressType(text), ip: text, ...(port !== undefined && { port: Number(port) }) }
  }
  // A net is no address: Elasticsearch would refuse the whole document.
  if (kind === 'net') return { type: addressType(text) }
  if (kind === 'url') return { type: 'url', url: urlFields(value) }
  return FIELDS_OF[kind]?.(value) ?? { type: 'artifact' }
}

function addressType(address: string): string {
  return address.includes(':') ? 'ipv6-addr' : 'ipv4-addr'
}

const domainName = (domain: string) => ({ type: 'domain-name', url: { domain } })
const fileHash = (algorithm: string) => (hash: string) => ({
  type: 'file',
  file: { hash: { [algorithm]: hash } },
})
const file = () => ({ type: 'file' })

const FIELDS_OF: Readonly<Record<Space, (value: string) => object>> = {
  domain: domainName,
  hostname: domainName,
  md5: fileHash('md5'),
  sha1: fileHash('sha1'),
  sha256: fileHash('sha256'),
  sha384: fileHash('sha384'),
  sha512: fileHash('sha512'),
  cdhash: fileHash('cdhash'),
  imphash: (imphash) => ({ type: 'file', file: { pe: { imphash } } }),
  pehash: (pehash) => ({ type: 'file', file: { pe: { pehash } } }),
  ...Object.fromEntries(
    ['sha224', 'sha512-224', 'sha512-256', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'].map(
      (kind) => [kind, file],
    ),
  ),
  authentihash: file,
  filename: (name) => ({ type: 'file', file: { name } }),
  email: (address) => ({ type: 'email-addr', email: { address } }),
  eppn: () => ({ type: 'user-account' }),
  mac: () => ({ type: 'mac-addr' }),
  mutex: () => ({ type: 'mutex' }),
  regkey: (path) => ({ type: 'windows-registry-key', registry: { path } }),
  x509: () => ({ type: 'x509-certificate' }),
  'user-agent': () => ({ type: 'software' }),
  'mobile-application-id': () => ({ type: 'software' }),
  'chrome-extension-id': () => ({ type: 'software' }),
}

/** Parts of the normal form; of an alias only the whole. */
function urlFields(full: string): object {
  const parts =
    /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?(\/[^?]*)(?:\?(.*))?$/s.exec(full)
  if (parts === null) return { full, original: full }
  const [, scheme, domain, port, path, query] = parts
  return {
    full,
    scheme,
    domain,
    ...(port !== undefined && { port: Number(port) }),
    path,
    ...(query !== undefined && { query }),
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

function markingOf(tags: readonly string[]): object {
  const { level, tag } = strictestTlp([tags], 'clear')
  return tag === null ? {} : { marking: { tlp: level.toUpperCase() } }
}

function isoTime(at: number | null): string | undefined {
  // Elasticsearch's dates go further, those of JavaScript don't.
  if (at === null || Math.abs(at) > 8.64e12) return undefined
  return new Date(at * 1000).toISOString()
}

function defined<K extends string>(key: K, value: string | undefined): object {
  return value === undefined ? {} : { [key]: value }
}

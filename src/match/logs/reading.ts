/**
 * What an observable may meet: the lookup keys that its text stands for, read by the same normalisers
 * as indicators are. Pure.
 */
import { getPublicSuffix } from 'tldts'
import type { Meaning, Normalisation, Space } from '../../indicators/indicator.js'
import { ip } from '../../indicators/ip.js'
import { selfAndParents } from '../../indicators/names.js'
import { NORMALISERS, type NormaliserName } from '../../indicators/normalisers.js'
import { hostOf, observedUrls } from '../../indicators/url.js'
import { type Admission, HOST_SPACES, URL_HOST } from './field-map.js'
import { readHost } from './host.js'
import type { Observable } from './observe.js'

/** How an observable meets what stands under a key. */
export type Via = 'exact' | 'net' | 'parent' | 'host'

export interface Key {
  readonly space: Space
  readonly value: string
  readonly via: Via
  /** What is known of the port; empty: nothing. */
  readonly ports: readonly number[]
  /** MISP types that count here; null: all. */
  readonly types: Admission['types']
}

/** Prefix lengths of the nets to look for, the longest first. */
export interface NetLengths {
  readonly v4: readonly number[]
  readonly v6: readonly number[]
}

/** Most specific first. */
export function keysOf(observable: Observable, lengths: NetLengths): Key[] {
  const { text, admission, ports, hostElsewhere } = observable
  const { spaces, types } = admission
  const keys: Key[] = []
  if (HOST_SPACES.some((space) => spaces.has(space))) {
    keys.push(...hostKeys(text, { admission, ports, lengths }))
  }
  if (spaces.has('url')) keys.push(...urlKeys(text, { types, hostElsewhere, lengths }))
  for (const space of readAlone(spaces)) {
    for (const value of aloneIn(space, text))
      keys.push({ space, value, via: 'exact', ports, types })
  }
  return keys
}

interface HostAsked {
  readonly admission: Admission
  readonly ports: readonly number[]
  readonly lengths: NetLengths
}

/** An address or a name, perhaps with a port behind it. */
function hostKeys(text: string, { admission, ports, lengths }: HostAsked): Key[] {
  const { spaces, types } = admission
  const meaning = readHost(text)
  if (meaning === null) return []
  const keys = meaning.space === 'ip' ? addressKeys(meaning.value, lengths) : nameKeys(meaning)
  const known = meaning.port > 0 ? [meaning.port] : ports
  return keys
    .filter(({ space }) => spaces.has(space))
    .map(({ space, value, via }) => ({ space, value, via, ports: known, types }))
}

type Bare = Pick<Key, 'space' | 'value' | 'via'>

function addressKeys(address: string, lengths: NetLengths): Bare[] {
  const ipv4 = nat64(address)
  return [
    { space: 'ip', value: address, via: 'exact' },
    ...netsAround(address, lengths),
    ...(ipv4 === null ? [] : addressKeys(ipv4, lengths)),
  ]
}

function netsAround(address: string, { v4, v6 }: NetLengths): Bare[] {
  return (address.includes(':') ? v6 : v4).flatMap((length) =>
    (found(ip(`${address}/${length}`)) ?? []).map(({ space, value }) => ({
      space,
      value,
      via: 'net' as const,
    })),
  )
}

/** The IPv4 address inside one of 64:ff9b::/96 (RFC 6052), which is its way through a NAT64. */
function nat64(address: string): string | null {
  const groups = /^64:ff9b::(?:(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4}))?$/.exec(address)
  if (groups === null) return null
  const [high, low] = [groups[1] ?? '0', groups[2] ?? '0'].map((group) =>
    Number.parseInt(group, 16),
  )
  return [high! >> 8, high! & 255, low! >> 8, low! & 255].join('.')
}

/** A certificate's `*.evil.example` is no host, only a domain. */
function nameKeys({ space, value: name }: Meaning): Bare[] {
  const keys: Bare[] = space === 'hostname' ? [{ space, value: name, via: 'exact' }] : []
  const suffix = getPublicSuffix(name, SUFFIX_OPTIONS) ?? ''
  for (const value of selfAndParents(name)) {
    if (value.length <= suffix.length) continue
    keys.push({ space: 'domain', value, via: value === name ? 'exact' : 'parent' })
  }
  return keys
}

/** The same list as the policy's: whoever allows `co.uk` by hand shall not match half a country. */
const SUFFIX_OPTIONS = {
  allowPrivateDomains: true,
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
} as const

interface UrlAsked {
  readonly types: Key['types']
  readonly hostElsewhere: boolean
  readonly lengths: NetLengths
}

function urlKeys(text: string, { types, hostElsewhere, lengths }: UrlAsked): Key[] {
  const urls = observedUrls(text)
  const keys = [...new Set(urls.flatMap(urlForms))].map((value) => ({
    space: 'url',
    value,
    via: 'exact' as const,
    ports: [],
    types,
  }))
  const [url] = urls
  if (url === undefined || hostElsewhere) return keys
  const ports = urls.length > 1 ? portWritten(url) : [portOf(url)].filter((port) => port > 0)
  const hosts = hostKeys(hostOf(url), { admission: URL_HOST, ports, lengths })
  return [...keys, ...hosts.map((key) => ({ ...key, via: 'host' as const }))]
}

/**
 * With its query and without: an indicator without a query does not care for it. And without https,
 * as an indicator may be written; its http form is found as it is.
 */
function urlForms(url: string): string[] {
  const query = url.indexOf('?')
  const forms = query < 0 ? [url] : [url, url.slice(0, query)]
  if (!url.startsWith('https://')) return forms
  const written = forms.map((form) => form.slice('https://'.length))
  return [...forms, ...written, ...written.map((form) => form.replace(/^([^/]+)\/$/, '$1'))]
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ftp: 21,
  ws: 80,
  wss: 443,
}

function portOf(url: string): number {
  return portWritten(url)[0] ?? DEFAULT_PORTS[url.slice(0, url.indexOf(':'))] ?? 0
}

function portWritten(url: string): number[] {
  const port = /^[^/]*\/\/[^/]*:(\d+)\//.exec(url)?.[1]
  return port === undefined ? [] : [Number(port)]
}

/** Of the spaces of an admission, of which there are few. */
const ALONE = new WeakMap<ReadonlySet<Space>, readonly Space[]>()

function readAlone(spaces: ReadonlySet<Space>): readonly Space[] {
  const known = ALONE.get(spaces)
  if (known) return known
  const alone = [...spaces].filter((space) => Object.hasOwn(NORMALISERS_OF, space))
  ALONE.set(spaces, alone)
  return alone
}

/** The values of a kind that is read by itself. */
function aloneIn(space: Space, text: string): string[] {
  const names = NORMALISERS_OF[space]!
  const values = (READINGS[space]?.(text) ?? [text]).flatMap((one) =>
    names.flatMap((name) => found(NORMALISERS[name](one)) ?? []),
  )
  return [...new Set(values.map(({ value }) => value))]
}

/** Where a log writes more than the value. */
const READINGS: Readonly<Record<Space, (text: string) => string[]>> = {
  filename: (text) => [
    text,
    text.slice(Math.max(text.lastIndexOf('/'), text.lastIndexOf('\\')) + 1),
  ],
  email: (text) => [/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text],
}

const TOGETHER = new Set<string>([
  ...HOST_SPACES,
  'url',
  'ip-port',
  'hostname-port',
  'onion',
  'uri',
])

const NORMALISERS_OF: Readonly<Record<Space, readonly NormaliserName[]>> = {
  ...Object.fromEntries(
    Object.keys(NORMALISERS)
      .filter((name) => !TOGETHER.has(name))
      .map((name) => [name, [name as NormaliserName]]),
  ),
  x509: ['x509-md5', 'x509-sha1', 'x509-sha256'],
}

function found(normalisation: Normalisation): readonly Meaning[] | null {
  return normalisation.ok ? normalisation.meanings : null
}

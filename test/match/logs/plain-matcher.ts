/**
 * What a line hits, said as plainly as can be: every indicator is held against every value of every
 * field, with no index and no keys; only how a text is read is remembered. Slow, and the judge of the fast way.
 */
import { getPublicSuffix } from 'tldts'
import { indicatorOf, type Meaning } from '../../../src/indicators/indicator.js'
import { ip, ipPort } from '../../../src/indicators/ip.js'
import { hostname, hostnamePort } from '../../../src/indicators/names.js'
import { normalise } from '../../../src/indicators/normalise.js'
import { typeEntry } from '../../../src/indicators/types.js'
import { hostOf, observedUrls } from '../../../src/indicators/url.js'

export interface PlainIndicator {
  readonly type: string
  readonly value: string
}

interface Value {
  readonly field: string
  readonly text: string
}

/** `field observable indicator`, sorted, each once; null: it is no JSON object. ECS names. */
export function plainHits(line: Buffer, indicators: readonly PlainIndicator[]): string[] | null {
  const document = parse(line)
  if (document === null) return null
  const values = flatten(document)
  const asked = observables(values)
  const found = indicators.flatMap((indicator) => hitsOf(indicator, asked, values))
  return [...new Set(found)].sort()
}

function parse(line: Buffer): object | null {
  try {
    const document: unknown = JSON.parse(line.toString('utf8').replace(/^\ufeff/, ''))
    return isObject(document) ? document : null
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Text and numbers with their dotted names. */
function flatten(value: unknown, name?: string): Value[] {
  if (Array.isArray(value)) return value.flatMap((each) => flatten(each, name))
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      flatten(inner, name === undefined ? key : `${name}.${key}`),
    )
  }
  const isValue = typeof value === 'string' || (typeof value === 'number' && /port$/.test(name!))
  return isValue ? [{ field: name!, text: String(value) }] : []
}

/** Of each text once: a test holds the same ones against each other a million times. */
function remembered<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    if (!known.has(text)) known.set(text, read(text))
    return known.get(text)!
  }
}

const meaningsOf = remembered((both) => {
  const [type = '', ...value] = both.split('\n')
  return normalise(type, value.join('\n'))
})

function hitsOf(
  { type, value }: PlainIndicator,
  asked: readonly Asked[],
  values: readonly Value[],
): string[] {
  const normal = meaningsOf(`${type}\n${value}`)
  if (!normal.ok) return []
  return normal.meanings.flatMap((meaning) =>
    asked
      .filter((observable) => meets(observable, { type, meaning }, values))
      .map(({ field, text }) => {
        return `${field} ${text} ${indicatorOf(meaning).value}`
      }),
  )
}

interface Asked extends Value {
  readonly isAssembled: boolean
}

function observables(values: readonly Value[]): Asked[] {
  const assembled = assembledUrls(values).map((each) => ({ ...each, isAssembled: true }))
  return [...values.map((each) => ({ ...each, isAssembled: false })), ...assembled]
}

function textsOf(values: readonly Value[], field: string): string[] {
  return values.filter((each) => each.field === field).map(({ text }) => text)
}

function assembledUrls(values: readonly Value[]): Value[] {
  const isWhole = (field: string) => textsOf(values, field).some((text) => !text.startsWith('/'))
  const [scheme, query] = [textsOf(values, 'url.scheme')[0], textsOf(values, 'url.query')[0]]
  const port = portsOf(values, 'url.port')[0]
  const hosts = textsOf(values, 'url.domain').filter((text) => hostIn(text) !== undefined)
  const build = (field: string, path: string, withQuery: boolean) =>
    hosts.map((host) => {
      const usual = port === 80 || port === 443
      const bare = host.split(':').length > 2 && !host.startsWith('[') ? `[${host}]` : host
      const shown = port === undefined || (scheme === undefined && usual) || /:\d{1,5}$/.test(bare)
      const tail = withQuery && query && !path.includes('?') ? `?${query.replace(/^\?/, '')}` : ''
      const origin = `${bare}${shown ? '' : `:${port}`}`
      return { field, text: `${scheme === undefined ? '' : `${scheme}://`}${origin}${path}${tail}` }
    })
  const paths = (field: string) => textsOf(values, field).filter((path) => path.startsWith('/'))
  return [
    ...(isWhole('url.full') || isWhole('url.original')
      ? []
      : paths('url.path').flatMap((path) => build('url.path', path, true))),
    ...(isWhole('url.full')
      ? []
      : paths('url.original').flatMap((path) => build('url.original', path, false))),
  ]
}

const SIDE = /^(source|client|destination|server)(\.nat)?\.(ip|address|domain)$/

function portsOf(values: readonly Value[], name: string): number[] {
  return textsOf(values, name)
    .map(Number)
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
}

interface Against {
  readonly type: string
  readonly meaning: Meaning
}

function meets(value: Asked, { type, meaning }: Against, values: readonly Value[]): boolean {
  const entry = typeEntry(type)
  if (!entry?.matchable) return false
  const { field, text } = value
  const side = SIDE.exec(field)
  const portField = side ? `${side[1]}${side[2] ?? ''}.port` : 'url.port'
  const ports = side || field === 'url.domain' ? portsOf(values, portField) : []
  if (value.isAssembled) return meaning.space === 'url' && urlMeets(text, meaning.value)
  if (['url.full', 'url.original', 'http.request.referrer'].includes(field)) {
    if (meaning.space === 'url') return urlMeets(text, meaning.value)
    return entry.ecs.includes('url.domain') && urlHostMeets(text, meaning)
  }
  if (!entry.ecs.includes(field)) return false
  if (HOST_SPACES.has(meaning.space)) return hostMeets(text, ports, meaning)
  return normalisedAs(type, text).includes(meaning.value)
}

const HOST_SPACES = new Set(['ip', 'net', 'domain', 'hostname'])

/** As an attribute of that type would be. */
function normalisedAs(type: string, text: string): string[] {
  const inner = type.startsWith('email') ? (/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text) : text
  const normal = meaningsOf(`${type}\n${inner}`)
  return normal.ok ? normal.meanings.map(({ value }) => value) : []
}

const urlsIn = remembered(observedUrls)

function urlMeets(text: string, indicator: string): boolean {
  return urlsIn(text).some((url) => {
    const forms = [url, url.replace(/\?.*$/s, '')]
    const bare = url.startsWith('https://') ? forms.map((form) => form.slice(8)) : []
    const rootless = bare.map((form) => (/^[^/]+\/$/.test(form) ? form.slice(0, -1) : form))
    return [...forms, ...bare, ...rootless].includes(indicator)
  })
}

function urlHostMeets(text: string, meaning: Meaning): boolean {
  const urls = urlsIn(text)
  const [url] = urls
  if (url === undefined || meaning.space === 'url') return false
  const { port, protocol } = new URL(url)
  const usual = { 'http:': 80, 'https:': 443, 'ftp:': 21, 'ws:': 80, 'wss:': 443 }[protocol]
  const written = /^[^/]*\/\/[^/]*:(\d+)\//.exec(url)?.[1]
  const known = written !== undefined ? [Number(written)] : urls.length > 1 || !usual ? [] : [usual]
  if (port !== '' && written === undefined) throw new Error('a port got lost')
  return hostMeets(hostOf(url), known, meaning)
}

const hostIn = remembered(
  (text) =>
    [ip, ipPort, hostname, hostnamePort]
      .map((read) => read(text))
      .flatMap((normal) => (normal.ok ? [normal.meanings[0]!] : []))
      .filter(({ space }, at) => at > 0 || space !== 'net')[0],
)

function hostMeets(text: string, ports: readonly number[], meaning: Meaning): boolean {
  const host = hostIn(text)
  if (host === undefined) return false
  const known = host.port > 0 ? [host.port] : ports
  if (meaning.port > 0 && known.length > 0 && !known.includes(meaning.port)) return false
  if (meaning.space === 'hostname') return host.space === 'hostname' && host.value === meaning.value
  if (meaning.space === 'domain') {
    return (
      (host.space === 'hostname' || host.space === 'domain') && isBelow(host.value, meaning.value)
    )
  }
  if (host.space !== 'ip') return false
  return addressesOf(host.value).some((address) =>
    meaning.space === 'ip' ? address === meaning.value : isInNet(address, meaning.value),
  )
}

function isBelow(name: string, domain: string): boolean {
  if (name !== domain && !name.endsWith(`.${domain}`)) return false
  const suffix = getPublicSuffix(name, { allowPrivateDomains: true, extractHostname: false }) ?? ''
  return domain.length > suffix.length
}

/** Of one in 64:ff9b::/96 also the IPv4 address inside. */
function addressesOf(address: string): string[] {
  const bits = bitsOf(address)
  if (bits.length === 32 || bits.slice(0, 96) !== bitsOf('64:ff9b::').slice(0, 96)) return [address]
  const inside = bits
    .slice(96)
    .match(/.{8}/g)!
    .map((octet) => Number.parseInt(octet, 2))
  return [address, inside.join('.')]
}

function isInNet(address: string, net: string): boolean {
  const [base = '', length] = net.split('/')
  const [a, b] = [bitsOf(address), bitsOf(base)]
  return a.length === b.length && a.slice(0, Number(length)) === b.slice(0, Number(length))
}

/** 32 or 128 zeros and ones. */
const bitsOf = remembered((address) => {
  if (!address.includes(':')) {
    return address
      .split('.')
      .map((octet) => Number(octet).toString(2).padStart(8, '0'))
      .join('')
  }
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const [left, right] = [groups(head), groups(tail ?? '')]
  const zeros = Array.from(
    { length: tail === undefined ? 0 : 8 - left.length - right.length },
    () => '0',
  )
  return [...left, ...zeros, ...right]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
})

/**
 * URLs. The normal form is what a request on the wire shows: no fragment, no user info, no default
 * port, no root dot, `/` for the empty path; path and query stay. The value as it was written is a
 * second key where it differs.
 */
import type { Normalisation } from './indicator.js'
import { isIpv4, readIp } from './ip.js'
import { readName } from './names.js'
import { generalFault, MAX_TEXT, REASONS, refuse } from './outcome.js'
import { refangUrl } from './refang.js'

/** A URL; one without a scheme (`evil.example/x`) is taken for http. */
export function url(value: string): Normalisation {
  return located(value, guessedScheme)
}

/** A URI under the type `uri`, which often holds no more than a path: that alone names nothing. */
export function uri(value: string): Normalisation {
  return located(value, () => refuse(REASONS.relativeUri))
}

/**
 * The normal forms of a URL as a log holds it; none where it is no URL. One without a scheme is both
 * http and https.
 */
export function observedUrls(value: string): readonly string[] {
  const trimmed = value.trim()
  if (generalFault(trimmed, MAX_TEXT) !== undefined) return []
  const text = refangUrl(trimmed)
  const rest = SCHEME.test(text) ? null : schemeless(text)
  const written = rest === null ? [text] : [`http://${rest}`, `https://${rest}`]
  return written.flatMap((one) => (SCHEME.test(one) ? (normalUrl(one) ?? []) : []))
}

/** Parts of a URL's normal form that stand for themselves. */
export function hostOf(normalUrl: string): string {
  const start = normalUrl.indexOf('://') + 3
  const authority = normalUrl.slice(start, normalUrl.indexOf('/', start))
  return authority.replace(/:\d+$/, '')
}

const SCHEME = /^([a-z][a-z0-9+.-]{0,31}):\/\//i
const SPECIAL = /^(?:https?|ftp|wss?):/i

function located(value: string, withoutScheme: (text: string) => Normalisation): Normalisation {
  const trimmed = value.trim()
  const fault = generalFault(trimmed, MAX_TEXT)
  if (fault !== undefined) return refuse(fault)
  const text = refangUrl(trimmed)
  return SCHEME.test(text) ? withAlias(normalUrl(text), text) : withoutScheme(text)
}

/** Only what starts with a name of two labels or an address is a URL whose scheme was left out. */
function guessedScheme(text: string): Normalisation {
  const rest = schemeless(text)
  return rest === null ? refuse(REASONS.url) : withAlias(normalUrl(`http://${rest}`), text)
}

/** From the host on; null where there is none. */
function schemeless(text: string): string | null {
  const rest = text.startsWith('//') ? text.slice(2) : text
  const host = /^(?:\[[^\]/]{2,45}\]|[^/?#:@\\]{3,})(?=[/?#]|:\d{1,5}(?:[/?#]|$)|$)/.exec(rest)?.[0]
  const isHost = host !== undefined && (readIp(host) ?? dotted(readName(host))) !== null
  return isHost ? rest : null
}

function dotted(name: string | null): string | null {
  return name?.includes('.') ? name : null
}

function withAlias(normal: string | null, written: string): Normalisation {
  if (normal === null) return refuse(REASONS.urlHost)
  const main = { space: 'url', value: normal, port: 0, alias: false, weak: false }
  if (normal === written) return { ok: true, meanings: [main] }
  return { ok: true, meanings: [main, { ...main, value: written, alias: true }] }
}

/** Null where there is no valid host. */
function normalUrl(text: string): string | null {
  if (!SPECIAL.test(text)) return otherScheme(text)
  const parsed = parse(text)
  if (parsed === null) return null
  const host = normalHost(parsed.hostname)
  if (host === null) return null
  return rebuild({ parsed, scheme: parsed.protocol, host, port: parsed.port })
}

/**
 * Of schemes that it doesn't know, WHATWG's parser leaves host and path as they are. They are read as
 * http, and once more as https, so that neither's default port gets lost.
 */
function otherScheme(text: string): string | null {
  const scheme = text.slice(0, text.indexOf('://') + 1).toLowerCase()
  const rest = text.slice(scheme.length)
  // http skips extra slashes, and would take `file:///etc/x` for a host `etc`.
  const parsed = /^\/\/[/\\]/.test(rest) ? null : parse(`http:${rest}`)
  const host = parsed === null ? null : normalHost(parsed.hostname)
  if (parsed === null || host === null) return null
  const port = parsed.port || (parse(`https:${rest}`)?.port ?? '')
  return rebuild({ parsed, scheme, host, port })
}

function parse(text: string): URL | null {
  try {
    return new URL(text)
  } catch {
    return null
  }
}

function normalHost(hostname: string): string | null {
  if (hostname.startsWith('[') || isIpv4(hostname)) return hostname
  return readName(hostname)
}

interface Parts {
  readonly parsed: URL
  readonly scheme: string
  readonly host: string
  readonly port: string
}

function rebuild({ parsed, scheme, host, port }: Parts): string {
  return `${scheme}//${host}${port === '' ? '' : `:${port}`}${normalPath(parsed.pathname)}${parsed.search}`
}

/**
 * A key must not change with the version of Node. Newer ones percent-encode `^` in a path, older ones
 * don't; Ada 2.9 (in Node 20) leaves `/.x/..` as it is, where the URL Standard takes both away.
 */
function normalPath(path: string): string {
  const encoded = path.includes('^') ? path.replaceAll('^', '%5E') : path
  return DOT_SEGMENT.test(encoded) ? withoutDotSegments(encoded) : encoded
}

const DOT_SEGMENT = /\/\.\.?(?:\/|$)/

/** https://url.spec.whatwg.org/#path-state */
function withoutDotSegments(path: string): string {
  const segments: string[] = []
  const parts = path.slice(1).split('/')
  for (const [at, part] of parts.entries()) {
    if (part === '..') segments.pop()
    if (part !== '.' && part !== '..') segments.push(part)
    else if (at === parts.length - 1) segments.push('')
  }
  return `/${segments.join('/')}`
}

/**
 * Domain and host names, and the host that goes with a port. Names come out in lower case, without the
 * root's dot, IDN as punycode. A `hostname` matches exactly, a `domain` also everything below it.
 */
import { domainToASCII } from 'node:url'
import type { Normalisation, Space } from './indicator.js'
import { isIpv4, readIp, splitPort, withPort } from './ip.js'
import { MAX_STRUCTURED, means, REASONS, type Reason, refuse, refuseText } from './outcome.js'
import { refang } from './refang.js'

export function domain(value: string): Normalisation {
  return named(value.trim(), 'domain')
}

/** Exact, but `*.evil.example` and `.evil.example` mean the domain. */
export function hostname(value: string): Normalisation {
  return named(value.trim(), 'hostname')
}

/** `host|port` or `host:port`. */
export function hostnamePort(value: string): Normalisation {
  const text = value.trim()
  if (text.length > MAX_STRUCTURED) return refuse(REASONS.tooLong)
  const [host, port] = splitPort(refang(text))
  const found = hostname(host)
  const wildcard = found.ok && found.meanings[0]?.space === 'domain'
  return wildcard ? refuse(REASONS.wildcardWithPort) : withPort(found, port)
}

/** A name below `.onion`, a domain like any other. */
export function onion(value: string): Normalisation {
  const found = domain(value)
  if (!found.ok) return found
  const isOnion = found.meanings[0]?.value.endsWith('.onion') ?? false
  return isOnion ? found : refuse(REASONS.onion)
}

/** A name's normal form, null if it is none. No wildcards, no addresses. */
export function readName(text: string): string | null {
  const plain = readPlainName(text) ?? readIdn(text)
  return plain === null || endsInNumber(plain) ? null : plain
}

/** Itself and each parent: `a.evil.example`, `evil.example`, `example`. */
export function selfAndParents(name: string): string[] {
  const names = [name]
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    names.push(name.slice(dot + 1))
  }
  return names
}

function named(text: string, space: Space): Normalisation {
  const plain = readPlainName(text)
  return plain === null ? oddlyNamed(text, space) : sortOutNumbers(plain, space)
}

/** Defanged, wildcard, international, IPv6, or no name at all. */
function oddlyNamed(text: string, space: Space): Normalisation {
  if (text.length > MAX_STRUCTURED) return refuse(REASONS.tooLong)
  const plain = refang(text)
  const bare = plain.replace(/^(?:\*\.|\.)+/, '')
  const name = readPlainName(bare) ?? readIdn(bare)
  if (name !== null && bare === plain) return sortOutNumbers(name, space)
  if (name !== null) return endsInNumber(name) ? refuse(REASONS.numericName) : means('domain', name)
  const address = readIp(plain)
  return address === null ? refuseText(text, whyNotName(bare)) : means('ip', address)
}

/**
 * An address under a type for names still says clearly what is meant, and tools that split URLs into
 * host and path do write it there: losing the indicator would be worse than correcting its type.
 */
function sortOutNumbers(name: string, space: Space): Normalisation {
  if (!endsInNumber(name)) return means(space, name)
  return isIpv4(name) ? means('ip', name) : refuse(REASONS.numericName)
}

/** Browsers and resolvers take such a name for some form of IPv4 address. */
function endsInNumber(name: string): boolean {
  const first = name.charCodeAt(name.lastIndexOf('.') + 1)
  return first >= 48 && first <= 57 && /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(name)
}

const UPPER = 1
const LOWER = 2
const DOT = 3
const CLASS = letterClasses()

function letterClasses(): Uint8Array {
  const classes = new Uint8Array(128)
  for (const letter of 'abcdefghijklmnopqrstuvwxyz0123456789-_') {
    classes[letter.charCodeAt(0)] = LOWER
  }
  for (let code = 65; code <= 90; code++) classes[code] = UPPER
  classes[46] = DOT
  return classes
}

/** Letters, digits, hyphens, underscores; labels of 1 to 63, in all at most 253. */
function readPlainName(text: string): string | null {
  const end = text.endsWith('.') ? text.length - 1 : text.length
  if (end < 1 || end > 253) return null
  let labelStart = 0
  let upper = false
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at)
    const letter = code < 128 ? CLASS[code] : 0
    if (letter === DOT) {
      if (at === labelStart || at - labelStart > 63) return null
      labelStart = at + 1
    } else if (letter === UPPER) upper = true
    else if (letter !== LOWER) return null
  }
  if (end === labelStart || end - labelStart > 63) return null
  const name = end === text.length ? text : text.slice(0, end)
  return upper ? name.toLowerCase() : name
}

function readIdn(text: string): string | null {
  // domainToASCII parses a whole authority: it would silently drop a path, and it reads percent signs.
  const isCandidate = text.length <= MAX_STRUCTURED && /^[a-z0-9._\u0080-\uffff-]+$/i.test(text)
  return isCandidate && /[\u0080-\uffff]/.test(text) ? readPlainName(domainToASCII(text)) : null
}

function whyNotName(text: string): Reason {
  return text.length > 253 && /^[a-z0-9._-]+$/i.test(text) ? REASONS.nameTooLong : REASONS.name
}

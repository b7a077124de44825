/** What the policy is asked about, and how it looks at it. */
import { domainToASCII } from 'node:url'
import type { Kind, Space } from '../indicators/indicator.js'
import { embeddedIpv4, parseRange, type Range } from './address.js'

/** One meaning of one attribute, normalised, with what its attribute and event say. */
export interface Subject {
  readonly space: Space
  /** Normalised; of an `ip-port` only the address. */
  readonly value: string
  /** 0 where there is none. */
  readonly port: number
  readonly weak: boolean
  readonly kind: Kind
  /** MISP's type as it was, e.g. `domain|ip`. */
  readonly type: string
  /** Epoch seconds. */
  readonly timestamp: number
  readonly lastSeen: number | null
  /** The attribute's own. */
  readonly tags: readonly string[]
  readonly eventTags: readonly string[]
}

/** A subject taken apart once, for all the rules and lists. */
export interface Probe {
  readonly subject: Subject
  /** The host that the value is, or is on; null where it has none. */
  readonly host: Span | null
  /**
   * False where the host is only context: a URL that names more than a host's front page, the domain
   * of an e-mail address. What is said of such a host says nothing of the indicator.
   */
  readonly hostIsAll: boolean
  /** The host's name and every name above it, longest first; empty where the host is an address. */
  readonly names: readonly string[]
  /** The addresses meant; an IPv6 range that carries IPv4 inside means both. */
  readonly ranges: readonly Range[]
}

interface Span {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** As many labels as 253 characters can have. */
const MOST_LABELS = 127
const NONE: readonly never[] = []

export function probeOf(subject: Subject): Probe {
  switch (subject.space) {
    case 'ip':
    case 'net':
    case 'domain':
    case 'hostname':
      return hostProbe(subject, wholeSpan(subject.value), true)
    case 'url':
      return urlProbe(subject)
    case 'email':
      return emailProbe(subject)
    default:
      return hostless(subject)
  }
}

/** The name and every name above it, longest first: `a.b.c`, `b.c`, `c`. */
export function namesUpward(name: string): string[] {
  const names = [name]
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    if (names.length > MOST_LABELS) break
    names.push(name.slice(dot + 1))
  }
  return names
}

/** A host name as people and lists write it: `*.Example.ORG.`, `.example.org`, in any script. */
export function plainName(text: string): string {
  const bare = text
    .trim()
    .replace(/^\*?\.+/, '')
    .replace(/\.+$/, '')
  const ascii = /^[\x20-\x7e]*$/.test(bare)
  return (ascii ? bare : domainToASCII(bare)).toLowerCase()
}

function hostless(subject: Subject): Probe {
  return { subject, host: null, hostIsAll: false, names: NONE, ranges: NONE }
}

function hostProbe(subject: Subject, host: Span, hostIsAll: boolean): Probe {
  if (host.text === '') return hostless(subject)
  const range = mayBeAddress(host.text) ? parseRange(host.text) : null
  if (!range) return { subject, host, hostIsAll, names: namesUpward(host.text), ranges: NONE }
  const inside = embeddedIpv4(range)
  return { subject, host, hostIsAll, names: NONE, ranges: inside ? [range, inside] : [range] }
}

function urlProbe(subject: Subject): Probe {
  const url = subject.value
  const scheme = url.indexOf('://')
  const start = scheme < 0 ? 0 : scheme + 3
  const end = endOfAuthority(url, start)
  const host = hostSpan(url, start, end)
  return hostProbe(subject, host, isFrontPage(url, end))
}

function emailProbe(subject: Subject): Probe {
  const at = subject.value.lastIndexOf('@')
  const text = subject.value.slice(at + 1).toLowerCase()
  return hostProbe(subject, { text, start: at + 1, end: subject.value.length }, false)
}

function wholeSpan(text: string): Span {
  return { text, start: 0, end: text.length }
}

function endOfAuthority(url: string, start: number): number {
  for (let i = start; i < url.length; i++) {
    const char = url.charCodeAt(i)
    if (char === 0x2f || char === 0x3f || char === 0x23 || char === 0x5c) return i
  }
  return url.length
}

/** Without user information, port and the brackets of IPv6. */
function hostSpan(url: string, authorityStart: number, authorityEnd: number): Span {
  const authority = url.slice(authorityStart, authorityEnd)
  const start = authorityStart + authority.lastIndexOf('@') + 1
  const bracketed = url.charCodeAt(start) === 0x5b
  const close = bracketed ? url.indexOf(']', start) : url.indexOf(':', start)
  const end = close < 0 || close > authorityEnd ? authorityEnd : close
  const first = bracketed ? start + 1 : start
  return { text: url.slice(first, end).toLowerCase(), start: first, end }
}

function isFrontPage(url: string, end: number): boolean {
  const rest = url.slice(end, end + 2)
  return rest === '' || rest === '/' || rest.startsWith('#') || rest === '/#'
}

/** Cheap: addresses begin with a digit, or hold a colon. */
function mayBeAddress(text: string): boolean {
  const first = text.charCodeAt(0) - 48
  return (first >= 0 && first <= 9) || text.includes(':')
}

/**
 * The rules, in the order in which they are asked; the first that says something decides. Each is a
 * pure function of the subject, the time and the settings. The reference is made from this table.
 *
 * Holds by hand are not here: the ledger keeps them, and they beat everything, `allow` included. At
 * 3 a.m. a kill switch must win, whatever some config says.
 */
import { getPublicSuffix } from 'tldts'
import type { Range } from './address.js'
import type { Rulebook } from './rulebook.js'
import { EMPTY_FILE_HASHES, specialNet } from './special.js'
import type { Probe } from './subject.js'
import { strictestTlp, strictness } from './tlp.js'

export type RuleName =
  | 'allow'
  | 'wide-net'
  | 'special-address'
  | 'single-label'
  | 'public-suffix'
  | 'empty-file'
  | 'own'
  | 'list'
  | 'kind'
  | 'tlp'
  | 'age'
  | 'validity'

export interface Question {
  readonly probe: Probe
  /** Epoch seconds. */
  readonly now: number
  readonly book: Rulebook
}

export interface Rule {
  readonly name: RuleName
  /** What happens where the rule speaks. */
  readonly effect: 'serve' | 'hold'
  /** For the reference: when the rule speaks. */
  readonly explain: string
  /** For the reference: what it says, with what varies in <angle brackets>. */
  readonly says: string
  /** The reason, or null where the rule has nothing to say. The same at any time while it applies. */
  readonly judge: (question: Question) => string | null
}

export const RULES: readonly Rule[] = [
  {
    name: 'allow',
    effect: 'serve',
    explain:
      'The value, or the net or domain it lies in, stands under `allow`. It is served at once: no screening, no TLP, no age.',
    says: 'is allowed by <entry>',
    judge: allowed,
  },
  {
    name: 'wide-net',
    effect: 'hold',
    explain: 'A net wider than `widest_net`.',
    says: 'is a net wider than /<prefix>',
    judge: tooWide,
  },
  {
    name: 'special-address',
    effect: 'hold',
    explain:
      'An address in a special-purpose net (table below), a net that touches one, or a URL on one; also IPv4 carried in IPv6 (NAT64, 6to4, IPv4-compatible).',
    says: 'touches <what> addresses (<net>)',
    judge: special,
  },
  {
    name: 'single-label',
    effect: 'hold',
    explain: 'A name without a dot, or a URL or e-mail address on one.',
    says: 'has a name of one label',
    judge: singleLabel,
  },
  {
    name: 'public-suffix',
    effect: 'hold',
    explain:
      'A name under which others register theirs, by the Public Suffix List with its private part (`co.uk`, `github.io`), or the front page of one. What is below it is served.',
    says: 'is a public suffix (<name>)',
    judge: publicSuffix,
  },
  {
    name: 'empty-file',
    effect: 'hold',
    explain: 'The hash of a file of no bytes.',
    says: 'is the <kind> of the empty file',
    judge: emptyFile,
  },
  {
    name: 'own',
    effect: 'hold',
    explain: 'In what stands under `own`, around it, or a URL or e-mail address on it.',
    says: "touches one's own <entry>",
    judge: own,
  },
  {
    name: 'list',
    effect: 'hold',
    explain:
      'On a warninglist that holds: the value is on the list, or the value would match an entry of the list. Of a host on a list, a URL is held only if it is the front page; an e-mail address only if the list names more than its domain.',
    says: 'is on the list "<list>" (<entry>)',
    judge: onList,
  },
  {
    name: 'kind',
    effect: 'hold',
    explain: 'Of a kind that is served only where `kinds` names it.',
    says: 'is of kind <kind>, which is not served unless the setting kinds names it',
    judge: notAskedFor,
  },
  {
    name: 'tlp',
    effect: 'hold',
    explain:
      'Its TLP is stricter than `max_tlp`. `tlp:white` is clear, `tlp:ex:chr` and `tlp:unclear` set no level, any other `tlp:` tag that is unknown counts as red.',
    says: 'is TLP:<level> by <tag>, stricter than TLP:<max_tlp>',
    judge: tooSecret,
  },
  {
    name: 'age',
    effect: 'hold',
    explain:
      'Older than `max_age` of its kind, counted from the later of last_seen and timestamp. Held from the very second on that the limit is reached.',
    says: 'is older than <max_age>: last seen or changed <date>',
    judge: tooOld,
  },
  {
    name: 'validity',
    effect: 'hold',
    explain:
      'Its last_seen has passed, and `validity` is on. Served in the second of last_seen still.',
    says: 'was valid until <date>',
    judge: notValid,
  },
]

/** Epoch seconds from which on the subject is too old; Infinity if never. */
export function ageEnd({ probe: { subject }, book }: Question): number {
  const limit = book.ageLimit(subject.kind)
  return Math.max(subject.timestamp, subject.lastSeen ?? subject.timestamp) + limit
}

/** Epoch seconds from which on the subject is no longer valid; Infinity if never. */
export function validityEnd({ probe: { subject }, book }: Question): number {
  if (subject.lastSeen === null || !book.settings.validity) return Number.POSITIVE_INFINITY
  return Math.floor(subject.lastSeen) + 1
}

function allowed({ probe, book }: Question): string | null {
  const entry = book.allow?.covering(probe) ?? null
  return entry === null ? null : `is allowed by ${shown(entry)}`
}

function tooWide({ probe, book }: Question): string | null {
  if (probe.subject.space !== 'net') return null
  for (const range of probe.ranges) {
    const widest = widestOf(range, book)
    if (range.prefix < widest) return `is a net wider than /${widest}`
  }
  return null
}

function widestOf(range: Range, { settings: { widest_net } }: Rulebook): number {
  return range.family === 4 ? widest_net.v4 : widest_net.v6
}

function special({ probe }: Question): string | null {
  if (probe.subject.space === 'email') return null
  for (const range of probe.ranges) {
    const found = specialNet(range)
    if (found) return `touches ${found.what} addresses (${found.net})`
  }
  return null
}

function singleLabel({ probe: { names } }: Question): string | null {
  return names.length === 1 ? 'has a name of one label' : null
}

function publicSuffix({ probe: { host, hostIsAll, names } }: Question): string | null {
  if (!hostIsAll || !host || names.length === 0) return null
  return getPublicSuffix(host.text, SUFFIX_OPTIONS) === host.text
    ? `is a public suffix (${shown(host.text)})`
    : null
}

/** The host is taken out already; tldts would only do it again. */
const SUFFIX_OPTIONS = {
  allowPrivateDomains: true,
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
} as const

function emptyFile({ probe: { subject } }: Question): string | null {
  if (EMPTY_FILE_HASHES[subject.space] !== subject.value) return null
  return `is the ${subject.space} of the empty file`
}

function own({ probe, book }: Question): string | null {
  const entry = book.own?.touching(probe) ?? null
  return entry === null ? null : `touches one's own ${shown(entry)}`
}

function onList({ probe, book }: Question): string | null {
  for (const list of book.holding.candidates(probe)) {
    const entry = list.value(probe)
    if (entry !== null) return `is on the list "${shown(list.name)}" (${shown(entry)})`
  }
  return null
}

function notAskedFor({ probe: { subject }, book }: Question): string | null {
  if (!book.isUnasked(subject.kind)) return null
  return `is of kind ${subject.kind}, which is not served unless the setting kinds names it`
}

function tooSecret({ probe: { subject }, book }: Question): string | null {
  const { max_tlp, untagged_as } = book.settings
  if (max_tlp === 'red') return null
  const { level, tag } = strictestTlp([subject.eventTags, subject.tags], untagged_as)
  if (strictness(level) <= strictness(max_tlp)) return null
  const by = tag === null ? 'untagged_as' : `the tag ${shown(tag)}`
  return `is TLP:${level.toUpperCase()} by ${by}, stricter than TLP:${max_tlp.toUpperCase()}`
}

function tooOld(question: Question): string | null {
  const { probe, now, book } = question
  const end = ageEnd(question)
  if (!(now >= end)) return null
  const since = end - book.ageLimit(probe.subject.kind)
  return `is older than ${book.ageText(probe.subject.kind)}: last seen or changed ${day(since)}`
}

function notValid(question: Question): string | null {
  if (!(question.now >= validityEnd(question))) return null
  return `was valid until ${day(question.probe.subject.lastSeen ?? 0)}`
}

/** `2026-11-21`; the bare number where a source sends what is no date. */
function day(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString().slice(0, 10)
}

/** Reasons are stored with every carrier: foreign text in them stays short. */
function shown(text: string): string {
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`
}

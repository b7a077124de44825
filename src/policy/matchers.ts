/** The five types of warninglists, each as a matcher. */
import { parseRange, type Range } from './address.js'
import { Intervals } from './intervals.js'
import { Pattern } from './pattern.js'
import { PatternRefused } from './pattern-parser.js'
import { Scope } from './scope.js'
import type { Probe } from './subject.js'
import { Substrings } from './substrings.js'

export const LIST_TYPES = ['string', 'substring', 'hostname', 'cidr', 'regex'] as const
export type ListType = (typeof LIST_TYPES)[number]

/** Answers the entry that was met, or null. */
export interface Matcher {
  /** The entry is, contains, or lies inside the indicator itself. */
  value(probe: Probe): string | null
  /** As `value`, and the same for the host that the indicator is on. */
  host(probe: Probe): string | null
}

export interface Refused {
  readonly entry: string
  readonly reason: string
}

interface Compiled {
  readonly matcher: Matcher
  /** What a union of many lists can be made of; null where the list has to be asked itself. */
  readonly hosts: readonly string[] | null
  readonly refused: readonly Refused[]
}

/** Entries that can't be used are answered, not thrown: one bad line must not cost the list. */
export function compileMatcher(type: ListType, entries: readonly string[]): Compiled {
  return COMPILERS[type](entries)
}

const COMPILERS: Readonly<Record<ListType, (entries: readonly string[]) => Compiled>> = {
  string: (entries) => scopeMatcher(entries, false),
  hostname: (entries) => scopeMatcher(entries, true),
  substring: (entries) => substringMatcher(entries),
  cidr: (entries) => cidrMatcher(entries),
  regex: (entries) => regexMatcher(entries),
}

function scopeMatcher(entries: readonly string[], below: boolean): Compiled {
  const scope = new Scope(entries, { below, nets: false })
  const host = (probe: Probe) => scope.touching(probe)
  const value = (probe: Probe) => (probe.hostIsAll ? host(probe) : scope.touchingValue(probe))
  return { matcher: { value, host }, hosts: entries, refused: [] }
}

/** What is found within the host of a URL or an e-mail address speaks of the host only. */
function substringMatcher(entries: readonly string[]): Compiled {
  const texts = new Substrings(entries)
  const host = ({ subject }: Probe) => texts.find(subject.value, () => true)?.text ?? null
  const value = (probe: Probe) => {
    const { host: span, hostIsAll, subject } = probe
    if (hostIsAll || !span) return host(probe)
    const outside = texts.find(
      subject.value,
      ({ start, end }) => start < span.start || end > span.end,
    )
    return outside?.text ?? null
  }
  return { matcher: { value, host }, hosts: null, refused: [] }
}

function cidrMatcher(entries: readonly string[]): Compiled {
  const refused: Refused[] = []
  const nets: { range: Range; text: string }[] = []
  for (const entry of entries) {
    const range = parseRange(entry)
    if (range) nets.push({ range, text: entry })
    else refused.push({ entry, reason: 'is no address and no net' })
  }
  const intervals = new Intervals(nets)
  const host = ({ ranges }: Probe) => {
    for (const range of ranges) {
      const entry = intervals.overlapping(range)
      if (entry !== null) return entry
    }
    return null
  }
  const value = (probe: Probe) => (probe.hostIsAll ? host(probe) : null)
  return { matcher: { value, host }, hosts: nets.map(({ text }) => text), refused }
}

/** A pattern is taken at its word: it is written for the whole value, wherever in it it matches. */
function regexMatcher(entries: readonly string[]): Compiled {
  const refused: Refused[] = []
  const patterns: { pattern: Pattern; entry: string }[] = []
  for (const entry of entries) {
    try {
      patterns.push({ pattern: new Pattern(entry), entry })
    } catch (error) {
      if (!(error instanceof PatternRefused)) throw error
      refused.push({ entry, reason: error.message })
    }
  }
  const value = ({ subject }: Probe) =>
    patterns.find(({ pattern }) => pattern.test(subject.value))?.entry ?? null
  return { matcher: { value, host: value }, hosts: null, refused }
}

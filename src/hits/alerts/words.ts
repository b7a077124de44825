/** What an alert says to people, in plain text: for chat and mail. Pure. */
import { strictness, type Tlp } from '../../policy/tlp.js'
import type { ToldAlert, ToldEvent, ToldFacts, ToldSight } from './disclose.js'
import { clipped, ours, theirs } from './foreign.js'
import { fill, type Values } from './template.js'

export interface Templates {
  /** Of a first sight. */
  readonly message: string
  /** Of a sight in a digest, one line. */
  readonly line: string
  readonly subject: string
}

export const DEFAULT_TEMPLATES: Templates = {
  message: `{kind} {value}
met by {inside} (network {network})
seen as {observable} in {field} of {label}, {when} {backscan}
events: {events}
TLP {tlp}, from {source}
{links}`,
  line: '{count} x {kind} {value}, {inside} (network {network}), {when} {backscan}',
  subject: '[tipline] {kind} {value} met by {inside}',
}

export interface Wording {
  /** One line. */
  readonly subject: string
  readonly body: string
}

/** Longer ones are cut by servers and clients, each in its own way. */
const LONGEST_SUBJECT = 200
const LONGEST_BODY = 12_000
const MOST_EVENTS = 5

/** No foreign text in it holds a line break, a control character, a link or a mention; markup it may. */
export function wordsOf(alert: ToldAlert, templates: Templates): Wording {
  const { subject, body } = WORDS[alert.kind]({ alert, templates })
  return {
    subject: clipped(subject.replace(/\s+/g, ' ').trim(), LONGEST_SUBJECT),
    body: clipped(body.replace(/[ \t]+$/gm, '').trim(), LONGEST_BODY),
  }
}

interface Telling {
  readonly alert: ToldAlert
  readonly templates: Templates
}

const WORDS: Readonly<Record<ToldAlert['kind'], (telling: Telling) => Wording>> = {
  hit: firstSight,
  digest,
  flood: ({ alert: { limit, channel } }) => ({
    subject: '[tipline] too many hits: the rest follows in the digest',
    body: `${limit} alerts within an hour through ${channel}. Further first sights of this hour are only counted; they follow in the digest.`,
  }),
  test: ({ alert: { channel } }) => ({
    subject: '[tipline] test',
    body: `A test of the channel ${channel}, sent by tipline doctor. No hit stands behind it.`,
  }),
}

function firstSight(telling: Telling): Wording {
  const { alert, templates } = telling
  const [sight] = alert.sights
  if (sight === undefined) return { subject: '', body: '' }
  if (sight.facts === null) {
    const subject = `[tipline] hit on event ${sight.withheld.join(' ')}`
    return { subject, body: withheldLine(sight) }
  }
  const values = valuesOf({ sight, facts: sight.facts, telling })
  return { subject: fill(templates.subject, values), body: fill(templates.message, values) }
}

function digest(telling: Telling): Wording {
  const { sights, more } = telling.alert
  const hits = sights.reduce((sum, { count }) => sum + count, 0)
  const pairs = sights.length + more
  const rest = more === 0 ? [] : [`and ${more} more: see tipline hits`]
  const head = `${pairs} ${pairs === 1 ? 'indicator' : 'indicators'} met again or not told of before:`
  return {
    subject: `[tipline] digest: ${hits} ${hits === 1 ? 'hit' : 'hits'}${more === 0 ? '' : ' and more'}`,
    body: [head, ...sights.map((sight) => lineOf(sight, telling)), ...rest].join('\n'),
  }
}

function lineOf(sight: ToldSight, telling: Telling): string {
  if (sight.facts === null) return `${sight.count} x ${withheldLine(sight)}`
  const line = fill(telling.templates.line, valuesOf({ sight, facts: sight.facts, telling }))
  return line.replace(/\s+/g, ' ').trim()
}

/** Nothing of the indicator, nor of who met it. */
function withheldLine(sight: ToldSight): string {
  const events = sight.withheld.join(', ')
  const where = sight.network === '' ? '' : ` in network ${ours(sight.network)}`
  return `a hit that may not be told here (TLP)${where}, ${period(sight)}${pastOf(sight)}; event ${events}`
}

function pastOf({ backscan }: ToldSight): string {
  return backscan ? ' (found in the past)' : ''
}

function valuesOf(input: { sight: ToldSight; facts: ToldFacts; telling: Telling }): Values {
  const { sight, facts, telling } = input
  return {
    kind: theirs(facts.indicator.kind),
    value: theirs(facts.indicator.value),
    inside: ours(facts.inside) || '-',
    network: ours(sight.network) || '-',
    observable: theirs(facts.observable) || '-',
    field: FIELD.test(facts.field) ? facts.field : theirs(facts.field) || '-',
    label: theirs(facts.label) || '-',
    count: String(sight.count),
    first: utc(sight.first),
    last: utc(sight.last),
    when: period(sight),
    events: eventsText(sight),
    links: linksOf(sight).join('\n'),
    tlp: widestOf(sight.events),
    source: [...new Set(sight.events.map(({ source }) => theirs(source)))].join(', '),
    hit: theirs(facts.hit),
    backscan: sight.backscan ? 'found in the past' : '',
    channel: telling.alert.channel,
  }
}

/** Names of fields come from our own table or config; their dots are no link's. */
const FIELD = /^[A-Za-z0-9_]{1,60}(\.[A-Za-z0-9_]{1,60}){0,5}$/

function eventsText({ events, withheld }: ToldSight): string {
  const named = events.map(({ info, uuid }) => `${theirs(info)} (${theirs(uuid)})`)
  const all = [...new Set(named), ...withheld]
  const rest = all.length - MOST_EVENTS
  return [...all.slice(0, MOST_EVENTS), ...(rest > 0 ? [`${rest} more`] : [])].join('; ')
}

/** Of our config and MISP's numbers; whatever is no plain address of the web is left out. */
export function linksOf({ events }: Pick<ToldSight, 'events'>): string[] {
  const links = events.flatMap(({ link }) => (link !== null && LINK.test(link) ? [link] : []))
  return [...new Set(links)].slice(0, MOST_EVENTS)
}

const LINK = /^https?:\/\/[\w.:[\]-]+(\/[\w./%~+-]*)?$/

function widestOf(events: readonly ToldEvent[]): string {
  const levels = events.map(({ tlp }): Tlp => tlp)
  return (levels.sort((a, b) => strictness(a) - strictness(b))[0] ?? '-').toUpperCase()
}

function period({ first, last }: ToldSight): string {
  return first === last ? utc(first) : `${utc(first)} to ${utc(last)}`
}

/** Seconds will do for people. Times that JavaScript can't tell come from odd logs. */
function utc(at: number): string {
  if (!(Math.abs(at) <= 8.64e15)) return 'at an unknown time'
  return new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

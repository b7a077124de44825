/** What an alert says to people, in plain text: for chat and mail. Pure. */
import { strictness, type Tlp } from '../../policy/tlp.js'
import type { ToldAlert, ToldEvent, ToldFacts, ToldSight } from './disclose.js'
import { clipped, ours, theirs } from './foreign.js'
import { fill } from './template.js'
import type { DIGEST, FLOOD, REST, SIGHT, Templates, WITHHELD } from './templates.js'

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

/** Each name of a template, with what stands for it. */
type ValuesOf<T> = Readonly<Record<keyof T, string>>

const WORDS: Readonly<Record<ToldAlert['kind'], (telling: Telling) => Wording>> = {
  hit: firstSight,
  digest,
  flood: ({ alert: { limit, channel }, templates }) => {
    const values: ValuesOf<typeof FLOOD> = { limit: String(limit), channel }
    return {
      subject: fill(templates.flood_subject, values),
      body: fill(templates.flood, values),
    }
  },
  test,
}

function firstSight(telling: Telling): Wording {
  const { alert, templates } = telling
  const [sight] = alert.sights
  if (sight === undefined) return { subject: '', body: '' }
  if (sight.facts === null) {
    const values = withheldValues(sight, telling)
    return {
      subject: fill(templates.withheld_subject, values),
      body: fill(templates.withheld, values),
    }
  }
  const values = valuesOf({ sight, facts: sight.facts, telling })
  return { subject: fill(templates.subject, values), body: fill(templates.message, values) }
}

function digest(telling: Telling): Wording {
  const { alert, templates } = telling
  const { sights, more, channel } = alert
  const hits = sights.reduce((sum, { count }) => sum + count, 0)
  const values: ValuesOf<typeof DIGEST> = {
    pairs: String(sights.length + more),
    hits: more === 0 ? String(hits) : `${hits}+`,
    channel,
  }
  const left: ValuesOf<typeof REST> = { more: String(more), channel }
  return {
    subject: fill(templates.digest_subject, values),
    body: [
      fill(templates.digest, values),
      ...sights.map((sight) => lineOf(sight, telling)),
      ...(more === 0 ? [] : [fill(templates.rest, left)]),
    ].join('\n'),
  }
}

function lineOf(sight: ToldSight, telling: Telling): string {
  const { line, withheld } = telling.templates
  const text =
    sight.facts === null
      ? `${sight.count} x ${fill(withheld, withheldValues(sight, telling))}`
      : fill(line, valuesOf({ sight, facts: sight.facts, telling }))
  return text.replace(/\s+/g, ' ').trim()
}

/** By whoever sets the channel up: an alert in its words follows, of what never happened. */
function test(telling: Telling): Wording {
  const { channel, at } = telling.alert
  const example = firstSight({ ...telling, alert: { ...telling.alert, sights: [exampleAt(at)] } })
  const says = `A test of the channel ${channel}, sent by tipline doctor. No hit stands behind it.`
  return {
    subject: '[tipline] test',
    body: `${says}\n\nAn alert reads like this:\n\n${example.subject}\n\n${example.body}`,
  }
}

function exampleAt(at: number): ToldSight {
  const uuid = '00000000-0000-4000-8000-000000000000'
  const event = { source: 'main', id: '0', uuid, info: 'Example of an event', link: null }
  return {
    facts: {
      indicator: { kind: 'domain', value: 'evil.example' },
      inside: '192.0.2.7',
      observable: 'www.evil.example',
      field: 'dns.question.name',
      label: 'resolver-1',
      hit: 'log-0',
    },
    events: [{ ...event, attribute: { uuid, type: 'domain' }, tlp: 'green' }],
    withheld: [],
    network: 'campus',
    first: at,
    last: at,
    count: 1,
    backscan: false,
  }
}

/** Nothing of the indicator, nor of who met it. */
function withheldValues(
  sight: ToldSight,
  telling: Telling,
): ValuesOf<typeof WITHHELD & { events: string }> {
  return { ...commonValues(sight, telling), events: sight.withheld.join(', ') }
}

function commonValues(sight: ToldSight, { alert, templates }: Telling): ValuesOf<typeof WITHHELD> {
  return {
    network: ours(sight.network) || '-',
    count: String(sight.count),
    first: utc(sight.first),
    last: utc(sight.last),
    when: period(sight),
    backscan: sight.backscan ? templates.past : '',
    channel: alert.channel,
  }
}

function valuesOf(input: {
  sight: ToldSight
  facts: ToldFacts
  telling: Telling
}): ValuesOf<typeof SIGHT> {
  const { sight, facts, telling } = input
  return {
    ...commonValues(sight, telling),
    kind: theirs(facts.indicator.kind),
    value: theirs(facts.indicator.value),
    inside: ours(facts.inside) || '-',
    observable: theirs(facts.observable) || '-',
    field: FIELD.test(facts.field) ? facts.field : theirs(facts.field) || '-',
    label: theirs(facts.label) || '-',
    events: eventsText(sight),
    links: linksOf(sight).join('\n'),
    tlp: widestOf(sight.events),
    source: [...new Set(sight.events.map(({ source }) => theirs(source)))].join(', '),
    hit: theirs(facts.hit),
  }
}

/** Names of fields come from our own table or config; their dots are no link's. */
const FIELD = /^[A-Za-z0-9_]{1,60}(\.[A-Za-z0-9_]{1,60}){0,5}$/

function eventsText({ events, withheld }: ToldSight): string {
  const named = events.map(({ info, uuid }) => `${theirs(info)} (${theirs(uuid)})`)
  const all = [...new Set(named), ...withheld]
  const rest = all.length - MOST_EVENTS
  return [...all.slice(0, MOST_EVENTS), ...(rest > 0 ? [`+${rest}`] : [])].join('; ')
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

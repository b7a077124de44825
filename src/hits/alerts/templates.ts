/**
 * What an alert says to people, each text a setting: so that a team reads it in its own words and
 * language. Pure.
 */
import { z } from 'zod'
import { templateSetting } from './template.js'

/** Names of what is known of a sight, with what the guide tells of them. */
export const SIGHT = {
  kind: 'kind of the indicator, e.g. `domain`',
  value: 'the indicator',
  inside: 'who of ours met it: an address or name',
  network: 'the name under `networks` in which that lies',
  observable: 'what met the indicator, as log or flow had it',
  field: 'the field in which it stood',
  label: 'where it was seen: the label of logs, or the exporter of flows',
  count: 'how often',
  first: 'when first, in UTC',
  last: 'when last, in UTC',
  when: 'first, or first to last',
  events: 'the events: titles, with their UUIDs',
  links: "the events' pages in MISP, one a line",
  tlp: 'the widest TLP of its events',
  source: 'the sources of its events',
  hit: "tipline's own id of the newest hit",
  backscan: 'the text `past` where it was found in the past, or nothing',
  channel: 'the name of the channel',
} as const

/** Of one that may not be told here. */
export const WITHHELD = pick('network', 'count', 'first', 'last', 'when', 'backscan', 'channel')

export const DIGEST = {
  pairs: 'how many pairs of indicator and place it tells of',
  hits: 'how often they met',
  channel: SIGHT.channel,
} as const

export const FLOOD = {
  limit: 'the `max_per_hour` of the channel',
  channel: SIGHT.channel,
} as const

export const REST = { more: 'how many pairs are left out', channel: SIGHT.channel } as const

interface Text {
  readonly text: string
  readonly names: readonly string[]
  readonly about: string
}

const sight = Object.keys(SIGHT)
const withheld = [...Object.keys(WITHHELD), 'events']
const digest = Object.keys(DIGEST)
const flood = Object.keys(FLOOD)

/** What people read in the body of a message. */
const BODY = {
  message: {
    text: `{kind} {value}
met by {inside} (network {network})
seen as {observable} in {field} of {label}, {when} {backscan}
events: {events}
TLP {tlp}, from {source}
{links}`,
    names: sight,
    about: 'A first sight.',
  },
  withheld: {
    text: 'a hit that may not be told here (TLP), network {network}, {when}; event {events} {backscan}',
    names: withheld,
    about: 'A sight of which only the UUIDs of its events may leave.',
  },
  digest: {
    text: 'Met again, or not told of before (indicators: {pairs}, hits: {hits}):',
    names: digest,
    about: 'The first line of a digest.',
  },
  line: {
    text: '{count} x {kind} {value}, {inside} (network {network}), {when} {backscan}',
    names: sight,
    about: 'The line of a sight in a digest.',
  },
  rest: {
    text: 'and {more} more: see tipline hits',
    names: Object.keys(REST),
    about: 'The last line of a digest that does not tell of all.',
  },
  flood: {
    text: '{limit} alerts within an hour through {channel}. Further first sights of this hour are only counted; they follow in the digest.',
    names: flood,
    about: 'That the limit of an hour is reached.',
  },
  past: {
    text: '(found in the past)',
    names: [],
    about: 'What `{backscan}` stands for where a hit was found in the past.',
  },
} as const satisfies Record<string, Text>

/** Titles of messages, for channels that have such. */
const TITLES = {
  subject: {
    text: '[tipline] {kind} {value} met by {inside}',
    names: sight,
    about: 'The subject of a first sight.',
  },
  withheld_subject: {
    text: '[tipline] hit on event {events}',
    names: withheld,
    about: 'Of one of which only the UUIDs may leave.',
  },
  digest_subject: {
    text: '[tipline] digest (indicators: {pairs}, hits: {hits})',
    names: digest,
    about: 'Of a digest.',
  },
  flood_subject: {
    text: '[tipline] too many hits: the rest follows in the digest',
    names: flood,
    about: 'Of the word that the limit of an hour is reached.',
  },
} as const satisfies Record<string, Text>

export type Templates = Readonly<Record<keyof typeof BODY | keyof typeof TITLES, string>>

export const DEFAULT_TEMPLATES = textsOf({ ...BODY, ...TITLES }) as Templates

const ABOUT = 'The words of its messages; names in braces stand for what the guide to alerts lists.'

/** For channels whose messages have no title. */
export const bodyTemplates = z.strictObject(settingsOf(BODY)).prefault({}).describe(ABOUT)

export const allTemplates = z
  .strictObject({ ...settingsOf(TITLES), ...settingsOf(BODY) })
  .prefault({})
  .describe(ABOUT)

function textsOf(texts: Readonly<Record<string, Text>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, { text }]) => [name, text]))
}

function settingsOf<T extends Readonly<Record<string, Text>>>(texts: T) {
  const settings = Object.entries(texts).map(([name, { text, names, about }]) => {
    return [name, templateSetting(text, names).describe(about)]
  })
  return Object.fromEntries(settings) as Record<keyof T, ReturnType<typeof templateSetting>>
}

function pick<N extends keyof typeof SIGHT>(...names: readonly N[]): Pick<typeof SIGHT, N> {
  return Object.fromEntries(names.map((name) => [name, SIGHT[name]])) as Pick<typeof SIGHT, N>
}

/** From hits to sights: which of them concern a channel, and which belong together. Pure. */
import type { Hit } from '../hit.js'
import { type Meeting, pairOf, type Sight, type SightEvent } from './alert.js'

export interface Route {
  readonly networks?: readonly string[] | undefined
  readonly kinds?: readonly string[] | undefined
  readonly tags?: readonly string[] | undefined
  readonly per: 'inside' | 'network'
}

export interface Surroundings {
  /** The name of the network that an address lies in; empty: in none. */
  readonly networkOf: (address: string) => string
  /** The tags of a hit's attribute and event, as the ledger has them now. */
  readonly tagsOf: (hit: Hit) => readonly string[]
}

/** A sight for each pair among the hits; what is stale or called false wakes nobody. */
export function gather(
  hits: readonly Hit[],
  route: Route,
  around: Surroundings,
): Map<string, Sight> {
  const sights = new Map<string, Sight>()
  for (const hit of onceEach(hits)) {
    if (hit.stale || hit.falsePositive !== null) continue
    const sight = sightOf(hit, around)
    if (!concerns(route, { hit, sight, around })) continue
    const pair = pairOf(sight, route.per)
    const known = sights.get(pair)
    sights.set(pair, known ? merged(known, sight) : sight)
  }
  return countedOnce(sights, { hits, route, around })
}

/** Followers may be told a hit twice at most in odd cases of ClickHouse; not within one batch. */
function onceEach(hits: readonly Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [hit.id, hit])).values()]
}

function sightOf(hit: Hit, { networkOf }: Surroundings): Sight {
  const { inside, indicator, observable, field, label, first, last, way, id } = hit
  const address = inside?.address ?? ''
  return {
    indicator: { kind: indicator.kind, value: indicator.value },
    inside: address,
    network: inside?.network ?? (address === '' ? '' : networkOf(address)),
    observable,
    field,
    label,
    first,
    last,
    count: 1,
    backscan: way === 'backscan',
    hit: id,
    events: [eventOf(hit)],
    meetings: [],
  }
}

function eventOf({ id: hit, event, attribute, tlp }: Hit): SightEvent {
  const { source, id, uuid, info, link } = event
  return { source, id, uuid, info, link, attribute: { ...attribute }, tlp, hit }
}

function concerns(
  { networks, kinds, tags }: Route,
  { hit, sight, around }: { hit: Hit; sight: Sight; around: Surroundings },
): boolean {
  if (networks !== undefined && !networks.includes(sight.network)) return false
  if (kinds !== undefined && !kinds.includes(hit.indicator.kind)) return false
  return (
    tags === undefined || around.tagsOf(hit).some((tag) => tags.some((each) => fits(tag, each)))
  )
}

/** As MISP's filters have it: without regard to case, `%` at the end stands for anything. */
function fits(tag: string, wanted: string): boolean {
  const [one, other] = [tag.toLowerCase(), wanted.toLowerCase()]
  return other.endsWith('%') ? one.startsWith(other.slice(0, -1)) : one === other
}

/** Attributes of one pair that are told of. */
const MOST_EVENTS = 50
/** Meetings of one pair that are known each: so many can be called false, and be told of no more. */
const MOST_MEETINGS = 50

/** Both in one, as if they had come at once. */
export function merged(one: Sight, other: Sight): Sight {
  const newer = other.last >= one.last ? other : one
  const events = new Map<string, SightEvent>()
  for (const event of [...newer.events, ...one.events, ...other.events]) {
    const key = JSON.stringify([event.source, event.uuid, event.attribute.uuid])
    if (!events.has(key)) events.set(key, event)
  }
  return {
    ...newer,
    first: Math.min(one.first, other.first),
    last: Math.max(one.last, other.last),
    count: one.count + other.count,
    backscan: one.backscan && other.backscan,
    events: [...events.values()].slice(0, MOST_EVENTS),
    meetings: newestOf([...(one.meetings ?? []), ...(other.meetings ?? [])]),
  }
}

function newestOf(meetings: readonly Meeting[]): Meeting[] {
  return meetings.toSorted((a, b) => b.last - a.last).slice(0, MOST_MEETINGS)
}

/** A value in three events is three hits of one meeting. */
function countedOnce(
  sights: Map<string, Sight>,
  { hits, route, around }: { hits: readonly Hit[]; route: Route; around: Surroundings },
): Map<string, Sight> {
  const meetings = new Map<string, Map<string, Meeting>>()
  for (const hit of onceEach(hits)) {
    const sight = sightOf(hit, around)
    const pair = pairOf(sight, route.per)
    if (!sights.has(pair) || hit.stale || hit.falsePositive !== null) continue
    const known = meetings.get(pair) ?? new Map<string, Meeting>()
    const key = keyOf(hit)
    const hitsBefore = known.get(key)?.hits ?? []
    known.set(key, meetingOf(hit, sight, hitsBefore))
    meetings.set(pair, known)
  }
  return new Map(
    [...sights].map(([pair, sight]) => {
      const met = [...(meetings.get(pair)?.values() ?? [])]
      return [pair, { ...sight, count: met.length, meetings: newestOf(met) }]
    }),
  )
}

function keyOf({ kind, first, last, observable, field, label, flow, inside }: Hit): string {
  return JSON.stringify([kind, first, last, observable, field, label, flow, inside?.address])
}

function meetingOf(
  { id, attribute }: Hit,
  { inside, network, observable, field, label, first, last }: Sight,
  others: Meeting['hits'],
): Meeting {
  const hits = [...others, { id, attribute: attribute.uuid }]
  return { inside, network, observable, field, label, first, last, hits }
}

/** From hits to sights: which of them concern a channel, and which belong together. Pure. */
import type { Hit } from '../hit.js'
import { pairOf, type Sight, type SightEvent } from './alert.js'

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
  }
}

/** A value in three events is three hits of one meeting. */
function countedOnce(
  sights: Map<string, Sight>,
  { hits, route, around }: { hits: readonly Hit[]; route: Route; around: Surroundings },
): Map<string, Sight> {
  const meetings = new Map<string, Set<string>>()
  for (const hit of hits) {
    const pair = pairOf(sightOf(hit, around), route.per)
    if (!sights.has(pair) || hit.stale || hit.falsePositive !== null) continue
    const known = meetings.get(pair) ?? new Set()
    meetings.set(pair, known.add(meetingOf(hit)))
  }
  return new Map(
    [...sights].map(([pair, sight]) => [pair, { ...sight, count: meetings.get(pair)?.size ?? 1 }]),
  )
}

function meetingOf({ kind, first, last, observable, field, label, flow, inside }: Hit): string {
  return JSON.stringify([kind, first, last, observable, field, label, flow, inside?.address])
}

/**
 * POST /attributes/restSearch: which rows, in which order, and the numbers in the headers. There
 * is no default order: without `order` every request shuffles anew, so that a client that pages
 * without one loses rows here, and not only at a customer's.
 */
import {
  type DeletedMode,
  deletedMode,
  limitOf,
  nameTest,
  orderOf,
  pageOf,
  publishedWanted,
  type SortKey,
  type Terms,
  terms,
  timeRange,
  toIdsWanted,
} from './filters.js'
import type { AttributeRow, MispEvent } from './model.js'
import { mix } from './random.js'
import type { RowShape } from './rows.js'
import type { Store } from './store.js'
import { seesAllRows, seesEvent, seesRow, type User } from './users.js'
import { warningsFor } from './warninglists.js'

export type Filters = Readonly<Record<string, unknown>>

/** The events that a search may look at; faults put themselves in between here. */
export interface EventSource {
  /** In ascending id. */
  events(): Iterable<MispEvent>
}

export interface Hit {
  readonly event: MispEvent
  readonly row: AttributeRow
}

export interface Found {
  /** May be walked more than once; a bulk world makes its rows afresh each time. */
  readonly hits: Iterable<Hit>
  readonly count: number
  /** X-Result-Count, which is no total. */
  readonly resultCount: number
  /** X-Skipped-Elements-Count: what enforceWarninglist took out after the limit. */
  readonly skipped: number
  readonly shape: RowShape
}

export interface Search {
  readonly store: Store
  readonly source: EventSource
  readonly who: User
  readonly filters: Filters
  /** Seeds the order of a request that asked for none; 0 leaves it by id. */
  readonly shuffle: number
}

/** Above this many rows a search without limit is walked twice rather than kept. */
const KEEP_AT_MOST = 100_000

export function restSearch(search: Search): Found {
  const { filters, store } = search
  const { take, compare } = limitOf(filters.limit)
  const skip = take === undefined ? 0 : (pageOf(filters.page) - 1) * take
  const plan = planOf(search)
  const window = { skip, take: take ?? Number.POSITIVE_INFINITY }
  const { hits, count } = kept(() => sorted(search, plan, window))
  const shape = shapeOf(filters)
  if (!filters.enforceWarninglist) {
    return { hits, count, resultCount: resultCount({ count, compare }), skipped: 0, shape }
  }
  const clean = [...hits].filter(({ row }) => warningsFor(store.warninglists, row).length === 0)
  const counted = resultCount({ count, compare, left: clean.length })
  const skipped = count - clean.length
  return { hits: clean, count: clean.length, resultCount: counted, skipped, shape }
}

/** MISP adds one when it can't rule out a next page, and for a page with nothing at all. */
function resultCount(page: { count: number; compare: number | undefined; left?: number }): number {
  const { count, compare, left = count } = page
  if (compare === undefined) return count
  return left === 0 || left >= compare ? count + 1 : count
}

function shapeOf(filters: Filters): RowShape {
  const on = (name: string) => Boolean(filters[name])
  return {
    eventUuid: on('includeEventUuid') || on('include_event_uuid'),
    eventTags: on('includeEventTags') || on('includeDecayScore') || on('excludeDecayed'),
    context: on('includeContext'),
    sightings: on('includeSightings'),
    correlations: on('includeCorrelations'),
    proposals: on('includeProposals'),
    warninglistHits: on('includeWarninglistHits'),
  }
}

interface Plan {
  readonly event: (event: MispEvent) => boolean
  /** Undefined when rows are only told apart by being deleted. */
  readonly row: ((event: MispEvent, row: AttributeRow) => boolean) | undefined
  readonly deleted: DeletedMode
}

function planOf({ store, who, filters }: Search): Plan {
  const eventTests = [(event: MispEvent) => seesEvent(who, event), ...eventFilters(filters, store)]
  const rowTests = rowFilters(filters, store)
  return {
    event: (event) => eventTests.every((test) => test(event)),
    row: rowTests.length === 0 ? undefined : (event, row) => rowTests.every((t) => t(event, row)),
    deleted: heededMode(deletedMode(filters.deleted), store, who),
  }
}

function heededMode(mode: DeletedMode, store: Store, who: User): DeletedMode {
  const maySee = !store.deletedNeedsSync || who.role === 'admin' || who.role === 'sync'
  return mode === 'both' && !maySee ? 'live' : mode
}

type EventTest = (event: MispEvent) => boolean
type RowTest = (event: MispEvent, row: AttributeRow) => boolean

function eventFilters(filters: Filters, store: Store): EventTest[] {
  const tests: EventTest[] = []
  const named = (value: unknown, names: (event: MispEvent) => string[], fold = false) => {
    const wanted = terms(value)
    if (wanted)
      tests.push(
        (
          (test) => (event) =>
            test(names(event))
        )(nameTest(wanted, fold)),
      )
  }
  const timed = (value: unknown, field: 'timestamp' | 'publish_timestamp') => {
    if (value === undefined || value === null || value === false) return
    const range = timeRange(value, store.now)
    tests.push((event) => range !== 'nothing' && between(event[field], range))
  }
  named(filters.eventid, (event) => [String(event.id), event.uuid])
  named(filters.eventinfo, (event) => [event.info], true)
  named(filters.event_tags, (event) => event.tags.flatMap((tag) => tagNames(store, tag)))
  named(filters.threat_level_id, (event) => [String(event.threat_level_id)])
  named(filters.sharinggroup, () => [])
  named(filters.org, (event) => {
    const org = store.orgs.get(event.orgc_id)!
    return [String(org.id), org.name, org.uuid]
  })
  timed(filters.event_timestamp, 'timestamp')
  timed(filters.publish_timestamp, 'publish_timestamp')
  timed(filters.last, 'publish_timestamp')
  const published = publishedWanted(filters.published)
  if (published !== undefined) tests.push((event) => event.published === published)
  return tests
}

function rowFilters(filters: Filters, store: Store): RowTest[] {
  const tests: RowTest[] = []
  const named = (wanted: Terms | undefined, names: NamesOf, fold = false) => {
    if (wanted)
      tests.push(
        (
          (test) => (event, row) =>
            test(names(row, event))
        )(nameTest(wanted, fold)),
      )
  }
  named(typeTerms(filters.type), (row) => [row.type])
  const toIds = toIdsWanted(filters.to_ids)
  if (toIds !== undefined) tests.push((_, row) => row.to_ids === toIds)
  for (const value of [filters.timestamp, filters.attribute_timestamp]) {
    if (value === undefined || value === null || value === false) continue
    const range = timeRange(value, store.now)
    tests.push((_, row) => range !== 'nothing' && between(row.timestamp, range))
  }
  named(terms(filters.uuid), (row, event) => [row.uuid, event.uuid], true)
  named(valueTerms(filters.value), (row) => halves(row), true)
  named(terms(filters.tags), (row, event) =>
    [...row.tags, ...event.tags].flatMap((tag) => tagNames(store, tag)),
  )
  named(terms(filters.category), (row) => [row.category])
  named(terms(filters.object_relation), (row) => [row.object_relation ?? ''])
  if (filters.first_seen) tests.push(seenTest(filters.first_seen, store, 'first_seen'))
  if (filters.last_seen) tests.push(seenTest(filters.last_seen, store, 'last_seen'))
  return tests
}

type NamesOf = (row: AttributeRow, event: MispEvent) => string[]

/** `email` comes along when `email-src` or `email-dst` is asked for. */
function typeTerms(value: unknown): Terms | undefined {
  const wanted = terms(value)
  const mail = wanted?.or.some((type) => type === 'email-src' || type === 'email-dst')
  return wanted && mail ? { ...wanted, or: [...wanted.or, 'email'] } : wanted
}

function valueTerms(value: unknown): Terms | undefined {
  const wanted = terms(value)
  return wanted && { ...wanted, or: wanted.or.map(compressed) }
}

/** MISP keeps IPv6 compressed and looks for it so. */
function compressed(value: string): string {
  if (!/^[0-9a-f]*:[0-9a-f:]+$/i.test(value)) return value
  const url = `http://[${value}]/`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : value
}

/** A value is looked for in either half of a composite, and never as a whole. */
function halves(row: AttributeRow): string[] {
  if (!row.type.includes('|')) return [row.value]
  const cut = row.value.indexOf('|')
  return [row.value.slice(0, cut), row.value.slice(cut + 1)]
}

/** A tag answers to its name, with its case, and to its number. */
function tagNames(store: Store, name: string): string[] {
  return [name, String(store.tag(name).id)]
}

function seenTest(value: unknown, store: Store, field: 'first_seen' | 'last_seen'): RowTest {
  const range = timeRange(value, store.now)
  return (_, row) => {
    const seen = row[field]
    if (range === 'nothing' || seen === null) return false
    const seconds = Date.parse(seen) / 1000
    return field === 'first_seen' ? seconds >= range[0] : seconds <= range[0]
  }
}

function between(value: number, [from, to]: readonly [number, number]): boolean {
  return value >= from && value <= to
}

interface Window {
  readonly skip: number
  readonly take: number
}

/** Counts, and keeps the hits unless there are very many. */
function kept(walk: () => Iterable<Hit>): { hits: Iterable<Hit>; count: number } {
  const few: Hit[] = []
  let count = 0
  for (const hit of walk()) {
    count++
    if (count <= KEEP_AT_MOST) few.push(hit)
  }
  return {
    hits: count <= KEEP_AT_MOST ? few : { [Symbol.iterator]: () => walk()[Symbol.iterator]() },
    count,
  }
}

function sorted(search: Search, plan: Plan, window: Window): Iterable<Hit> {
  const order = orderOf(search.filters.order)
  if (order.length === 0) return shuffled(search, plan, window)
  if (followsEvents(order, search.store)) return walk(search, plan, { window, events: 'up' })
  const all = [...walk(search, plan, { window: EVERYTHING, events: 'up' })]
  all.sort((a, b) => compareHits(order, a, b))
  return all.slice(window.skip, window.skip + window.take)
}

const EVERYTHING: Window = { skip: 0, take: Number.POSITIVE_INFINITY }

/** Whether walking events by id, and their rows by id, already is the order asked for. */
function followsEvents(order: readonly SortKey[], store: Store): boolean {
  if (order.some((key) => key.descending)) return false
  const fields = order.map((key) => key.field).join()
  return fields === 'event_id,id' || (fields === 'id' && store.rowsByIdFollowEvents)
}

function compareHits(order: readonly SortKey[], a: Hit, b: Hit): number {
  for (const { field, descending } of order) {
    const difference = compareBy(field, a, b)
    if (difference !== 0) return descending ? -difference : difference
  }
  return 0
}

function compareBy(field: string, a: Hit, b: Hit): number {
  if (field === 'publish_timestamp') return a.event.publish_timestamp - b.event.publish_timestamp
  const key = field as keyof AttributeRow
  const [left, right] = [a.row[key] ?? '', b.row[key] ?? '']
  return left < right ? -1 : left > right ? 1 : 0
}

/** Few rows are shuffled one by one; of many, the events come from the middle and downwards. */
function shuffled(search: Search, plan: Plan, window: Window): Iterable<Hit> {
  if (search.shuffle === 0) return walk(search, plan, { window, events: 'up' })
  if (mayMatch(search, plan) > SHUFFLE_AT_MOST) {
    return walk(search, plan, { window, events: 'anyhow' })
  }
  const all = [...walk(search, plan, { window: EVERYTHING, events: 'up' })]
  const rank = ({ row }: Hit) => mix(search.shuffle, row.id)
  all.sort((a, b) => rank(a) - rank(b))
  return all.slice(window.skip, window.skip + window.take)
}

const SHUFFLE_AT_MOST = 20_000

/** How many attributes the wanted events have. */
function mayMatch(search: Search, plan: Plan): number {
  let count = 0
  for (const event of search.source.events()) {
    if (plan.event(event)) count += event.plainCount ?? event.attributes().length
  }
  return count
}

interface Walk {
  readonly window: Window
  readonly events: 'up' | 'anyhow'
}

function* walk(search: Search, plan: Plan, how: Walk): Generator<Hit> {
  let { skip, take } = how.window
  for (const event of eventsInOrder(search, plan, how.events)) {
    const plain = plainCount(plan, event)
    if (plain !== undefined && plain <= skip) {
      skip -= plain
      continue
    }
    const seesAll = seesAllRows(search.who, event)
    for (const row of event.attributes()) {
      if (!seesAll && !seesRow(event, row)) continue
      if (!matches(plan, event, row)) continue
      if (skip > 0) skip--
      else if (take-- > 0) yield { event, row }
      if (take <= 0) return
    }
  }
}

function eventsInOrder(search: Search, plan: Plan, how: Walk['events']): MispEvent[] {
  const events = [...search.source.events()].filter(plan.event)
  if (how === 'up') return events
  const start = search.shuffle % Math.max(1, events.length)
  return [...events.slice(start), ...events.slice(0, start)].reverse()
}

/** How many rows of the event match, when that is known without making them. */
function plainCount(plan: Plan, event: MispEvent): number | undefined {
  return plan.row || plan.deleted === 'only' ? undefined : event.plainCount
}

function matches(plan: Plan, event: MispEvent, row: AttributeRow): boolean {
  if (plan.deleted !== 'both' && row.deleted !== (plan.deleted === 'only')) return false
  return plan.row?.(event, row) ?? true
}

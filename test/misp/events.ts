/** POST /events/index (minimal and full) and GET /events/view. */
import { nameTest, publishedWanted, terms, timeRange } from './filters.js'
import type { AttributeRow, MispEvent, ObjectRow } from './model.js'
import type { EventSource, Filters } from './restsearch.js'
import type { Store } from './store.js'
import { seesAllRows, seesEvent, seesRow, type User } from './users.js'

export interface IndexSearch {
  readonly store: Store
  readonly source: EventSource
  readonly who: User
  readonly filters: Filters
}

export interface IndexPage {
  readonly rows: readonly unknown[]
  /** X-Result-Count: here it is the total, whatever the limit. */
  readonly total: number
}

/**
 * Unpaged unless asked. `minimal` leaves out events without a live attribute: one whose last
 * attribute was soft-deleted is gone from it.
 */
export function eventsIndex(search: IndexSearch): IndexPage {
  const { filters, store } = search
  const found = [...search.source.events()].filter(indexTest(search))
  const sorted = sortIndex(found, filters)
  const page = cutPage(sorted, filters)
  const row = filters.minimal ? minimalRow : fullRow
  return { rows: page.map((event) => row(store, event)), total: found.length }
}

function indexTest({ store, who, filters }: IndexSearch): (event: MispEvent) => boolean {
  const ids = terms(filters.eventid)
  const known = ids && nameTest(ids)
  const published = publishedWanted(filters.published)
  const ranges = [
    { range: rangeOf(filters.timestamp, store), of: (event: MispEvent) => event.timestamp },
    {
      range: rangeOf(filters.publish_timestamp, store),
      of: (event: MispEvent) => event.publish_timestamp,
    },
  ]
  return (event) =>
    seesEvent(who, event) &&
    (!filters.minimal || event.liveCount > 0) &&
    (!known || known([String(event.id), event.uuid])) &&
    (published === undefined || event.published === published) &&
    ranges.every(({ range, of }) => inRange(of(event), range))
}

function rangeOf(value: unknown, store: Store) {
  return value === undefined || value === null || value === false
    ? undefined
    : timeRange(value, store.now)
}

function inRange(value: number, range: ReturnType<typeof rangeOf>): boolean {
  if (range === undefined) return true
  return range !== 'nothing' && value >= range[0] && value <= range[1]
}

function sortIndex(events: MispEvent[], filters: Filters): MispEvent[] {
  const field = filters.sort
  if (field !== 'timestamp' && field !== 'publish_timestamp' && field !== 'id') return events
  const sign = filters.direction === 'desc' ? -1 : 1
  return events.sort((a, b) => sign * (a[field] - b[field]))
}

function cutPage(events: MispEvent[], filters: Filters): MispEvent[] {
  const limit = Number(filters.limit ?? 0)
  if (!(limit > 0)) return events
  const page = Math.max(1, Number(filters.page ?? 1))
  return events.slice((page - 1) * limit, page * limit)
}

function minimalRow(store: Store, event: MispEvent): unknown {
  return {
    id: String(event.id),
    timestamp: String(event.timestamp),
    sighting_timestamp: '0',
    published: event.published,
    uuid: event.uuid,
    orgc_uuid: store.orgs.get(event.orgc_id)!.uuid,
  }
}

function fullRow(store: Store, event: MispEvent): unknown {
  return {
    id: String(event.id),
    org_id: String(event.org_id),
    date: event.date,
    info: event.info,
    uuid: event.uuid,
    published: event.published,
    analysis: String(event.analysis),
    attribute_count: String(event.liveCount),
    orgc_id: String(event.orgc_id),
    timestamp: String(event.timestamp),
    distribution: String(event.distribution),
    sharing_group_id: '0',
    proposal_email_lock: false,
    locked: event.locked,
    threat_level_id: String(event.threat_level_id),
    publish_timestamp: String(event.publish_timestamp),
    sighting_timestamp: '0',
    disable_correlation: false,
    extends_uuid: '',
    protected: null,
    Org: orgOf(store, event.org_id),
    Orgc: orgOf(store, event.orgc_id),
    EventTag: event.tags.map((name, i) => eventTag(store, event, name, i)),
  }
}

function orgOf(store: Store, id: number) {
  const org = store.orgs.get(id)!
  return { id: String(org.id), name: org.name, uuid: org.uuid }
}

function eventTag(store: Store, event: MispEvent, name: string, position: number): unknown {
  const { id, colour, is_galaxy } = store.tag(name)
  return {
    id: String(event.id * 10 + position - 9),
    event_id: String(event.id),
    tag_id: String(id),
    local: false,
    relationship_type: '',
    Tag: { id: String(id), name, colour, is_galaxy },
  }
}

/** GET /events/view/ID: live attributes only, those of objects inside their objects. */
export function eventView(store: Store, who: User, event: MispEvent): unknown {
  const visible = event
    .attributes()
    .filter((row) => !row.deleted && (seesAllRows(who, event) || seesRow(event, row)))
  return {
    Event: {
      ...viewHead(event),
      Org: { ...orgOf(store, event.org_id), local: store.orgs.get(event.org_id)!.local },
      Orgc: { ...orgOf(store, event.orgc_id), local: store.orgs.get(event.orgc_id)!.local },
      Attribute: visible.filter((row) => row.object_id === 0).map((row) => viewRow(store, row)),
      ShadowAttribute: [],
      RelatedEvent: [],
      Galaxy: [],
      Object: event.objects
        .filter((object) => !object.deleted)
        .map((object) => viewObject({ store, event, object, rows: visible })),
      EventReport: [],
      CryptographicKey: [],
      ...(event.tags.length > 0 ? { Tag: event.tags.map((name) => viewTag(store, name)) } : {}),
    },
  }
}

function viewHead(event: MispEvent) {
  return {
    id: String(event.id),
    orgc_id: String(event.orgc_id),
    org_id: String(event.org_id),
    date: event.date,
    threat_level_id: String(event.threat_level_id),
    info: event.info,
    published: event.published,
    uuid: event.uuid,
    attribute_count: String(event.liveCount),
    analysis: String(event.analysis),
    timestamp: String(event.timestamp),
    distribution: String(event.distribution),
    proposal_email_lock: false,
    locked: event.locked,
    publish_timestamp: String(event.publish_timestamp),
    sharing_group_id: '0',
    disable_correlation: false,
    extends_uuid: '',
    protected: null,
    event_creator_email: 'admin@admin.test',
  }
}

function viewRow(store: Store, row: AttributeRow): unknown {
  return {
    id: String(row.id),
    type: row.type,
    category: row.category,
    to_ids: row.to_ids,
    uuid: row.uuid,
    event_id: String(row.event_id),
    distribution: String(row.distribution),
    timestamp: String(row.timestamp),
    comment: row.comment,
    sharing_group_id: '0',
    deleted: row.deleted,
    disable_correlation: false,
    object_id: String(row.object_id),
    object_relation: row.object_relation,
    first_seen: row.first_seen,
    last_seen: row.last_seen,
    value: row.value,
    Galaxy: [],
    ShadowAttribute: [],
    ...(row.tags.length > 0 ? { Tag: row.tags.map((name) => viewTag(store, name)) } : {}),
  }
}

function viewObject(part: {
  readonly store: Store
  readonly event: MispEvent
  readonly object: ObjectRow
  readonly rows: readonly AttributeRow[]
}): unknown {
  const { store, event, object, rows } = part
  return {
    id: String(object.id),
    name: object.name,
    'meta-category': object.name,
    description: `${object.name} object`,
    template_uuid: '688c46fb-5edb-40a3-8273-1af7923e2215',
    template_version: '24',
    event_id: String(event.id),
    uuid: object.uuid,
    timestamp: String(event.timestamp),
    distribution: String(object.distribution),
    sharing_group_id: '0',
    comment: '',
    deleted: object.deleted,
    first_seen: null,
    last_seen: null,
    ObjectReference: [],
    Attribute: rows.filter((row) => row.object_id === object.id).map((row) => viewRow(store, row)),
  }
}

function viewTag(store: Store, name: string): unknown {
  const { id, colour, is_galaxy } = store.tag(name)
  return {
    id: String(id),
    name,
    colour,
    exportable: true,
    user_id: '0',
    hide_tag: false,
    numerical_value: null,
    is_galaxy,
    is_custom_galaxy: false,
    local_only: false,
    local: false,
    relationship_type: null,
  }
}

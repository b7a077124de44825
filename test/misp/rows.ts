/** One attribute as attributes/restSearch writes it: the field order and types of the recordings. */
import type { AttributeRow, MispEvent } from './model.js'
import { sightingsOf } from './sightings.js'
import type { Store } from './store.js'
import { warningsFor } from './warninglists.js'

/** The include... switches of a search that change what a row looks like. */
export interface RowShape {
  readonly eventUuid: boolean
  readonly eventTags: boolean
  readonly context: boolean
  readonly sightings: boolean
  readonly correlations: boolean
  readonly proposals: boolean
  readonly warninglistHits: boolean
}

/** A writer of rows; what belongs to the event is written once and kept for the next row. */
export function rowWriter(
  store: Store,
  shape: RowShape,
): (event: MispEvent, row: AttributeRow) => string {
  const ownTags = new Map<string, string>()
  const ownTag = (name: string) => {
    const known = ownTags.get(name) ?? ownTagText(store, name)
    ownTags.set(name, known)
    return known
  }
  let last: { event: MispEvent; text: string; inherited: string } | undefined
  return (event, row) => {
    if (last?.event !== event) {
      const text = shape.context ? wideEvent(store, event) : narrowEvent(event)
      last = { event, text, inherited: shape.eventTags ? inheritedTags(store, event) : '' }
    }
    const optional = optionalFields(store, shape, event, row)
    const object = objectField(event, row) + (shape.proposals ? ',"ShadowAttribute":[]' : '')
    return `{${attributeFields(row)}${optional},"Event":${last.text}${object}${tagField(row, last.inherited, ownTag)}}`
  }
}

function attributeFields(row: AttributeRow): string {
  return (
    `"id":"${row.id}","event_id":"${row.event_id}","object_id":"${row.object_id}",` +
    `"object_relation":${text(row.object_relation)},"category":"${row.category}",` +
    `"type":"${row.type}","to_ids":${row.to_ids},"uuid":"${row.uuid}",` +
    `"timestamp":"${row.timestamp}","distribution":"${row.distribution}",` +
    `"sharing_group_id":"0","comment":${text(row.comment)},"deleted":${row.deleted},` +
    `"disable_correlation":false,"first_seen":${text(row.first_seen)},` +
    `"last_seen":${text(row.last_seen)},"value":${text(row.value)}`
  )
}

const PLAIN = /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/

/** JSON for a string or null; most strings need no escaping, and a bench writes millions. */
function text(value: string | null): string {
  if (value === null) return 'null'
  return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value)
}

function optionalFields(
  store: Store,
  shape: RowShape,
  event: MispEvent,
  row: AttributeRow,
): string {
  let fields = ''
  if (shape.sightings) fields += `,"Sighting":${JSON.stringify(sightingsOf(store, row))}`
  if (shape.correlations) fields += ',"RelatedAttribute":[]'
  if (shape.warninglistHits) {
    const warnings = warningsFor(store.warninglists, row)
    if (warnings.length > 0) fields += `,"warnings":${JSON.stringify(warnings)}`
  }
  if (shape.eventUuid) fields += `,"event_uuid":"${event.uuid}"`
  return fields
}

function narrowEvent(event: MispEvent): string {
  return JSON.stringify({
    org_id: String(event.org_id),
    distribution: String(event.distribution),
    publish_timestamp: String(event.publish_timestamp),
    id: String(event.id),
    info: event.info,
    orgc_id: String(event.orgc_id),
    uuid: event.uuid,
  })
}

function wideEvent(store: Store, event: MispEvent): string {
  const orgc = store.orgs.get(event.orgc_id)!
  return JSON.stringify({
    id: String(event.id),
    orgc_id: String(event.orgc_id),
    org_id: String(event.org_id),
    date: event.date,
    threat_level_id: String(event.threat_level_id),
    info: event.info,
    published: event.published,
    uuid: event.uuid,
    analysis: String(event.analysis),
    timestamp: String(event.timestamp),
    distribution: String(event.distribution),
    publish_timestamp: String(event.publish_timestamp),
    sharing_group_id: '0',
    extends_uuid: '',
    Tag: event.tags.map((name) => {
      const { id, colour } = store.tag(name)
      return { local: false, id: String(id), name, colour, numerical_value: null }
    }),
    Orgc: { id: String(orgc.id), name: orgc.name, uuid: orgc.uuid, local: orgc.local },
  })
}

function objectField(event: MispEvent, row: AttributeRow): string {
  if (row.object_id === 0) return ''
  const object = event.objects.find((each) => each.id === row.object_id)
  const distribution = object?.distribution ?? 5
  return `,"Object":{"id":"${row.object_id}","distribution":"${distribution}","sharing_group_id":"0"}`
}

function tagField(row: AttributeRow, inherited: string, ownTag: (name: string) => string): string {
  const own = row.tags.length === 0 ? '' : row.tags.map(ownTag).join(',')
  if (own === '' && inherited === '') return ''
  return `,"Tag":[${own}${own && inherited ? ',' : ''}${inherited}]`
}

function ownTagText(store: Store, name: string): string {
  const { id, colour, is_galaxy } = store.tag(name)
  return JSON.stringify({
    id: String(id),
    name,
    colour,
    numerical_value: null,
    is_galaxy,
    local: false,
  })
}

/** The event's tags once more, marked; a tag that the attribute has too comes twice. */
function inheritedTags(store: Store, event: MispEvent): string {
  return event.tags
    .map((name) => {
      const { id, colour } = store.tag(name)
      return JSON.stringify({ id: String(id), name, colour, numerical_value: null, inherited: 1 })
    })
    .join(',')
}

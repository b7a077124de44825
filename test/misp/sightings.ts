/** Sightings as the recorded MISP takes them: what it refuses it refuses with 200. */
import { type Answer, phpJson, pretty, said } from './answers.js'
import { MispError } from './filters.js'
import type { AttributeRow, MispEvent, StoredSighting } from './model.js'
import { uuidOf } from './random.js'
import type { Store } from './store.js'
import { seesAllRows, seesEvent, seesRow, type User } from './users.js'

interface Asked {
  readonly store: Store
  readonly who: User
  /** Behind `add/`. */
  readonly id: string | undefined
  readonly filters: Readonly<Record<string, unknown>>
}

const NO_RIGHT = 'You do not have permission to use this functionality.'
const NONE = 'No valid attributes found.'
const NO_MATCH = 'No valid attributes found that match the criteria.'
const BAD_TYPE = 'Invalid type, please change it before you POST 1000000 sightings.'
const NO_DATE = '{"date_sighting":["This field cannot be left blank"]}'
const MOST_SOURCE = 255

/** POST /sightings/add[/ID or UUID] */
export function addSightings(asked: Asked): Answer {
  const { store, who, filters } = asked
  if (who.role === 'readonly') throw new MispError(403, NO_RIGHT)
  const type = Number(filters.type ?? 0)
  if (![0, 1, 2].includes(type)) return refused(BAD_TYPE)
  const meant = attributesMeant(asked)
  if (meant === null) return refused(NONE)
  if (meant.length === 0) return refused(NO_MATCH)
  const date = dateOf(filters, store)
  if (!Number.isInteger(date)) return refused(NO_DATE)
  const source = String(filters.source ?? '')
  if (source.length > MOST_SOURCE) throw new MispError(500, 'An Internal Error Has Occurred.')
  // Nothing is compared with what is there already, and no time is too far in the future.
  for (const row of meant) {
    const id = store.sightings.length + 1
    const { id: attribute_id, event_id } = row
    const uuid = uuidOf(6, id)
    store.sightings.push({
      ...{ id, attribute_id, event_id, org_id: who.org_id },
      ...{ date_sighting: date, uuid, source, type },
    })
  }
  return pretty({ Sighting: wire(store.sightings.at(-1)!) })
}

/** Seconds; a day and a time of day may be told instead. */
function dateOf({ timestamp, date, time = '' }: Asked['filters'], store: Store): number {
  if (timestamp !== undefined) return Number(timestamp)
  return date === undefined ? store.now : Date.parse(`${date}T${time}Z`) / 1000
}

function refused(reason: string): Answer {
  return said(phpJson({ message: `Could not add the Sighting. Reason: ${reason}` }))
}

/** null: nothing was named. A value is a whole value, or one half of a composite; never the composite. */
function attributesMeant({ store, who, id, filters }: Asked): AttributeRow[] | null {
  const key = id ?? filters.id ?? filters.uuid
  const values = [filters.values ?? filters.value ?? []].flat().map((each) => String(each))
  if (key === undefined && values.length === 0) return null
  return visible(store, who).filter((row) =>
    key === undefined
      ? values.some((value) => halves(row.value).includes(value.toLowerCase()))
      : [String(row.id), row.uuid].includes(String(key)),
  )
}

function halves(value: string): string[] {
  return value.toLowerCase().split('|')
}

function visible(store: Store, who: User): AttributeRow[] {
  const sees = (event: MispEvent, row: AttributeRow) =>
    seesAllRows(who, event) || seesRow(event, row)
  return store
    .eventsById()
    .filter((event) => seesEvent(who, event))
    .flatMap((event) => [...event.own()].filter((row) => sees(event, row)))
}

/** As rows of attributes carry them. Others' sightings are seen too: the policy is MISP's default. */
export function sightingsOf(store: Store, row: AttributeRow): object[] {
  return store.sightings.filter((one) => one.attribute_id === row.id).map(wire)
}

/** POST /sightings/listSightings and GET /sightings/listSightings/ID/attribute: newest first */
export function listSightings({ store, who, id, filters }: Asked): Answer {
  const key = String(id ?? filters.id)
  const row = visible(store, who).find((each) => [String(each.id), each.uuid].includes(key))
  if (!row) throw new MispError(405, 'Invalid object.')
  const found = store.sightings
    .filter(
      (one) => one.attribute_id === row.id && (who.role === 'admin' || one.org_id === who.org_id),
    )
    .sort((a, b) => b.date_sighting - a.date_sighting)
  return pretty(
    found.map((one) => ({
      Sighting: wire(one),
      Organisation: { name: store.orgs.get(one.org_id)!.name },
    })),
  )
}

function wire({ id, attribute_id, event_id, org_id, date_sighting, ...rest }: StoredSighting) {
  const { uuid, source, type } = rest
  return {
    id: String(id),
    attribute_id: String(attribute_id),
    event_id: String(event_id),
    org_id: String(org_id),
    date_sighting: String(date_sighting),
    uuid,
    source,
    type: String(type),
  }
}

/**
 * What the stand-in MISP remembers. Every operation moves timestamps and `published` exactly as
 * `change_semantics.json` of the recordings says; nothing else does.
 *
 * Field names are MISP's; ids and times are numbers here and become strings on the wire.
 */
import {
  type AttributeRow,
  type AttributeSpec,
  type EventSpec,
  type Generated,
  MispEvent,
  type Org,
  type StoredSighting,
  type Tag,
} from './model.js'
import { uuidOf } from './random.js'
import { DEFAULT_WARNINGLISTS, type Warninglist } from './warninglists.js'

export interface StoreOptions {
  /** Unix seconds. Without it the clock is the machine's until `now` is set. */
  readonly now?: number
  /** Makes the uuids: two MISPs of one test want two. Default 1. */
  readonly seed?: number
}

export class Store {
  readonly events = new Map<number, MispEvent>()
  readonly tags = new Map<string, Tag>()
  readonly orgs = new Map<number, Org>()
  /** In the order in which they were added. */
  readonly sightings: StoredSighting[] = []
  warninglists: readonly Warninglist[] = DEFAULT_WARNINGLISTS
  /** As later MISPs do (code, not recorded): `deleted:[0,1]` shows live rows only without perm_sync. */
  deletedNeedsSync = false
  #frozen: number | undefined
  readonly #seed: number
  #nextEvent = 1
  #nextAttribute = 1
  #rowsByIdFollowEvents = true

  constructor(options: StoreOptions = {}) {
    this.#frozen = options.now
    this.#seed = (options.seed ?? 1) * 1000
    this.addOrg({ id: 1, name: 'ORGNAME', uuid: 'c065be2a-d05a-4834-8f1d-e0112731b983' })
    this.addOrg({ id: 2, name: 'READERS', uuid: 'd6bf8834-7d22-49ac-85d4-88ab53226f7b' })
    this.addOrg({
      id: 3,
      name: 'REMOTE',
      uuid: '11111111-1111-4111-8111-111111111111',
      local: false,
    })
  }

  /** Unix seconds. Setting it stops the clock there. */
  get now(): number {
    return this.#frozen ?? Math.floor(Date.now() / 1000)
  }

  set now(seconds: number) {
    this.#frozen = seconds
  }

  advance(seconds: number): void {
    this.#frozen = this.now + seconds
  }

  /** In ascending id. */
  eventsById(): readonly MispEvent[] {
    return [...this.events.values()].sort((a, b) => a.id - b.id)
  }

  /** True while sorting by attribute id is the same as walking the events by id. */
  get rowsByIdFollowEvents(): boolean {
    return this.#rowsByIdFollowEvents
  }

  addOrg(org: Omit<Org, 'local'> & { readonly local?: boolean }): void {
    this.orgs.set(org.id, { local: true, ...org })
  }

  /** A tag by name; made on first use. */
  tag(name: string, known: Partial<Tag> = {}): Tag {
    const found = this.tags.get(name)
    if (found) return found
    const id = known.id ?? Math.max(0, ...[...this.tags.values()].map((tag) => tag.id)) + 1
    const colour = known.colour ?? `#${uuidOf(7, id).slice(0, 6)}`
    const tag = {
      id,
      name,
      colour,
      is_galaxy: known.is_galaxy ?? name.startsWith('misp-galaxy:'),
    }
    this.tags.set(name, tag)
    return tag
  }

  /** By id, or by uuid. Throws when there is none: a test that is wrong should say so. */
  event(key: number | string): MispEvent {
    const found = typeof key === 'number' ? this.events.get(key) : this.#eventByUuid(key)
    if (!found) throw new RangeError(`the stand-in has no event ${key}`)
    return found
  }

  attribute(key: number | string): AttributeRow {
    return this.#find(key).row
  }

  addEvent(spec: EventSpec, generated?: (firstId: number) => Generated): MispEvent {
    const id = spec.id ?? this.#nextEvent
    if (id < this.#nextEvent) this.#rowsByIdFollowEvents = false
    this.#nextEvent = Math.max(this.#nextEvent, id + 1)
    const rows = generated?.(this.#nextAttribute)
    this.#nextAttribute += rows?.count ?? 0
    const uuid = spec.uuid ?? uuidOf(this.#seed + 1, id)
    const event = new MispEvent({ ...spec, id, uuid, now: this.now }, rows)
    this.events.set(id, event)
    for (const tag of event.tags) this.tag(tag)
    for (const attribute of spec.attributes ?? []) this.#push(event, attribute)
    return event
  }

  addAttribute(event: number | string, spec: AttributeSpec & { id?: number }): AttributeRow {
    const parent = this.event(event)
    if (Math.max(...this.events.keys()) !== parent.id) this.#rowsByIdFollowEvents = false
    const row = this.#push(parent, spec)
    this.#edited(parent)
    return row
  }

  editAttribute(key: number | string, change: Partial<AttributeRow>): AttributeRow {
    const { row, event } = this.#find(key)
    Object.assign(row, change, { timestamp: change.timestamp ?? this.now })
    for (const tag of change.tags ?? []) this.tag(tag)
    this.#edited(event)
    return row
  }

  setToIds(key: number | string, to_ids: boolean): AttributeRow {
    return this.editAttribute(key, { to_ids })
  }

  tagAttribute(key: number | string, tag: string): AttributeRow {
    return this.editAttribute(key, { tags: withTag(this.attribute(key).tags, tag) })
  }

  untagAttribute(key: number | string, tag: string): AttributeRow {
    const tags = this.attribute(key).tags.filter((name) => name !== tag)
    return this.editAttribute(key, { tags })
  }

  /** A local tag moves nothing: only a refetch finds it. */
  tagAttributeLocally(key: number | string, tag: string): AttributeRow {
    const { row } = this.#find(key)
    this.tag(tag)
    row.tags = withTag(row.tags, tag)
    return row
  }

  softDelete(key: number | string): AttributeRow {
    return this.editAttribute(key, { deleted: true })
  }

  /** With Security.sanitise_attribute_on_delete: nothing of the old row is left but its uuid. */
  softDeleteSanitised(key: number | string): AttributeRow {
    const blank = { type: 'comment', category: 'Other', value: 'deleted', to_ids: false }
    return this.editAttribute(key, { ...blank, deleted: true })
  }

  restore(key: number | string): AttributeRow {
    return this.editAttribute(key, { deleted: false })
  }

  /** No tombstone: only the event's timestamp tells. */
  hardDelete(key: number | string): void {
    const { row, event } = this.#find(key)
    const rows = event.own()
    rows.splice(rows.indexOf(row), 1)
    this.#edited(event)
  }

  /** Soft-deletes an object: its attributes go with it. */
  deleteObject(event: number | string, objectId: number): void {
    const parent = this.event(event)
    for (const object of parent.objects) if (object.id === objectId) object.deleted = true
    for (const row of parent.own()) {
      if (row.object_id === objectId) Object.assign(row, { deleted: true, timestamp: this.now })
    }
    this.#edited(parent)
  }

  editEvent(key: number | string, change: { info?: string; threat_level_id?: number }): MispEvent {
    const event = Object.assign(this.event(key), change)
    this.#edited(event)
    return event
  }

  tagEvent(key: number | string, tag: string): MispEvent {
    const event = this.event(key)
    this.tag(tag)
    event.tags = withTag(event.tags, tag)
    this.#edited(event)
    return event
  }

  untagEvent(key: number | string, tag: string): MispEvent {
    const event = this.event(key)
    event.tags = event.tags.filter((name) => name !== tag)
    this.#edited(event)
    return event
  }

  publish(key: number | string): MispEvent {
    return Object.assign(this.event(key), { published: true, publish_timestamp: this.now })
  }

  unpublish(key: number | string): MispEvent {
    return Object.assign(this.event(key), { published: false })
  }

  deleteEvent(key: number | string): void {
    this.events.delete(this.event(key).id)
  }

  /** 0 makes an event invisible to the keys of every other organisation (site admins see on). */
  lowerDistribution(key: number | string, distribution = 0): MispEvent {
    const event = Object.assign(this.event(key), { distribution })
    this.#edited(event)
    return event
  }

  /**
   * An event pushed or pulled by a sync, as a whole: its own timestamps stay as old as they are,
   * only publish_timestamp is now. A known uuid is replaced (attributes with a known uuid keep
   * their id), as `/events/edit` by a sync user does.
   */
  syncEventFromRemote(spec: EventSpec & { readonly timestamp: number }): MispEvent {
    const known = spec.uuid ? this.#eventByUuid(spec.uuid) : undefined
    const attributes = (spec.attributes ?? []).map((row) => ({ timestamp: spec.timestamp, ...row }))
    const base = { ...spec, attributes, org_id: spec.org_id ?? 2, orgc_id: spec.orgc_id ?? 3 }
    const event = known ? this.#replace(known, base) : this.addEvent(base)
    return Object.assign(event, { locked: true, published: true, publish_timestamp: this.now })
  }

  #replace(event: MispEvent, spec: EventSpec): MispEvent {
    const { info = event.info, timestamp = event.timestamp, tags = event.tags } = spec
    const rows = event.own()
    Object.assign(event, { info, timestamp, tags })
    for (const attribute of spec.attributes ?? []) {
      const old = rows.find((row) => row.uuid === attribute.uuid)
      if (old) Object.assign(old, attribute)
      else this.#push(event, attribute)
    }
    return event
  }

  #push(event: MispEvent, spec: AttributeSpec & { id?: number }): AttributeRow {
    const id = spec.id ?? this.#nextAttribute
    this.#nextAttribute = Math.max(this.#nextAttribute, id + 1)
    const row = {
      ...blankRow(spec.type),
      timestamp: this.now,
      uuid: uuidOf(this.#seed + 2, id),
      ...spec,
    }
    const stored: AttributeRow = { ...row, id, event_id: event.id }
    for (const tag of stored.tags) this.tag(tag)
    event.own().push(stored)
    return stored
  }

  #edited(event: MispEvent): void {
    event.own() // what a bulk event makes up takes its time from the event
    event.timestamp = this.now
    event.published = false
  }

  #find(key: number | string): { row: AttributeRow; event: MispEvent } {
    for (const event of this.events.values()) {
      if (typeof key === 'number' && !event.mayHold(key)) continue
      const rows = typeof key === 'number' ? event.own() : event.attributes()
      const row = rows.find((each) => each.id === key || each.uuid === key)
      if (row) return { row: event.own().find((each) => each.id === row.id) ?? row, event }
    }
    throw new RangeError(`the stand-in has no attribute ${key}`)
  }

  #eventByUuid(uuid: string): MispEvent | undefined {
    for (const event of this.events.values()) if (event.uuid === uuid) return event
    return undefined
  }
}

function blankRow(type: string) {
  return {
    object_id: 0,
    object_relation: null,
    category: categoryOf(type),
    to_ids: true,
    comment: '',
    distribution: 5,
    deleted: false,
    first_seen: null,
    last_seen: null,
    tags: [] as readonly string[],
  }
}

function categoryOf(type: string): string {
  return /md5|sha|hash|filename|email/.test(type) ? 'Payload delivery' : 'Network activity'
}

function withTag(tags: readonly string[], tag: string): readonly string[] {
  return tags.includes(tag) ? tags : [...tags, tag]
}

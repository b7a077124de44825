/** What a MISP holds: organisations, tags, events and their attributes. */

export interface StoredSighting {
  readonly id: number
  readonly attribute_id: number
  readonly event_id: number
  readonly org_id: number
  readonly date_sighting: number
  readonly uuid: string
  readonly source: string
  readonly type: number
}

export interface Org {
  readonly id: number
  readonly name: string
  readonly uuid: string
  readonly local: boolean
}

export interface Tag {
  readonly id: number
  readonly name: string
  readonly colour: string
  readonly is_galaxy: boolean
}

export interface AttributeRow {
  readonly id: number
  readonly uuid: string
  readonly event_id: number
  object_id: number
  object_relation: string | null
  category: string
  type: string
  value: string
  to_ids: boolean
  comment: string
  /** 5 inherits the event's, 0 is the own organisation only. */
  distribution: number
  timestamp: number
  deleted: boolean
  /** `2024-01-02T01:04:05.123456+00:00` */
  first_seen: string | null
  last_seen: string | null
  tags: readonly string[]
}

export interface ObjectRow {
  readonly id: number
  readonly uuid: string
  readonly name: string
  distribution: number
  deleted: boolean
}

export type AttributeSpec = Partial<Omit<AttributeRow, 'id' | 'event_id'>> & {
  readonly type: string
  readonly value: string
}

export interface EventSpec {
  readonly id?: number
  readonly uuid?: string
  readonly info?: string
  readonly date?: string
  /** Ids of `store.orgs`: the owner here, and the creator. Default 1 and the owner. */
  readonly org_id?: number
  readonly orgc_id?: number
  readonly timestamp?: number
  /** Default true: an event that nobody published is seldom what a test wants. */
  readonly published?: boolean
  readonly publish_timestamp?: number
  readonly distribution?: number
  readonly threat_level_id?: number
  readonly analysis?: number
  readonly tags?: readonly string[]
  readonly attributes?: readonly AttributeSpec[]
  readonly objects?: readonly ObjectRow[]
}

/**
 * Attributes that can be made again at will, so that a bulk event need not keep them. They are
 * live, visible to whoever sees the event, and in ascending id.
 */
export interface Generated {
  readonly count: number
  readonly firstId: number
  make(event: MispEvent): AttributeRow[]
}

export class MispEvent {
  readonly id: number
  readonly uuid: string
  info: string
  date: string
  org_id: number
  orgc_id: number
  timestamp: number
  published: boolean
  publish_timestamp: number
  distribution: number
  threat_level_id: number
  analysis: number
  locked = false
  tags: readonly string[]
  objects: ObjectRow[]
  #rows: AttributeRow[] | undefined
  readonly #generated: Generated | undefined

  constructor(spec: EventSpec & { id: number; uuid: string; now: number }, generated?: Generated) {
    this.id = spec.id
    this.uuid = spec.uuid
    this.info = spec.info ?? `Event ${spec.id}`
    this.org_id = spec.org_id ?? 1
    this.orgc_id = spec.orgc_id ?? this.org_id
    this.timestamp = spec.timestamp ?? spec.now
    this.date = spec.date ?? isoDay(this.timestamp)
    this.published = spec.published ?? true
    this.publish_timestamp = spec.publish_timestamp ?? (this.published ? spec.now : 0)
    this.distribution = spec.distribution ?? 1
    this.threat_level_id = spec.threat_level_id ?? 4
    this.analysis = spec.analysis ?? 0
    this.tags = spec.tags ?? []
    this.objects = [...(spec.objects ?? [])]
    this.#generated = generated
    this.#rows = generated ? undefined : []
  }

  /** The attributes, deleted ones too, by id. Made afresh for a bulk event: read, don't write. */
  attributes(): readonly AttributeRow[] {
    return this.#rows ?? this.#generated!.make(this)
  }

  /** The attributes to write to; from here on a bulk event keeps its rows. */
  own(): AttributeRow[] {
    this.#rows ??= this.#generated!.make(this)
    return this.#rows
  }

  /** How many rows there are when that is known without making them and none is deleted. */
  get plainCount(): number | undefined {
    return this.#rows ? undefined : this.#generated?.count
  }

  /** MISP's attribute_count: a soft-deleted attribute no longer counts. */
  get liveCount(): number {
    return this.plainCount ?? this.attributes().filter((row) => !row.deleted).length
  }

  /** Whether this event may hold that attribute id (exact for bulk events without making rows). */
  mayHold(id: number): boolean {
    if (this.#rows) return this.#rows.some((row) => row.id === id)
    const { firstId, count } = this.#generated!
    return id >= firstId && id < firstId + count
  }
}

function isoDay(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 10)
}

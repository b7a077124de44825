/**
 * The one place where MISP's JSON becomes rows of ours. What identifies an attribute or decides whether
 * it is served is read strictly; what only describes it is left out when it can't be read. Checked by
 * hand: a schema library is too slow for a million rows.
 */

import { storable } from '../text.js'
import { parseIso } from '../time.js'

/** An attribute as a source tells of it. Times are epoch seconds. */
export interface AttributeRow {
  /** Lower case. */
  readonly uuid: string
  /** MISP's number; '' in a feed. */
  readonly id: string
  /** MISP's number of the event; '' in a feed. */
  readonly eventId: string
  readonly eventUuid: string
  readonly eventInfo: string
  readonly type: string
  readonly value: string
  readonly toIds: boolean
  readonly deleted: boolean
  readonly timestamp: number
  /** When the event was last published; 0: never. */
  readonly publishTimestamp: number
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  /** The attribute's own tags. */
  readonly tags: readonly string[]
  /** The event's tags, where the query asked for them; may have doubles. */
  readonly eventTags: readonly string[]
  readonly comment: string
  readonly objectRelation: string | null
}

/** An event in the minimal index. */
export interface IndexRow {
  readonly id: string
  readonly uuid: string
  readonly timestamp: number
  readonly published: boolean
  readonly orgcUuid: string
}

export interface EventMeta {
  /** '' in a feed. */
  readonly id: string
  readonly uuid: string
  readonly info: string
  readonly timestamp: number
  readonly publishTimestamp: number
  readonly published: boolean
  /** `YYYY-MM-DD` as MISP says it. */
  readonly date: string
  readonly orgcName: string
  readonly orgcUuid: string
  readonly tags: readonly string[]
  readonly attributeCount: number
  /** 1 high, 2 medium, 3 low, 4 undefined. */
  readonly threatLevel: number
  /** 0 initial, 1 ongoing, 2 complete. */
  readonly analysis: number
}

/** Why a row was not taken. */
export type RefusalReason =
  | 'not-json'
  | 'not-an-object'
  | 'uuid'
  | 'id'
  | 'event'
  | 'type'
  | 'value'
  | 'value-too-long'
  | 'to_ids'
  | 'deleted'
  | 'timestamp'
  | 'published'

export interface Refusal {
  readonly reason: RefusalReason
  /** What could be read of the row, so that it need not be taken for absent. */
  readonly uuid?: string
  readonly eventId?: string
}

/** Either a row, or why there is none. */
export type Parsed<T> = T | Refusal

export const MAX_VALUE_BYTES = 64 * 1024
const MAX_TYPE_CHARS = 100
const MAX_TEXT_CHARS = 64 * 1024
const MAX_TAG_CHARS = 1024
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const DIGITS = /^\d{1,15}$/
const NO_TAGS: readonly string[] = []

type Fields = Readonly<Record<string, unknown>>

/** The event around an attribute where its own row does not say: a feed's file. */
export interface EventOfRow {
  readonly id: string
  readonly uuid: string
  readonly info: string
  readonly publishTimestamp: number
  readonly tags: readonly string[]
}

export function isRefusal<T extends object>(parsed: Parsed<T>): parsed is Refusal {
  return 'reason' in parsed
}

/** An element of restSearch's `response.Attribute`. */
export function parseAttribute(raw: unknown, around?: EventOfRow): Parsed<AttributeRow> {
  if (!isFields(raw)) return { reason: raw === undefined ? 'not-json' : 'not-an-object' }
  const uuid = readUuid(raw.uuid)
  const event = around ?? eventOf(raw)
  const refuse = (reason: RefusalReason): Refusal => ({
    reason,
    ...(uuid === undefined ? {} : { uuid }),
    ...(event === undefined ? {} : { eventId: event.id }),
  })
  if (uuid === undefined) return refuse('uuid')
  if (event === undefined) return refuse('event')
  const { type, value } = raw
  if (typeof type !== 'string' || type === '' || type.length > MAX_TYPE_CHARS) return refuse('type')
  if (typeof value !== 'string' || value === '') return refuse('value')
  if (isTooLong(value)) return refuse('value-too-long')
  const toIds = readFlag(raw.to_ids)
  if (toIds === undefined) return refuse('to_ids')
  const deleted = raw.deleted === undefined ? false : readFlag(raw.deleted)
  if (deleted === undefined) return refuse('deleted')
  const timestamp = readNumber(raw.timestamp)
  if (timestamp === undefined) return refuse('timestamp')
  return {
    uuid,
    id: readId(raw.id) ?? '',
    eventId: event.id,
    eventUuid: event.uuid,
    eventInfo: event.info,
    type,
    value: storable(value),
    toIds,
    deleted,
    timestamp,
    publishTimestamp: event.publishTimestamp,
    firstSeen: readMoment(raw.first_seen),
    lastSeen: readMoment(raw.last_seen),
    tags: readTags(raw.Tag, 'own'),
    eventTags: around === undefined ? inheritedTags(raw) : event.tags,
    comment: readText(raw.comment),
    objectRelation: typeof raw.object_relation === 'string' ? raw.object_relation : null,
  }
}

/** An element of `/events/index` with `minimal`. */
export function parseIndexRow(raw: unknown): Parsed<IndexRow> {
  if (!isFields(raw)) return { reason: raw === undefined ? 'not-json' : 'not-an-object' }
  const uuid = readUuid(raw.uuid)
  if (uuid === undefined) return { reason: 'uuid' }
  const id = readId(raw.id)
  if (id === undefined) return { reason: 'id', uuid }
  const timestamp = readNumber(raw.timestamp)
  if (timestamp === undefined) return { reason: 'timestamp', uuid, eventId: id }
  const published = readFlag(raw.published)
  if (published === undefined) return { reason: 'published', uuid, eventId: id }
  return { id, uuid, timestamp, published, orgcUuid: readUuid(raw.orgc_uuid) ?? '' }
}

/** An element of the full `/events/index`, or the `Event` of a feed's file (which has no id). */
export function parseEventMeta(raw: unknown): Parsed<EventMeta> {
  if (!isFields(raw)) return { reason: raw === undefined ? 'not-json' : 'not-an-object' }
  const uuid = readUuid(raw.uuid)
  if (uuid === undefined) return { reason: 'uuid' }
  const timestamp = readNumber(raw.timestamp)
  if (timestamp === undefined) return { reason: 'timestamp', uuid }
  const published = raw.published === undefined ? true : readFlag(raw.published)
  if (published === undefined) return { reason: 'published', uuid }
  const orgc = isFields(raw.Orgc) ? raw.Orgc : {}
  return {
    id: readId(raw.id) ?? '',
    uuid,
    info: readText(raw.info),
    timestamp,
    publishTimestamp: readNumber(raw.publish_timestamp) ?? 0,
    published,
    date: typeof raw.date === 'string' ? raw.date.slice(0, 10) : '',
    orgcName: readText(orgc.name),
    orgcUuid: readUuid(orgc.uuid) ?? '',
    tags: readTags(raw.EventTag ?? raw.Tag, 'all'),
    attributeCount: readNumber(raw.attribute_count) ?? 0,
    threatLevel: readThreatLevel(raw.threat_level_id),
    analysis: readNumber(raw.analysis) ?? 0,
  }
}

export function isFields(raw: unknown): raw is Fields {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw)
}

/** Lower case, or undefined when it is no UUID. */
export function readUuid(raw: unknown): string | undefined {
  if (typeof raw !== 'string' || raw.length !== 36) return undefined
  if (UUID.test(raw)) return raw
  const lower = raw.toLowerCase()
  return UUID.test(lower) ? lower : undefined
}

/** MISP writes numbers as strings, feeds as either. */
export function readNumber(raw: unknown): number | undefined {
  if (typeof raw === 'string') return DIGITS.test(raw) ? Number(raw) : undefined
  return Number.isSafeInteger(raw) && (raw as number) >= 0 ? (raw as number) : undefined
}

/** What is none of MISP's four is undefined. */
function readThreatLevel(raw: unknown): number {
  const level = readNumber(raw) ?? 4
  return level >= 1 && level <= 4 ? level : 4
}

/** Foreign text of bounded length, as the ledger can hold it; '' where there is none. */
export function readText(raw: unknown): string {
  return typeof raw === 'string' ? storable(raw.slice(0, MAX_TEXT_CHARS)) : ''
}

/** `Tag[]`, or `EventTag[]` with the tag one level down. */
export function readTags(raw: unknown, which: 'own' | 'inherited' | 'all'): readonly string[] {
  if (!Array.isArray(raw) || raw.length === 0) return NO_TAGS
  const names: string[] = []
  for (const element of raw as readonly unknown[]) {
    if (!isFields(element)) continue
    const tag = isFields(element.Tag) ? element.Tag : element
    const isInherited = Boolean(tag.inherited)
    if (which !== 'all' && isInherited !== (which === 'inherited')) continue
    const name = tag.name
    if (typeof name === 'string' && name !== '' && name.length <= MAX_TAG_CHARS) names.push(name)
  }
  return names
}

/** With includeEventTags the event's tags stand among the row's own, with includeContext in its Event. */
function inheritedTags(raw: Fields): readonly string[] {
  const among = readTags(raw.Tag, 'inherited')
  const context = isFields(raw.Event) ? readTags(raw.Event.Tag, 'all') : NO_TAGS
  return context.length === 0 ? among : [...among, ...context]
}

function eventOf(raw: Fields): EventOfRow | undefined {
  const id = readId(raw.event_id)
  if (id === undefined) return undefined
  const event = isFields(raw.Event) ? raw.Event : {}
  const uuid = readUuid(event.uuid ?? raw.event_uuid)
  if (uuid === undefined) return undefined
  const publishTimestamp = readNumber(event.publish_timestamp) ?? 0
  return { id, uuid, info: readText(event.info), publishTimestamp, tags: NO_TAGS }
}

function isTooLong(value: string): boolean {
  if (value.length * 3 <= MAX_VALUE_BYTES) return false
  return Buffer.byteLength(value) > MAX_VALUE_BYTES
}

/** MISP's own number of something, in digits; as with any number, it may come as a string. */
export function readId(raw: unknown): string | undefined {
  if (typeof raw === 'string') return DIGITS.test(raw) ? raw : undefined
  const number = readNumber(raw)
  return number === undefined ? undefined : String(number)
}

/** MISP writes booleans; feeds of other tools also 0, 1 and both as strings. */
function readFlag(raw: unknown): boolean | undefined {
  if (typeof raw === 'boolean') return raw
  if (raw === 1 || raw === '1') return true
  if (raw === 0 || raw === '0') return false
  return undefined
}

/** `2024-01-02T01:04:05.123456+00:00` to epoch seconds. */
function readMoment(raw: unknown): number | null {
  const ms = typeof raw === 'string' ? parseIso(raw) : null
  return ms === null ? null : Math.floor(ms / 1000)
}

/**
 * What stands under a key. Pure. Both forms are printable ASCII whatever MISP sent, for Dalli hands
 * values out as bytes; and no value can hold a line break.
 *
 * `ids`: `event_id#type[,event_id#type...]` as MISP2memcached writes it, with several sources
 * `event_id#type#source`. In its order too, as far as it can be told: it appends all plain types first
 * and then the composite ones (`ip-dst|port`), each as MISP lists them, by rising event.
 *
 * `json`: an array, newest first, of
 * `{event, event_uuid, attribute, type, port?, info, tags, source, timestamp, first_seen?, last_seen?}`;
 * what was left out is counted by one last element, `{"more": 12}`. Times are epoch seconds.
 */
import { ascii } from '../../ascii.js'
import type { Carrier } from '../sink.js'

export type ValueForm = 'ids' | 'json'

export interface ValueOptions {
  readonly form: ValueForm
  /** `ids` also names the source, where there is more than one. */
  readonly nameSource: boolean
  /** Most bytes of a value. */
  readonly largest: number
}

export interface Value {
  readonly text: string
  /** True when carriers were left out because the value would have been too large. */
  readonly cut: boolean
}

/** Carriers that a JSON value tells of. */
const MOST_CARRIERS = 20
const MOST_TAGS = 50
/** MISP's own limit for the name of a tag. */
const LONGEST_TAG = 255
const LONGEST_INFO = 256

/** Carriers come newest first, at least one. */
export function formatValue(carriers: readonly Carrier[], options: ValueOptions): Value {
  return options.form === 'ids' ? idsValue(carriers, options) : jsonValue(carriers, options)
}

function idsValue(carriers: readonly Carrier[], { nameSource, largest }: ValueOptions): Value {
  const only = carriers[0]!
  if (carriers.length === 1) return { text: idPiece(only, nameSource), cut: false }
  const pieces = newestThatFit(carriers, nameSource, largest)
  const text = [...pieces.values()].sort(inLegacyOrder).map((piece) => piece.text)
  return { text: text.join(','), cut: pieces.cut }
}

interface IdPiece {
  readonly text: string
  readonly event: string
  readonly type: string
}

function newestThatFit(carriers: readonly Carrier[], nameSource: boolean, largest: number) {
  const pieces = new Map<string, IdPiece>()
  let size = -1
  for (const carrier of carriers) {
    const text = idPiece(carrier, nameSource)
    if (pieces.has(text)) continue
    size += text.length + 1
    if (size > largest) return Object.assign(pieces, { cut: true })
    pieces.set(text, { text, event: eventOf(carrier), type: carrier.type })
  }
  return Object.assign(pieces, { cut: false })
}

function idPiece(carrier: Carrier, nameSource: boolean): string {
  const piece = `${idText(eventOf(carrier))}#${idText(carrier.type)}`
  return nameSource ? `${piece}#${idText(carrier.source)}` : piece
}

function eventOf(carrier: Carrier): string {
  return carrier.eventId === '' ? carrier.eventUuid : carrier.eventId
}

/** Without the two separators and all that is not printable ASCII. */
function idText(text: string): string {
  return UNFIT_FOR_IDS.test(text) ? text.replace(EACH_UNFIT_FOR_IDS, '') : text
}

const UNFIT_FOR_IDS = /[^ -~]|[,#]/
const EACH_UNFIT_FOR_IDS = new RegExp(UNFIT_FOR_IDS, 'g')

function inLegacyOrder(a: IdPiece, b: IdPiece): number {
  return (
    Number(a.type.includes('|')) - Number(b.type.includes('|')) ||
    byEvent(a.event, b.event) ||
    byText(a.text, b.text)
  )
}

/** Numbers by size; uuids behind them. */
function byEvent(a: string, b: string): number {
  return Number(/\D/.test(a)) - Number(/\D/.test(b)) || a.length - b.length || byText(a, b)
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function jsonValue(carriers: readonly Carrier[], { largest }: ValueOptions): Value {
  const told = carriers.slice(0, MOST_CARRIERS).map((carrier) => ascii(describe(carrier)))
  const whole = jsonArray(told, carriers.length)
  if (whole.length <= largest) return { text: whole, cut: false }
  while (told.length > 1) {
    told.pop()
    const text = jsonArray(told, carriers.length)
    if (text.length <= largest) return { text, cut: true }
  }
  const bare = ascii({ ...describe(carriers[0]!), info: '', tags: [] })
  return { text: jsonArray([bare], carriers.length), cut: true }
}

function jsonArray(told: readonly string[], of: number): string {
  const more = of - told.length
  return more === 0 ? `[${told.join(',')}]` : `[${told.join(',')},{"more":${more}}]`
}

function describe(carrier: Carrier) {
  return {
    event: eventOf(carrier),
    event_uuid: carrier.eventUuid,
    attribute: carrier.attributeUuid,
    type: carrier.type,
    ...(carrier.port > 0 ? { port: carrier.port } : {}),
    info: carrier.eventInfo.slice(0, LONGEST_INFO),
    tags: carrier.tags.slice(0, MOST_TAGS).map((tag) => tag.slice(0, LONGEST_TAG)),
    source: carrier.source,
    timestamp: carrier.timestamp,
    ...(carrier.firstSeen === null ? {} : { first_seen: carrier.firstSeen }),
    ...(carrier.lastSeen === null ? {} : { last_seen: carrier.lastSeen }),
  }
}

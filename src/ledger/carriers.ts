/** From rows of the ledger to the served carriers of a lookup key. */
import { newestFirst } from './spelling.js'
import type { StateCarrier } from './state.js'

/** Of `STATE_COLUMNS` (pages.ts), whether the key is shared, and what else was asked for. */
export type StateRow = readonly [
  space: string,
  value: string,
  port: number,
  uuid: string | null,
  type: string,
  tags: string,
  timestamp: number,
  firstSeen: number | null,
  lastSeen: number | null,
  liveSince: number,
  event: number,
  shared: number,
  ...more: unknown[],
]

/** What a carrier tells of its event. */
export interface CarrierEvent {
  readonly mispId: string
  readonly uuid: string
  readonly info: string
  readonly tags: readonly string[]
  readonly threatLevel: number
  readonly source: string
  /** In the config; of a source that has gone from it less than 0. */
  readonly place: number
}

/**
 * Of the rows from `from` to before `to`, which are those of one key; newest first. The same attribute
 * through two sources counts once: as the first source of the config has it. `eventOf`: null where it has
 * gone since the row was read.
 */
export function carriersOf<Row extends StateRow>(
  rows: readonly Row[],
  eventOf: (row: Row) => CarrierEvent | null,
  { from, to } = { from: 0, to: rows.length },
): StateCarrier[] {
  // Most keys have one carrier.
  if (to - from === 1) {
    const event = eventOf(rows[from]!)
    return event ? [toCarrier(rows[from]!, event)] : []
  }
  const found = new Map<string, { carrier: StateCarrier; place: number }>()
  for (let at = from; at < to; at += 1) {
    const row = rows[at]!
    const event = eventOf(row)
    if (!event) continue
    const key = `${event.uuid} ${row[3]} ${row[2]}`
    const place = event.place < 0 ? Number.MAX_SAFE_INTEGER : event.place
    const twin = found.get(key)
    if (twin && twin.place <= place) continue
    found.set(key, { carrier: toCarrier(row, event), place })
  }
  return [...found.values()].map(({ carrier }) => carrier).sort(newestFirst)
}

function toCarrier(row: StateRow, event: CarrierEvent): StateCarrier {
  return {
    eventId: event.mispId,
    eventUuid: event.uuid,
    eventInfo: event.info,
    attributeUuid: row[3]!,
    type: row[4],
    port: row[2],
    tags: row[5] === '[]' ? event.tags : union(JSON.parse(row[5]) as string[], event.tags),
    threatLevel: event.threatLevel,
    source: event.source,
    timestamp: row[6],
    firstSeen: row[7],
    lastSeen: row[8],
    liveSince: row[9],
  }
}

function union(some: readonly string[], others: readonly string[]): string[] {
  return [...new Set([...some, ...others])]
}

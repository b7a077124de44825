/** Hits of log lines, as `hits.db` has them. */
import type { Database } from '../ledger/sqlite.js'
import { storable } from '../text.js'
import { type HitFilter, type Place, parseId, spellings } from './filter.js'

export interface LogRow {
  readonly row: number
  /** 16 hexadecimal digits. */
  readonly hit: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly recorded: number
  readonly way: string
  readonly label: string
  readonly field: string
  readonly observable: string
  readonly kind: string
  readonly value: string
  readonly uuid: string
  readonly type: string
  readonly eventId: string
  readonly eventUuid: string
  readonly eventInfo: string
  readonly source: string
  readonly tlp: string
  /** JSON: pairs of field and value. */
  readonly observed: string
}

const ROWS = `
  SELECT h.row, lower(hex(h.id)) AS hit, h.at, h.recorded, l.way, l.label, h.field, h.observable,
    m.kind, m.value, m.uuid, m.type, m.event_id AS eventId, m.event_uuid AS eventUuid,
    m.event_info AS eventInfo, m.source, m.tlp,
    (SELECT json_group_array(json_array(o.field, o.value)) FROM observed o WHERE o.line = h.line)
      AS observed
  FROM hit h CROSS JOIN line l ON l.id = h.line CROSS JOIN met m ON m.id = h.met`

/** Newest first; `after`: what comes behind this place. */
export function logRows(
  db: Database,
  { filter, after, limit }: { filter: HitFilter; after: Place | null; limit: number },
): LogRow[] {
  const where = logConditions(filter)
  const behind = after === null ? null : behindPlace(after)
  const conditions = [...where.conditions, ...(behind?.conditions ?? [])]
  return db
    .prepare(`${ROWS} WHERE ${conditions.join(' AND ')} ORDER BY h.at DESC, h.id DESC LIMIT :limit`)
    .all({ ...where.params, ...behind?.params, limit }) as unknown as LogRow[]
}

export function logRowById(db: Database, hex: string): LogRow | null {
  const row = db.prepare(`${ROWS} WHERE h.id = ?`).get(Buffer.from(hex, 'hex'))
  return (row as unknown as LogRow | undefined) ?? null
}

/** In the order in which they became visible. */
export function logRowsAfter(db: Database, row: number, limit: number): LogRow[] {
  return db
    .prepare(`${ROWS} WHERE h.row > ? ORDER BY h.row LIMIT ?`)
    .all(row, limit) as unknown as LogRow[]
}

export function lastLogRow(db: Database): number {
  // Also where the newest hits were purged: a row's number is never used again.
  const row = db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'hit'`).get()
  return (row as { seq: number } | undefined)?.seq ?? 0
}

type Bound = Record<string, string | number | Uint8Array>

/** As SQL on `hit h`, `line l`, `met m`; spread over the indexes, each answers a part. */
export function logConditions({ since, until, value, event, source, label, way }: HitFilter): {
  readonly conditions: readonly string[]
  readonly params: Bound
} {
  const values = value === undefined ? [] : spellings(value)
  const bound = Object.fromEntries(values.map((each, at) => [`value${at}`, each]))
  const list = values.map((_, at) => `:value${at}`).join(', ')
  return {
    conditions: [
      '1',
      ...(since === undefined ? [] : ['h.at >= :since']),
      ...(until === undefined ? [] : ['h.at < :until']),
      ...(value === undefined ? [] : [`h.row IN (${rowsWith(list)})`]),
      ...(event === undefined
        ? []
        : [`h.met IN (SELECT id FROM met WHERE event_id = :event OR event_uuid = :event)`]),
      ...(source === undefined ? [] : ['m.source = :source']),
      ...(label === undefined ? [] : ['l.label = :label']),
      ...(way === undefined ? [] : ['l.way = :way']),
    ],
    params: {
      ...bound,
      ...(since !== undefined && { since }),
      ...(until !== undefined && { until }),
      ...(event !== undefined && { event: storable(event) }),
      ...(source !== undefined && { source: storable(source) }),
      ...(label !== undefined && { label: storable(label) }),
      ...(way !== undefined && { way }),
    },
  }
}

/** Every observable stands in `observed` too. */
export function rowsWith(values: string): string {
  return `SELECT row FROM hit WHERE line IN (SELECT line FROM observed WHERE value IN (${values}))
    UNION SELECT row FROM hit WHERE met IN (SELECT id FROM met WHERE value IN (${values}))`
}

function behindPlace({ first, id }: Place): { conditions: string[]; params: Bound } {
  const parsed = parseId(id)
  if (parsed?.kind !== 'log') return { conditions: ['h.at < :first'], params: { first } }
  return {
    conditions: ['(h.at, h.id) < (:first, :behind)'],
    params: { first, behind: Buffer.from(parsed.hex, 'hex') },
  }
}

export function logId(hit: string): string {
  return `log-${hit}`
}

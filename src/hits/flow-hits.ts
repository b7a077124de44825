/** Hits of flows, as ClickHouse has them. */
import type { ClickHouse, Params } from '../clickhouse/client.js'
import { quoted, type TableName } from '../clickhouse/names.js'
import { type HitFilter, type Place, parseId, spellings } from './filter.js'

export interface FlowRow {
  /** Of 64 bits, in decimal digits. */
  readonly hit: string
  /** Epoch seconds. */
  readonly ts: number
  readonly te: number
  readonly written: number
  /** Always the inside talker. */
  readonly source_ip: string
  readonly destination_ip: string
  readonly dp: number
  /** 1: the flow's own source was the indicator. */
  readonly reverse: number
  readonly pkt: string
  readonly byt: string
  readonly role: string
  readonly answered: string
  readonly kind: string
  readonly type: string
  readonly via: string
  readonly flowsrc: string
  readonly misp: string
  readonly event_id: number
  readonly event_uuid: string
  readonly attribute_uuid: string
  readonly info: string
}

/** Of a row, what tells which indicator was met. `dp`: 0 where it is not known. */
export type MetRow = Pick<
  FlowRow,
  | 'misp'
  | 'event_id'
  | 'event_uuid'
  | 'attribute_uuid'
  | 'type'
  | 'kind'
  | 'info'
  | 'destination_ip'
  | 'dp'
>

/** misp2ch's own hits have no number of ours. */
export const FLOW_HIT = `if(hit != 0, hit,
  cityHash64(ts, te, source_ip, destination_ip, dp, pkt, byt, reverse, attr_uuid))`

const COLUMNS = `toString(${FLOW_HIT}) AS hit_id, toUnixTimestamp(ts) AS begun,
  toUnixTimestamp(te) AS ended, toUnixTimestamp(insert_ts) AS written, source_ip, destination_ip, dp,
  reverse, pkt, byt, role, answered, kind, type, via, flowsrc, misp, id AS event_id, event_uuid,
  attr_uuid AS attribute_uuid, info`

interface Asked {
  readonly db: ClickHouse
  readonly table: TableName
  readonly signal: AbortSignal
}

/**
 * Newest first, each once, also where a merge has not yet put doubles together; `after`: what comes
 * behind this place. @throws ClickHouseError
 */
export async function flowRows(
  { db, table, signal }: Asked,
  { filter, after, limit }: { filter: HitFilter; after: Place | null; limit: number },
): Promise<FlowRow[]> {
  const where = flowConditions(filter)
  const behind = after === null ? null : behindPlace(after)
  const conditions = [...where.conditions, ...(behind?.conditions ?? [])]
  return await rowsWhere(
    { db, table, signal },
    { conditions, params: { ...where.params, ...behind?.params }, limit },
  )
}

/** @throws ClickHouseError */
export async function flowRowsById(
  asked: Asked,
  hits: readonly string[],
  { writtenFrom = 0 }: { writtenFrom?: number } = {},
): Promise<FlowRow[]> {
  const conditions = [
    'insert_ts >= toDateTime({writtenFrom:UInt32})',
    `${FLOW_HIT} IN {hits:Array(UInt64)}`,
  ]
  return await rowsWhere(asked, {
    conditions,
    params: { hits: hits.map(BigInt), writtenFrom },
    limit: hits.length,
  })
}

async function rowsWhere(
  { db, table, signal }: Asked,
  { conditions, params, limit }: { conditions: readonly string[]; params: Params; limit: number },
): Promise<FlowRow[]> {
  const rows = await db.rows<FlowRow & { hit_id: string; begun: number; ended: number }>(
    `SELECT ${COLUMNS} FROM ${quoted(table)} WHERE ${conditions.join(' AND ')}
     ORDER BY ts DESC, ${FLOW_HIT} DESC LIMIT 1 BY ts, ${FLOW_HIT} LIMIT {limit:UInt32}`,
    { params: { ...params, limit }, signal },
  )
  return rows.map(({ hit_id: hit, begun: ts, ended: te, ...row }) => ({ ...row, hit, ts, te }))
}

const MOST = 2 ** 32 - 1

/** As SQL on the table of hits, with bound values. */
export function flowConditions(filter: HitFilter): {
  readonly conditions: readonly string[]
  readonly params: Params
} {
  const { since = 0, until, value, event, source, label, way } = filter
  return {
    conditions: [
      'ts >= toDateTime({since:UInt32})',
      ...(until === undefined ? [] : ['ts < toDateTime({until:UInt32})']),
      ...(value === undefined
        ? []
        : ['(source_ip IN {values:Array(String)} OR destination_ip IN {values:Array(String)})']),
      ...(event === undefined ? [] : ['{event:String} IN (toString(id), event_uuid)']),
      ...(source === undefined ? [] : ['misp = {source:String}']),
      ...(label === undefined ? [] : ['flowsrc = {label:String}']),
      // Of misp2ch's own hits nobody says: they came as the flows did.
      ...(way === undefined ? [] : [`(via = 'backscan') = ({way:String} = 'backscan')`]),
    ],
    params: {
      since: seconds(since),
      ...(until !== undefined && { until: seconds(until) }),
      ...(value !== undefined && { values: spellings(value) }),
      ...(event !== undefined && { event }),
      ...(source !== undefined && { source }),
      ...(label !== undefined && { label }),
      ...(way !== undefined && { way }),
    },
  }
}

/** The first whole second that is not before it. */
function seconds(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms / 1000), 0), MOST)
}

function behindPlace({ first, id }: Place): { conditions: string[]; params: Params } {
  const parsed = parseId(id)
  const at = Math.min(Math.max(Math.floor(first / 1000), 0), MOST)
  // A log hit of the same second: flows of that second's beginning come behind it.
  if (parsed?.kind !== 'flow') {
    return { conditions: ['ts <= toDateTime({at:UInt32})'], params: { at } }
  }
  return {
    conditions: [
      'ts <= toDateTime({at:UInt32})',
      `(ts < toDateTime({at:UInt32}) OR ${FLOW_HIT} < {behind:UInt64})`,
    ],
    params: { at, behind: BigInt(`0x${parsed.hex}`) },
  }
}

export function flowId(hit: string): string {
  return `flow-${BigInt(hit).toString(16).padStart(16, '0')}`
}

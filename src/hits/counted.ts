/**
 * What flows met and is only counted, by indicator: floods, which are the flows beyond the most hits
 * that are stored in an hour, and contacts from outside that nothing answered.
 */
import type { ClickHouse, Params } from '../clickhouse/client.js'
import { quoted } from '../clickhouse/names.js'
import { countedTable, type Tables } from '../clickhouse/schema.js'
import { ClickHouseError } from '../errors.js'
import { type HitFilter, spellings } from './filter.js'
import type { HitStores } from './stores.js'
import { type Met, Teller } from './tell.js'

export type Why = 'flood' | 'unanswered'

export interface Counted extends Met {
  readonly why: Why
  /** Of the outside, one of those that were met. */
  readonly observable: string
  /** Epoch milliseconds: begin of the first flow, end of the last. */
  readonly first: number
  readonly last: number
  /** In how many hours there were any. */
  readonly hours: number
  /** At least so many: an hour in which the indicator was new is counted in two halves. */
  readonly flows: number
  readonly packets: number
  readonly bytes: number
}

export interface CountedQuery extends Omit<HitFilter, 'kind' | 'label' | 'way'> {
  readonly why?: Why | undefined
  /** Uuids; absent: all. */
  readonly attributes?: readonly string[] | undefined
  /** At most so many, from 1. */
  readonly limit: number
}

interface CountedRow {
  readonly why: Why
  readonly misp: string
  readonly attribute_uuid: string
  readonly event_uuid: string
  readonly event_id: number
  readonly info: string
  readonly kind: string
  readonly type: string
  readonly address: string
  readonly begun: number
  readonly ended: number
  readonly hours: string
  readonly flows: string
  readonly packets: string
  readonly bytes: string
}

/** Floods first, then by the number of flows. Whole hours. Empty before the first sync. @throws ClickHouseError */
export async function readCounted(
  stores: HitStores,
  query: CountedQuery,
  signal: AbortSignal,
): Promise<Counted[]> {
  const { flows } = stores
  if (flows === null) return []
  const db = await flows.open()
  const { conditions, params } = conditionsOf(query)
  const table = quoted(countedTable(flows.tables).name)
  try {
    const rows = await db.rows<CountedRow>(statement(table, conditions), { params, signal })
    const teller = new Teller(stores)
    return rows.map((row) => countedOf(row, teller))
  } catch (error) {
    if (error instanceof ClickHouseError && error.fault === 'missing') return []
    throw error
  }
}

export interface CountedTotals {
  readonly why: Why
  readonly indicators: number
  readonly flows: number
}

/** Since whole hours, epoch milliseconds. The table must be there. @throws ClickHouseError */
export async function countedTotals(
  { db, tables }: { db: ClickHouse; tables: Pick<Tables, 'hits'> },
  since: number,
  signal: AbortSignal,
): Promise<CountedTotals[]> {
  const { conditions, params } = conditionsOf({ since, limit: MOST })
  const all = statement(quoted(countedTable(tables).name), conditions)
  const rows = await db.rows<{ why: Why; indicators: string; total: string }>(
    `SELECT why, count() AS indicators, sum(flows) AS total FROM (${all}) GROUP BY why ORDER BY why`,
    { params, signal },
  )
  return rows.map(({ why, indicators, total }) => ({
    why,
    indicators: Number(indicators),
    flows: Number(total),
  }))
}

/** What the live view counted is added up, what a backscan counted is all of an hour: the larger counts. */
function statement(table: string, conditions: readonly string[]): string {
  return `SELECT why, misp, attr_uuid AS attribute_uuid, any(h_event) AS event_uuid,
      any(h_id) AS event_id, any(h_info) AS info, any(h_kind) AS kind, any(h_type) AS type,
      any(h_address) AS address, toUnixTimestamp(min(h_first)) AS begun,
      toUnixTimestamp(max(h_last)) AS ended, count() AS hours, sum(h_flows) AS flows,
      sum(h_pkt) AS packets, sum(h_byt) AS bytes
    FROM (
      SELECT hour, misp, attr_uuid, why, greatest(sum(live_flows), max(past_flows)) AS h_flows,
        greatest(sum(live_pkt), max(past_pkt)) AS h_pkt,
        greatest(sum(live_byt), max(past_byt)) AS h_byt, min(first) AS h_first,
        max(last) AS h_last, any(event_uuid) AS h_event, any(id) AS h_id, any(info) AS h_info,
        any(kind) AS h_kind, any(type) AS h_type, any(address) AS h_address
      FROM ${table} WHERE ${conditions.join(' AND ')} GROUP BY hour, misp, attr_uuid, why
    )
    GROUP BY why, misp, attr_uuid
    ORDER BY why, flows DESC, attr_uuid LIMIT {limit:UInt32}`
}

function conditionsOf(query: CountedQuery): { conditions: string[]; params: Params } {
  const { since = 0, until, value, event, source, why, attributes, limit } = query
  return {
    conditions: [
      "hour >= toStartOfHour(toDateTime({since:UInt32}), 'UTC')",
      ...(until === undefined ? [] : ['hour < toDateTime({until:UInt32})']),
      ...(value === undefined ? [] : ['address IN {values:Array(String)}']),
      ...(event === undefined ? [] : ['{event:String} IN (toString(id), event_uuid)']),
      ...(source === undefined ? [] : ['misp = {source:String}']),
      ...(why === undefined ? [] : ['why = {why:String}']),
      ...(attributes === undefined ? [] : ['attr_uuid IN {attributes:Array(String)}']),
    ],
    params: {
      since: seconds(since),
      limit,
      ...(until !== undefined && { until: seconds(until) }),
      ...(value !== undefined && { values: spellings(value) }),
      ...(event !== undefined && { event }),
      ...(source !== undefined && { source }),
      ...(why !== undefined && { why }),
      ...(attributes !== undefined && { attributes }),
    },
  }
}

const MOST = 2 ** 32 - 1

function seconds(ms: number): number {
  return Math.min(Math.max(Math.floor(ms / 1000), 0), MOST)
}

function countedOf(row: CountedRow, teller: Teller): Counted {
  // Which port was met stands nowhere; the attribute tells its own.
  const met = teller.met({ ...row, destination_ip: row.address, dp: 0 })
  return {
    why: row.why,
    ...met,
    observable: row.address,
    first: row.begun * 1000,
    last: row.ended * 1000,
    hours: Number(row.hours),
    flows: Number(row.flows),
    packets: Number(row.packets),
    bytes: Number(row.bytes),
  }
}

/** As JSON tells it: `tipline hits --counted --json`, and the API. */
export function countedDocument({ first, last, ...counted }: Counted) {
  const { why, indicator, attribute, event, tlp, stale, observable } = counted
  const { hours, flows, packets, bytes } = counted
  return {
    why,
    first: new Date(first).toISOString(),
    last: new Date(last).toISOString(),
    hours,
    flows,
    packets,
    bytes,
    observable,
    indicator,
    attribute,
    event,
    tlp,
    stale,
  }
}

/** Hits of flows, read back from ClickHouse. */
import type { ClickHouse } from '../clickhouse/client.js'
import { quoted, type TableName } from '../clickhouse/names.js'

export interface FlowHit {
  /** Epoch seconds. */
  readonly ts: number
  readonly te: number
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

export interface HitFilter {
  /** Epoch seconds. */
  readonly since: number
  readonly value: string | null
  readonly event: string | null
  readonly limit: number
}

/** Newest first, each once, also where a merge has not yet put doubles together. @throws ClickHouseError */
export async function* readHits(
  db: ClickHouse,
  hits: TableName,
  { since, value, event, limit }: HitFilter,
  signal: AbortSignal,
): AsyncGenerator<FlowHit> {
  const conditions = [
    'ts >= toDateTime({since:UInt32})',
    ...(value === null ? [] : ['{value:String} IN (source_ip, destination_ip)']),
    ...(event === null ? [] : ['{event:String} IN (toString(id), event_uuid)']),
  ]
  // misp2ch's own hits have no number of ours.
  const once = 'LIMIT 1 BY ts, te, source_ip, destination_ip, dp, pkt, byt, reverse, attr_uuid, hit'
  yield* db.stream<FlowHit>(
    `SELECT toUnixTimestamp(ts) AS ts, toUnixTimestamp(te) AS te, source_ip, destination_ip, dp,
       reverse, pkt, byt, role, answered, kind, type, via, flowsrc, misp, id AS event_id, event_uuid,
       attr_uuid AS attribute_uuid, info
     FROM (
       SELECT * FROM ${quoted(hits)} WHERE ${conditions.join(' AND ')}
       ORDER BY ts DESC, source_ip, attr_uuid ${once} LIMIT {limit:UInt32}
     ) AS h ORDER BY h.ts DESC, source_ip, attr_uuid`,
    { params: { since, value: value ?? '', event: event ?? '', limit }, signal },
  )
}

/** How many hits there were when: for a chart. */
import { quoted } from '../clickhouse/names.js'
import { admits, type HitFilter } from './filter.js'
import { FLOW_HIT, flowConditions } from './flow-hits.js'
import { logConditions } from './log-hits.js'
import type { HitStores } from './stores.js'

export interface Bucket {
  /** Epoch milliseconds: from this on, to the `from` of the next. */
  readonly from: number
  readonly live: number
  readonly backscan: number
  readonly log: number
}

export interface Range extends HitFilter {
  readonly since: number
  readonly until: number
  /** How many columns the chart has, from 1. Each is a whole number of seconds wide. */
  readonly buckets: number
}

/** Every bucket of the range, the empty ones too; oldest first. @throws ClickHouseError, HitsError */
export async function hitsOverTime(
  stores: HitStores,
  { buckets, ...filter }: Range,
  signal: AbortSignal,
): Promise<Bucket[]> {
  const { since, until } = filter
  const width = Math.max(1, Math.ceil((until - since) / 1000 / buckets)) * 1000
  const counts: Counts = new Map()
  if (admits(filter, 'log')) countLogs(stores, { filter, width, counts })
  if (admits(filter, 'flow')) await countFlows(stores, { filter, width, counts }, signal)
  const number = Math.max(0, Math.ceil((until - since) / width))
  return Array.from({ length: number }, (_, n) => ({
    from: since + n * width,
    live: counts.get(`live ${n}`) ?? 0,
    backscan: counts.get(`backscan ${n}`) ?? 0,
    log: counts.get(`log ${n}`) ?? 0,
  }))
}

type Counts = Map<string, number>
interface Counting {
  readonly filter: HitFilter & { readonly since: number }
  /** Milliseconds. */
  readonly width: number
  readonly counts: Counts
}

function countLogs({ db }: HitStores, { filter, width, counts }: Counting): void {
  const { conditions, params } = logConditions(filter)
  // A number of JavaScript is bound as a real: without the cast, so would be the bucket.
  const rows = db
    .prepare(
      `SELECT CAST((h.at - :since) / :width AS INTEGER) AS bucket, count(*) AS n
       FROM hit h CROSS JOIN line l ON l.id = h.line CROSS JOIN met m ON m.id = h.met
       WHERE ${conditions.join(' AND ')} GROUP BY bucket`,
    )
    .all({ ...params, width }) as { bucket: number; n: number }[]
  for (const { bucket, n } of rows) counts.set(`log ${bucket}`, n)
}

async function countFlows(
  { flows }: HitStores,
  { filter, width, counts }: Counting,
  signal: AbortSignal,
): Promise<void> {
  if (flows === null) return
  const { conditions, params } = flowConditions(filter)
  const db = await flows.open()
  const rows = await db.rows<{ bucket: string; way: string; n: string }>(
    `SELECT intDiv(toInt64(toUnixTimestamp(ts)) * 1000 - {begin:Int64}, {width:Int64}) AS bucket,
       if(via = 'backscan', 'backscan', 'live') AS way, uniqExact(ts, ${FLOW_HIT}) AS n
     FROM ${quoted(flows.tables.hits)} WHERE ${conditions.join(' AND ')} GROUP BY bucket, way`,
    { params: { ...params, begin: filter.since, width }, signal },
  )
  for (const { bucket, way, n } of rows) counts.set(`${way} ${bucket}`, Number(n))
}

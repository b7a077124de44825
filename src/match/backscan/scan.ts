/**
 * One slice: what is met goes into a table of its own first; from there the hits that are not there yet
 * are stored, and what is only counted is counted. To do it again changes nothing.
 */

import type { Asking } from '../../clickhouse/client.js'
import { writeGap } from '../../clickhouse/gaps.js'
import { dropView } from '../../clickhouse/live.js'
import { MET, matching } from '../../clickhouse/matching.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { backscansTable, countedTable, lookedTable } from '../../clickhouse/schema.js'
import type { Chosen } from './chosen.js'
import { foundName } from './found.js'
import type { Job, Plan, Slice } from './work.js'

const SLICE = 'ts >= toDateTime({from:UInt32}) AND ts < toDateTime({to:UInt32})'
const THREADS = 2

interface Scan {
  readonly job: Job
  readonly chosen: Chosen
  readonly slice: Slice
}

/** Answers how many hits are new. @throws ClickHouseError */
export async function scan(plan: Plan, { job, chosen, slice }: Scan): Promise<number> {
  const { db, limits = {}, signal } = plan
  const found = foundName(plan, chosen.backscan)
  const settings = { max_threads: limits.threads ?? THREADS, priority: '5' } as const
  const params = { ...chosen.params, from: slice.from, to: slice.to }
  const drop = () => db.command(dropView(found))
  try {
    await db.command(find(plan, chosen, found), { params, settings, signal })
    const hits = await store(plan, found, { settings, signal })
    await Promise.all([remember(plan, { job, chosen, slice }), drop()])
    return hits
  } catch (error) {
    await drop()
    throw error
  }
}

function find(plan: Plan, { only }: Chosen, found: TableName): string {
  const { flows, live: names, telling } = plan
  const columns = [...MET, 'hour', 'tally', 'unanswered'].join(', ')
  const select = matching({
    ...flows,
    names,
    telling,
    via: 'backscan',
    only: { ...only, flows: SLICE },
  })
  return `CREATE TABLE ${quoted(found)} ENGINE = MergeTree ORDER BY hit AS
    SELECT ${columns} FROM (${select})`
}

/** Answers how many hits are new. Of what is there, only the hours are looked at that may hold the same. */
async function store(
  plan: Plan,
  found: TableName,
  { settings, signal }: Pick<Asking, 'settings' | 'signal'>,
): Promise<number> {
  const { db, tables } = plan
  const { rows, most, unanswered, ...params } = await db.row<Summary>(summary(found), { signal })
  if (rows === '0') return 0
  const asking = { params, settings, signal }
  const fresh = unseen(plan, found)
  const isCounted = unanswered === 1 || Number(most) > plan.telling.maxHits
  const [{ hits }] = await Promise.all([
    db.row<{ hits: string }>(`SELECT count() AS hits FROM (${fresh})`, asking),
    isCounted ? db.command(count(plan, found), asking) : undefined,
  ])
  const columns = MET.join(', ')
  const insert = `INSERT INTO ${quoted(tables.hits)} (${columns}) SELECT ${columns} FROM (${fresh})`
  if (hits !== '0') await db.command(insert, asking)
  return Number(hits)
}

interface Summary {
  readonly rows: string
  /** Of one indicator in one hour. */
  readonly most: string
  /** Whether there are such. */
  readonly unanswered: number
  /** Epoch seconds: whole hours. */
  readonly from: number
  readonly to: number
}

function summary(found: TableName): string {
  return `SELECT sum(n) AS rows, max(n) AS most, max(some) AS unanswered,
      toUnixTimestamp(min(first)) AS from, toUnixTimestamp(max(first)) + 3600 AS to
    FROM (
      SELECT count() AS n, max(unanswered) AS some, min(hour) AS first
      FROM ${quoted(found)} GROUP BY tally
    )`
}

/** What misp2ch stored has no number of ours, but all else. */
const OLD = 'ts, te, source_ip, destination_ip, dp, pkt, byt, reverse, attr_uuid'

/** Hits that are to be stored, up to the most that an indicator may have in an hour. */
function unseen({ tables, telling }: Plan, found: TableName): string {
  const hits = quoted(tables.hits)
  return `SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY tally ORDER BY ts, hit) AS place FROM (
      SELECT * FROM ${quoted(found)}
      WHERE NOT unanswered AND hit NOT IN (SELECT hit FROM ${hits} WHERE ${SLICE})
        AND (${OLD}) NOT IN (SELECT ${OLD} FROM ${hits} WHERE ${SLICE} AND hit = 0)
      LIMIT 1 BY hit
    )
  ) AS tl_new LEFT JOIN (
    SELECT cityHash64(misp, attr_uuid, toStartOfHour(ts, 'UTC')) AS tally, uniqExact(hit) AS had
    FROM ${hits} WHERE ${SLICE} GROUP BY tally
  ) AS tl_had USING (tally) WHERE place + had <= ${telling.maxHits}`
}

/** Of whole hours, so that the most that was ever counted is right. */
function count({ tables, telling }: Plan, found: TableName): string {
  return `INSERT INTO ${quoted(countedTable(tables).name)}
    (hour, misp, attr_uuid, why, past_flows, past_pkt, past_byt, first, last, event_uuid, id, address,
      kind, type, info)
    SELECT hour, misp, attr_uuid, if(unanswered, 'unanswered', 'flood') AS why, count(), sum(pkt),
      sum(byt), min(ts), max(te), any(event_uuid), any(id), any(destination_ip), any(kind), any(type),
      any(info)
    FROM (
      SELECT *, row_number() OVER (PARTITION BY tally, unanswered ORDER BY ts, hit) AS place
      FROM (SELECT * FROM ${quoted(found)} LIMIT 1 BY hit)
    )
    WHERE unanswered OR place > ${telling.maxHits}
    GROUP BY hour, misp, attr_uuid, why`
}

/**
 * So far back it was looked. What was for one value only closes no gap. Which they were is written down
 * with the newest slice where they are few; of many it stands there already.
 */
async function remember(plan: Plan, { job, chosen, slice }: Scan): Promise<void> {
  const { db, tables, value } = plan
  const { backscan } = chosen
  if (job.gap === null) {
    const isNewest = slice.to === job.slices[0]!.to
    const targets = isNewest ? (job.few?.targets ?? []) : []
    await Promise.all([
      targets.length > 0 &&
        db.insert({
          table: quoted(lookedTable(tables).name),
          columns: ['target', 'backscan'],
          rows: targets.map((target) => [target, backscan]),
        }),
      db.insert({
        table: quoted(backscansTable(tables).name),
        columns: ['backscan', 'back_to'],
        rows: [[backscan, slice.from]],
      }),
    ])
  } else if (value === null) {
    const closed = slice.from <= job.gap.from
    await writeGap(db, tables, { ...job.gap, to: closed ? job.gap.from : slice.from })
  }
}

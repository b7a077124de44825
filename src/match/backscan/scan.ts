/**
 * One slice: what is met is put down first; from there the hits that are not there yet are stored, and
 * what is only counted is counted. To do it again changes nothing.
 */

import type { Asking } from '../../clickhouse/client.js'
import { writeGap } from '../../clickhouse/gaps.js'
import { MET, matching } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import { backscansTable, countedTable, foundTable, lookedTable } from '../../clickhouse/schema.js'
import type { Chosen } from './chosen.js'
import { settleLatest } from './plan.js'
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
  const settings = {
    max_threads: limits.threads ?? THREADS,
    priority: '5',
    query_plan_remove_redundant_sorting: 0,
  } as const
  const params = { ...chosen.params, from: slice.from, to: slice.to }
  const found = { backscan: chosen.backscan }
  const drop = () => db.command(dropFound(plan), { params: found })
  try {
    await Promise.all([
      db.command(find(plan, chosen), { params: { ...params, ...found }, settings, signal }),
      isNewest(job, slice) && settleLatest(plan, job),
    ])
    const hits = await store(plan, { params: found, settings, signal })
    await Promise.all([remember(plan, { job, chosen, slice }), drop()])
    return hits
  } catch (error) {
    await drop()
    throw error
  }
}

function isNewest({ slices }: Job, { to }: Slice): boolean {
  return to === slices[0]!.to
}

function dropFound({ tables }: Plan): string {
  return `ALTER TABLE ${quoted(foundTable(tables).name)} DROP PARTITION {backscan:String}`
}

/** What was found, in statements with this parameter. */
const MINE = 'backscan = {backscan:String}'

function find(plan: Plan, { only }: Chosen): string {
  const { tables, flows, live: names, telling } = plan
  const columns = [...MET, 'hour', 'tally', 'unanswered'].join(', ')
  const select = matching({
    ...flows,
    names,
    telling,
    via: 'backscan',
    only: { ...only, flows: SLICE },
  })
  return `INSERT INTO ${quoted(foundTable(tables).name)} (backscan, ${columns})
    SELECT {backscan:String}, ${columns} FROM (${select})`
}

/** Answers how many hits are new. */
async function store(
  plan: Plan,
  asking: Required<Pick<Asking, 'params' | 'settings' | 'signal'>>,
): Promise<number> {
  const { db, tables } = plan
  const { hits, most, unanswered } = await db.row<Summary>(summary(plan), asking)
  const columns = MET.join(', ')
  const insert = `INSERT INTO ${quoted(tables.hits)} (${columns})
    SELECT ${columns} FROM (${unseen(plan)})`
  const isCounted = unanswered === 1 || Number(most) > plan.telling.maxHits
  await Promise.all([
    hits !== '0' && db.command(insert, asking),
    isCounted && db.command(count(plan), asking),
  ])
  return Number(hits)
}

interface Summary {
  /** Those that are to be stored. */
  readonly hits: string
  /** Of one indicator in one hour. */
  readonly most: string
  /** Whether there are such. */
  readonly unanswered: number
}

function summary(plan: Plan): string {
  return `SELECT max(n) AS most, max(some) AS unanswered, (SELECT count() FROM (${unseen(plan)})) AS hits
    FROM (
      SELECT count() AS n, max(unanswered) AS some
      FROM ${quoted(foundTable(plan.tables).name)} WHERE ${MINE} GROUP BY tally
    )`
}

/** What misp2ch stored has no number of ours, but all else. */
const OLD = 'ts, te, source_ip, destination_ip, dp, pkt, byt, reverse, attr_uuid'

/**
 * Hits that are to be stored, up to the most that an indicator may have in an hour. Of what is there, only
 * the moments and hours of what was found are read.
 */
function unseen({ tables, telling }: Plan): string {
  const hits = quoted(tables.hits)
  const found = `FROM ${quoted(foundTable(tables).name)} WHERE ${MINE}`
  const then = `ts IN (SELECT ts ${found})`
  return `SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY tally ORDER BY ts, hit) AS place FROM (
      SELECT * ${found} AND NOT unanswered AND hit NOT IN (SELECT hit FROM ${hits} WHERE ${then})
        AND (${OLD}) NOT IN (SELECT ${OLD} FROM ${hits} WHERE ${then} AND hit = 0)
      LIMIT 1 BY hit
    )
  ) AS tl_new LEFT JOIN (
    SELECT cityHash64(misp, attr_uuid, toStartOfHour(ts, 'UTC')) AS tally, uniqExact(hit) AS had
    FROM ${hits} WHERE toStartOfHour(ts, 'UTC') IN (SELECT hour ${found}) GROUP BY tally
  ) AS tl_had USING (tally) WHERE place + had <= ${telling.maxHits}`
}

/** Of whole hours, so that the most that was ever counted is right. */
function count({ tables, telling }: Plan): string {
  const found = `FROM ${quoted(foundTable(tables).name)} WHERE ${MINE}`
  return `INSERT INTO ${quoted(countedTable(tables).name)}
    (hour, misp, attr_uuid, why, past_flows, past_pkt, past_byt, first, last, event_uuid, id, address,
      kind, type, info)
    SELECT hour, misp, attr_uuid, if(unanswered, 'unanswered', 'flood') AS why, count(), sum(pkt),
      sum(byt), min(ts), max(te), any(event_uuid), any(id), any(destination_ip), any(kind), any(type),
      any(info)
    FROM (
      SELECT *, row_number() OVER (PARTITION BY tally, unanswered ORDER BY ts, hit) AS place
      FROM (SELECT * ${found} LIMIT 1 BY hit)
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
    const targets = isNewest(job, slice) ? (job.few?.targets ?? []) : []
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

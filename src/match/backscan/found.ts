/**
 * Where a slice has met much: it is put down in a table first; from there the hits that are not there yet
 * are stored, and what is only counted is counted. To do it again changes nothing.
 */
import type { Asking } from '../../clickhouse/client.js'
import { MET } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import { countedTable, foundTable } from '../../clickhouse/schema.js'
import { OLD } from './few-met.js'
import type { Plan } from './work.js'

interface Looking {
  /** Names what is found. */
  readonly backscan: string
  /** What is met, as `matching` gives it. */
  readonly select: string
  readonly asking: Required<Asking>
}

/** Answers how many hits are new. @throws ClickHouseError */
export async function findAndStore(plan: Plan, looking: Looking): Promise<number> {
  const { db } = plan
  const params = { backscan: looking.backscan }
  const drop = () => db.command(dropFound(plan), { params })
  try {
    const { params: also } = looking.asking
    await db.command(find(plan, looking), { ...looking.asking, params: { ...also, ...params } })
    const hits = await store(plan, { ...looking.asking, params })
    await drop()
    return hits
  } catch (error) {
    // Why it failed is what is wanted. What can't be dropped goes by its TTL.
    await drop().catch(() => undefined)
    throw error
  }
}

function dropFound({ tables }: Plan): string {
  return `ALTER TABLE ${quoted(foundTable(tables).name)} DROP PARTITION {backscan:String}`
}

/** What was found, in statements with this parameter. */
const MINE = 'backscan = {backscan:String}'

function find({ tables }: Plan, { select }: Looking): string {
  const columns = [...MET, 'hour', 'tally', 'unanswered'].join(', ')
  return `INSERT INTO ${quoted(foundTable(tables).name)} (backscan, ${columns})
    SELECT {backscan:String}, ${columns} FROM (${select})`
}

/** Answers how many hits are new. */
async function store(plan: Plan, asking: Required<Asking>): Promise<number> {
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

/**
 * Hits that are to be stored, up to the most that an indicator may have in an hour. Of what is there, only
 * the moments and hours of what was found are read.
 */
function unseen({ tables, telling }: Plan): string {
  const hits = quoted(tables.hits)
  const found = `FROM ${quoted(foundTable(tables).name)} WHERE ${MINE}`
  const then = `ts IN (SELECT ts ${found})`
  const old = OLD.join(', ')
  return `SELECT * FROM (
    SELECT *, row_number() OVER (PARTITION BY tally ORDER BY ts, hit) AS place FROM (
      SELECT * ${found} AND NOT unanswered AND hit NOT IN (SELECT hit FROM ${hits} WHERE ${then})
        AND (${old}) NOT IN (SELECT ${old} FROM ${hits} WHERE ${then} AND hit = 0)
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

/** What a backscan has to do: which indicators, which stretches of time, in which slices. */
import { columnTypes, flowColumns } from '../../clickhouse/columns.js'
import { readGaps, writeGap } from '../../clickhouse/gaps.js'
import { liveNames } from '../../clickhouse/live-tables.js'
import { quoted } from '../../clickhouse/names.js'
import { prepare } from '../../clickhouse/prepare.js'
import { backscansTable, countedTable, gapsTable, lookedTable } from '../../clickhouse/schema.js'
import { missingSkipIndexes } from '../../clickhouse/skip-index.js'
import { type Job, NEVER, type Plan, type Slice } from './work.js'

type Unplanned = Omit<Plan, 'flows' | 'live' | 'skips' | 'jobs'>

const HOUR = 3600
/** Rows in a slice: some seconds of work. */
const SLICE_ROWS = 50_000_000
/** An INSERT that is under way while new indicators come in is matched without them. */
const UNDER_WAY_SECONDS = 600

/** @throws ClickHouseError */
export async function planOf(options: Unplanned): Promise<Plan> {
  const { db, tables, signal } = options
  const ours = [lookedTable, backscansTable, gapsTable].map((table) => table(tables))
  await prepare(db, [...ours, countedTable(tables)], signal)
  const columns = await columnTypes(db, tables.flows, signal)
  const plan = {
    ...options,
    since: Math.floor(options.since / HOUR) * HOUR,
    flows: flowColumns(tables.flows, columns),
    live: liveNames(tables),
    skips: (await missingSkipIndexes(db, tables.flows, signal)).length === 0,
    jobs: [],
  }
  return { ...plan, jobs: [...(await newJobs(plan)), ...(await gapJobs(plan))] }
}

/** Indicators that have been looked for back to the same moment go together. */
async function newJobs(plan: Plan): Promise<Job[]> {
  const { db, since, until, again = false, signal } = plan
  const rows = await db.rows<{ back: number; n: string }>(
    `SELECT back, uniqExact(target) AS n FROM (${lookedFor(plan)})
     WHERE back > {since:UInt32} OR {again:UInt8} GROUP BY back ORDER BY back DESC`,
    { params: { since, value: plan.value ?? '', again: Number(again) }, signal },
  )
  const jobs: Job[] = []
  for (const { back, n } of rows) {
    const slices = await slicesOf(plan, { from: since, to: again ? until : Math.min(back, until) })
    jobs.push({ back, indicators: Number(n), gap: null, slices })
  }
  return jobs
}

async function gapJobs(plan: Plan): Promise<Job[]> {
  const { db, tables, since, until, signal } = plan
  const jobs: Job[] = []
  for (const gap of await readGaps(db, tables, signal)) {
    const from = Math.max(Math.floor(gap.from / HOUR) * HOUR, since)
    const to = Math.min(gap.to, until)
    const isOver = gap.why !== UNDER_WAY || gap.to + UNDER_WAY_SECONDS <= until
    if (from >= to || !isOver) continue
    jobs.push({ back: null, indicators: 0, gap, slices: await slicesOf(plan, { from, to }) })
  }
  return jobs
}

/** Why the newest minutes of a backscan are a gap. */
export const UNDER_WAY = 'inserts were under way'

/** The newest minutes are looked at once more by the next run. */
export async function settleLatest({ db, tables, until, jobs }: Plan): Promise<void> {
  if (!jobs.some(({ back }) => back === NEVER)) return
  const from = until - UNDER_WAY_SECONDS
  await writeGap(db, tables, { gap: `until ${until}`, from, to: until, why: UNDER_WAY })
}

/**
 * Live indicators with the moment back to which each has been looked for. Parameter: `value` String,
 * where the plan is for one value.
 */
export function lookedFor({
  tables,
  live,
  value,
}: Pick<Plan, 'tables' | 'live' | 'value'>): string {
  return `SELECT tl_live.target AS target,
      if(tl_past.target = tl_live.target, tl_past.back_to, ${NEVER}) AS back
    FROM (
      SELECT DISTINCT target FROM ${quoted(live.details)}
      WHERE row NOT IN ${quoted(live.gone)} ${value === null ? '' : 'AND ip = {value:String}'}
    ) AS tl_live
    LEFT JOIN (
      SELECT target, toUnixTimestamp(min(back_to)) AS back_to
      FROM ${quoted(lookedTable(tables).name)} AS tl_looked INNER JOIN (
        SELECT backscan, min(back_to) AS back_to
        FROM ${quoted(backscansTable(tables).name)} GROUP BY backscan
      ) AS tl_back USING (backscan) GROUP BY target
    ) AS tl_past ON tl_past.target = tl_live.target`
}

/** As long as they hold not too many flows: what a slice costs by itself is some tenths of a second. */
async function slicesOf(plan: Plan, { from, to }: { from: number; to: number }): Promise<Slice[]> {
  if (from >= to) return []
  const size = await sizeOf(plan)
  const all = await rowsBetween(plan, { from, to })
  const parts = Math.max(Math.ceil(all / SLICE_ROWS), 1)
  const longest = plan.limits?.sliceSeconds ?? Number.POSITIVE_INFINITY
  const step = Math.max(Math.min((to - from) / parts, longest), HOUR)
  const slices: Slice[] = []
  for (let end = to; end > from; ) {
    const begin = Math.max(Math.floor((end - step) / HOUR) * HOUR, from)
    const rows =
      parts === 1 && begin === from && end === to
        ? all
        : await rowsBetween(plan, { from: begin, to: end })
    slices.push({ from: begin, to: end, rows, bytes: rows * size })
    end = begin
  }
  return slices
}

/** Estimated from the primary index; nothing is read. */
async function rowsBetween(
  { db, tables, signal }: Plan,
  { from, to }: { from: number; to: number },
): Promise<number> {
  const rows = await db.rows<{ rows: string }>(
    `EXPLAIN ESTIMATE SELECT sa FROM ${quoted(tables.flows)}
     WHERE ts >= toDateTime({from:UInt32}) AND ts < toDateTime({to:UInt32})`,
    { params: { from, to }, signal },
  )
  return rows.reduce((sum, each) => sum + Number(each.rows), 0)
}

/** Bytes on disk of the two addresses of a flow. */
async function sizeOf({ db, tables, signal }: Plan): Promise<number> {
  const { bytes, rows } = await db.row<{ bytes: string; rows: string | null }>(
    `SELECT sum(data_compressed_bytes) AS bytes,
       (SELECT total_rows FROM system.tables
        WHERE database = {database:String} AND name = {table:String}) AS rows
     FROM system.columns
     WHERE database = {database:String} AND table = {table:String} AND name IN ('sa', 'da')`,
    { params: { ...tables.flows }, signal },
  )
  return Number(bytes) / Math.max(Number(rows ?? 0), 1)
}

/** What a backscan has to do: which indicators, which stretches of time, in which slices. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { flowColumns } from '../../clickhouse/columns.js'
import { readGaps, writeGap } from '../../clickhouse/gaps.js'
import { liveNames } from '../../clickhouse/live-tables.js'
import { quoted } from '../../clickhouse/names.js'
import { columnsIn, complete } from '../../clickhouse/prepare.js'
import {
  backscansTable,
  countedTable,
  foundTable,
  gapsTable,
  lookedTable,
} from '../../clickhouse/schema.js'
import { ClickHouseError } from '../../errors.js'
import { type Few, type Job, NEVER, type Plan, type Slice } from './work.js'

type Unplanned = Omit<Plan, 'flows' | 'live' | 'jobs'>

/** Of more than these, each granule of flows holds one; and so many fit into a statement. */
const FEW = 2000

const HOUR = 3600
/** Rows in a slice: some seconds of work. */
const SLICE_ROWS = 50_000_000
/** An INSERT that is under way while new indicators come in is matched without them. */
const UNDER_WAY_SECONDS = 600

/** @throws ClickHouseError */
export async function planOf(options: Unplanned): Promise<Plan> {
  const { db, tables, signal } = options
  const since = Math.floor(options.since / HOUR) * HOUR
  const plan = { ...options, since, live: liveNames(tables) }
  const ours = OURS.map((table) => table(tables))
  const names = [...ours.map(({ name }) => name), tables.flows, plan.live.details]
  // Mostly all is there; where it is not, it is asked once more.
  const [there, asked] = await Promise.all([
    columnsIn(db, names, signal),
    ask(plan).catch(nullIfMissing),
  ])
  if (!there.has(quoted(plan.live.details))) throw nothingYet(db)
  const made = await complete(db, { tables: ours, there }, signal)
  const { fresh, gaps, ...sizes } = asked && made.length === 0 ? asked : await ask(plan)
  const jobs = [...fresh, ...gaps].map(async ({ window, ...job }) => ({
    ...job,
    slices: await slicesOf(plan, { ...window, ...sizes }),
  }))
  const columns = there.get(quoted(tables.flows)) ?? new Map()
  return { ...plan, flows: flowColumns(tables.flows, columns), jobs: await Promise.all(jobs) }
}

const OURS = [lookedTable, backscansTable, foundTable, gapsTable, countedTable]

function nothingYet({ name }: ClickHouse): ClickHouseError {
  return new ClickHouseError({
    what: `there are no indicators in ${name} yet`,
    hint: 'tipline sync brings them',
    fault: 'missing',
  })
}

/** Of what is known before it is known which tables are there. */
type Asking = Omit<Plan, 'flows' | 'jobs'>

async function ask(plan: Asking) {
  const [fresh, gaps, size, extent] = await Promise.all([
    newJobs(plan),
    gapJobs(plan),
    isToldOfSizes(plan) ? sizeOf(plan) : 0,
    extentOf(plan),
  ])
  return { fresh, gaps, size, extent, rows: await counterOf(plan, extent) }
}

function isToldOfSizes({ announce, limits }: Asking): boolean {
  return announce !== undefined || limits?.bytes !== undefined
}

function nullIfMissing(error: unknown): null {
  if (error instanceof ClickHouseError && error.fault === 'missing') return null
  throw error
}

/** Epoch seconds. */
interface Window {
  readonly from: number
  readonly to: number
}

type Unsliced = Omit<Job, 'slices'> & { readonly window: Window }

/** Indicators that have been looked for back to the same moment go together. */
async function newJobs(plan: Asking): Promise<Unsliced[]> {
  const { db, since, until, again = false, limits = {}, signal } = plan
  const most = Math.min(limits.few ?? FEW, FEW)
  const some = (column: string) => `groupArray(${FEW})(${column})`
  const rows = await db.rows<{ back: number; n: string; nets: 0 | 1 } & Few>(
    `SELECT back, count() AS n, max(is_net) AS nets, ${some('target')} AS targets,
       ${some('bits')} AS bits, ${some('port')} AS ports
     FROM (${lookedFor(plan)})
     WHERE back > {since:UInt32} OR {again:UInt8} GROUP BY back ORDER BY back DESC`,
    { params: { since, value: plan.value ?? '', again: Number(again) }, signal },
  )
  return rows.map(({ back, n, nets, targets, bits, ports }) => ({
    back,
    indicators: Number(n),
    few: Number(n) <= most && nets === 0 ? { targets, bits, ports } : null,
    gap: null,
    window: { from: since, to: again ? until : Math.min(back, until) },
  }))
}

async function gapJobs({ db, tables, since, until, signal }: Asking): Promise<Unsliced[]> {
  const gaps = await readGaps(db, tables, signal)
  return gaps.flatMap((gap) => {
    const from = Math.max(Math.floor(gap.from / HOUR) * HOUR, since)
    const to = Math.min(gap.to, until)
    const isOver = gap.why !== UNDER_WAY || gap.to + UNDER_WAY_SECONDS <= until
    if (from >= to || !isOver) return []
    return [{ back: null, indicators: 0, few: null, gap, window: { from, to } }]
  })
}

/** Why the newest minutes of a backscan are a gap. */
export const UNDER_WAY = 'inserts were under way'

/**
 * The newest minutes are looked at once more by the next run. Written down before it is that they were
 * looked at.
 */
export async function settleLatest({ db, tables, until }: Plan, { back }: Job): Promise<void> {
  if (back !== NEVER) return
  const from = until - UNDER_WAY_SECONDS
  await writeGap(db, tables, { gap: `until ${until}`, from, to: until, why: UNDER_WAY })
}

/**
 * Live indicators with the moment back to which each has been looked for, the last bits of their address
 * and their port. Parameter: `value` String, where the plan is for one value.
 */
export function lookedFor({
  tables,
  live,
  value,
}: Pick<Plan, 'tables' | 'live' | 'value'>): string {
  return `SELECT tl_live.target AS target, bits, port, is_net,
      if(tl_past.target = tl_live.target, tl_past.back_to, ${NEVER}) AS back
    FROM (
      SELECT target, toUInt32(any(key)) AS bits, any(port) AS port, max(position(ip, '/') > 0) AS is_net
      FROM ${quoted(live.details)}
      WHERE row NOT IN ${quoted(live.gone)} ${value === null ? '' : 'AND ip = {value:String}'}
      GROUP BY target
    ) AS tl_live
    LEFT JOIN (
      SELECT target, toUnixTimestamp(min(back_to)) AS back_to
      FROM ${quoted(lookedTable(tables).name)} AS tl_looked INNER JOIN (
        SELECT backscan, min(back_to) AS back_to
        FROM ${quoted(backscansTable(tables).name)} GROUP BY backscan
      ) AS tl_back USING (backscan) GROUP BY target
    ) AS tl_past ON tl_past.target = tl_live.target`
}

interface Slicing extends Window {
  /** Bytes of a flow; 0 where nobody asks. */
  readonly size: number
  readonly extent: Extent
  readonly rows: Counter
}

/** As long as they hold not too many flows. */
async function slicesOf(plan: Asking, slicing: Slicing): Promise<Slice[]> {
  const { from, to, size, extent, rows } = slicing
  if (from >= to) return []
  const all = await rows({ from, to })
  const parts = Math.max(Math.ceil(all / SLICE_ROWS), 1)
  const longest = plan.limits?.sliceSeconds ?? Number.POSITIVE_INFINITY
  const step = Math.max(Math.min((to - from) / parts, longest), HOUR)
  const slices: Slice[] = []
  for (let end = to; end > from; ) {
    const begin = Math.max(Math.floor((end - step) / HOUR) * HOUR, from)
    const isAll = begin === from && end === to
    const some = isAll ? all : await rows({ from: begin, to: end })
    const holdsAll = isAll && from <= extent.oldest && to >= plan.until
    slices.push({ from: begin, to: end, rows: some, bytes: some * size, holdsAll })
    end = begin
  }
  return slices
}

/** Flows in a window, at most. */
type Counter = (window: Window) => number | Promise<number>

/** Where all flows fit in a slice and nobody asks for more, ClickHouse need not look how many are where. */
async function counterOf(plan: Asking, extent: Extent): Promise<Counter> {
  if (!isToldOfSizes(plan) && extent.rows <= SLICE_ROWS) return () => extent.rows
  const whole = { from: plan.since, to: plan.until }
  const all = await rowsBetween(plan, whole)
  return ({ from, to }) =>
    from === whole.from && to === whole.to ? all : rowsBetween(plan, { from, to })
}

/** Of all of the table. */
interface Extent {
  readonly rows: number
  /** Epoch seconds; 0 where there are none. */
  readonly oldest: number
}

/** ClickHouse knows both of each part; nothing is read, unless flows were deleted one by one. */
async function extentOf({ db, tables, signal }: Asking): Promise<Extent> {
  const { rows, oldest } = await db.row<{ rows: string; oldest: number }>(
    `SELECT count() AS rows, toUnixTimestamp(min(ts)) AS oldest FROM ${quoted(tables.flows)}`,
    { signal },
  )
  return { rows: Number(rows), oldest }
}

/** Estimated from the primary index; nothing is read. */
async function rowsBetween({ db, tables, signal }: Asking, { from, to }: Window): Promise<number> {
  const rows = await db.rows<{ rows: string }>(
    `EXPLAIN ESTIMATE SELECT ts FROM ${quoted(tables.flows)}
     WHERE ts >= toDateTime({from:UInt32}) AND ts < toDateTime({to:UInt32})`,
    { params: { from, to }, signal },
  )
  return rows.reduce((sum, each) => sum + Number(each.rows), 0)
}

/** Bytes on disk of the two addresses of a flow. */
async function sizeOf({ db, tables, signal }: Asking): Promise<number> {
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

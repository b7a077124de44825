/** One slice: what is met is stored, then it is written down that it was looked at. */
import { writeGap } from '../../clickhouse/gaps.js'
import { type Matching, matching, meeting } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import { backscansTable, lookedTable } from '../../clickhouse/schema.js'
import { searchSettings } from '../../clickhouse/version.js'
import type { Chosen } from './chosen.js'
import { findFew, storeFew } from './few-met.js'
import { findAndStore } from './found.js'
import { settleLatest } from './plan.js'
import type { Job, Plan, Slice } from './work.js'

const SLICE = 'ts >= toDateTime({from:UInt32}) AND ts < toDateTime({to:UInt32})'
const THREADS = 2

interface Scan {
  readonly job: Job
  readonly chosen: Chosen
  readonly slice: Slice
}

/**
 * Answers how many hits are new; to do it again changes nothing. ClickHouse has no more to do than to
 * search, as long as it does that. @throws ClickHouseError
 */
export async function scan(plan: Plan, work: Scan): Promise<number> {
  const { job, slice } = work
  const store = await search(plan, work)
  const [hits] = await Promise.all([
    store(),
    job.gap === null && slice.to === job.slices[0]!.to && begin(plan, work),
  ])
  await remember(plan, work)
  return hits
}

/** Answers what stores it. What may be much is only looked for then: it is stored as it is found. */
async function search(plan: Plan, { job, chosen, slice }: Scan): Promise<() => Promise<number>> {
  const { limits = {}, signal } = plan
  const settings = {
    max_threads: limits.threads ?? THREADS,
    priority: '5',
    query_plan_remove_redundant_sorting: 0,
    // What is brought together by its time would be read part by part in that order, for as much CPU again.
    optimize_read_in_order: 0,
    ...searchSettings(plan.db.version),
  } as const
  const params = { ...chosen.params, from: slice.from, to: slice.to }
  const asking = { params, settings, signal }
  const what = matchingOf(plan, chosen, slice)
  const few = job.few && (await findFew(plan, { select: meeting(what), asking }))
  const all = { backscan: chosen.backscan, select: matching(what), asking }
  return async () => (few && (await storeFew(plan, few))) ?? (await findAndStore(plan, all))
}

function matchingOf(plan: Plan, { only }: Chosen, { holdsAll }: Slice): Matching {
  const { flows, live: names, telling } = plan
  return { ...flows, names, telling, via: 'backscan', only: { ...only, flows: SLICE, holdsAll } }
}

/**
 * With the newest slice: that its last minutes are to be looked at again, and of few indicators which
 * they are; of many it stands there already. Until it is written how far it came, it says nothing.
 */
async function begin(plan: Plan, { job, chosen }: Scan): Promise<void> {
  const { db, tables, signal } = plan
  const rows = (job.few?.targets ?? []).map((target) => [target, chosen.backscan])
  const table = quoted(lookedTable(tables).name)
  await Promise.all([
    settleLatest(plan, job),
    rows.length > 0 && db.insert({ table, columns: ['target', 'backscan'], rows, signal }),
  ])
}

/** So far back it was looked. What was for one value only closes no gap. */
async function remember(plan: Plan, { job, chosen, slice }: Scan): Promise<void> {
  const { db, tables, value } = plan
  if (job.gap === null) {
    await db.insert({
      table: quoted(backscansTable(tables).name),
      columns: ['backscan', 'back_to'],
      rows: [[chosen.backscan, slice.from]],
    })
  } else if (value === null) {
    const closed = slice.from <= job.gap.from
    await writeGap(db, tables, { ...job.gap, to: closed ? job.gap.from : slice.from })
  }
}

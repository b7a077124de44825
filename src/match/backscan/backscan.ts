/**
 * Flows of the past against indicators that were not known then, and against all where flows came
 * unmatched. Newest first, a slice at a time; after each slice it is written down how far back the
 * indicators have been looked for, so that the next run, or this one after a kill, does only what is
 * missing. A hit that is there is not written again.
 */
import { PLAIN } from '../../clickhouse/matching.js'
import { ClickHouseError } from '../../errors.js'
import { choose } from './chosen.js'
import { planOf } from './plan.js'
import { scan } from './scan.js'
import type { Announcement, Backscan, Job, Plan, Slice } from './work.js'

export interface BackscanReport {
  /** How many were looked for now that had not been looked for so far back. */
  readonly indicators: number
  readonly slices: number
  readonly hits: number
  /** Stretches of time in which flows had come unmatched, and which are made up for. */
  readonly gaps: number
  /** Which limit ended it early. */
  readonly stopped: 'seconds' | 'bytes' | null
}

/** @throws ClickHouseError; the signal's reason: what was covered until then stays covered */
export async function backscan(options: Backscan): Promise<BackscanReport> {
  const began = Date.now()
  const plan = await planOf({ ...options, telling: options.telling ?? PLAIN })
  options.announce?.(announcementOf(plan.jobs))
  const total = { indicators: 0, slices: 0, hits: 0, gaps: 0, rows: 0, bytes: 0 }
  for (const job of plan.jobs) {
    if (job.gap) total.gaps += 1
    else total.indicators += job.indicators
    const stopped = await runJob(plan, job, { total, began })
    if (stopped) return reportOf(total, stopped)
  }
  return reportOf(total, null)
}

type Total = { -readonly [K in Exclude<keyof BackscanReport, 'stopped'>]: number } & {
  rows: number
  bytes: number
}

async function runJob(
  plan: Plan,
  job: Job,
  { total, began }: { total: Total; began: number },
): Promise<BackscanReport['stopped']> {
  const { limits = {}, progress, signal } = plan
  if (job.slices.length === 0) return null
  const chosen = await choose(plan, job)
  const slices = [...job.slices]
  for (let slice = slices.shift(); slice; slice = slices.shift()) {
    signal.throwIfAborted()
    if (limits.seconds !== undefined && Date.now() - began >= limits.seconds * 1000)
      return 'seconds'
    if (limits.bytes !== undefined && total.bytes + slice.bytes > limits.bytes) return 'bytes'
    const work = () => scan(plan, { job, chosen, slice: slice! })
    const smaller = halvesOf(slice)
    const hits = smaller ? await unlessTooMuch(work) : await work()
    if (hits === null) {
      slices.unshift(...smaller!)
      continue
    }
    total.slices += 1
    total.hits += hits
    total.rows += slice.rows
    total.bytes += slice.bytes
    progress({ from: slice.from, to: slice.to, hits, rows: total.rows })
  }
  return null
}

/** null: it was too much for ClickHouse at once. */
async function unlessTooMuch(work: () => Promise<number>): Promise<number | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ClickHouseError) || !TOO_MUCH.has(error.fault)) throw error
    return null
  }
}

const TOO_MUCH: ReadonlySet<string> = new Set(['timeout', 'overloaded'])
const HOUR = 3600

/** Newer first; null where it is an hour or less. */
function halvesOf({ from, to, rows, bytes }: Slice): Slice[] | null {
  const middle = Math.floor((from + to) / 2 / HOUR) * HOUR
  if (middle <= from || middle >= to) return null
  const half = { rows: rows / 2, bytes: bytes / 2, holdsAll: false }
  return [
    { from: middle, to, ...half },
    { from, to: middle, ...half },
  ]
}

function announcementOf(jobs: readonly Job[]): Announcement {
  const slices = jobs.flatMap((job) => job.slices)
  return {
    indicators: jobs.reduce((sum, { gap, indicators }) => sum + (gap ? 0 : indicators), 0),
    slices: slices.length,
    rows: slices.reduce((sum, { rows }) => sum + rows, 0),
    bytes: Math.round(slices.reduce((sum, { bytes }) => sum + bytes, 0)),
  }
}

function reportOf(total: Total, stopped: BackscanReport['stopped']): BackscanReport {
  const { indicators, slices, hits, gaps } = total
  return { indicators, slices, hits, gaps, stopped }
}

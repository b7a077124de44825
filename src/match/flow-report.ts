/**
 * What is told of flows wherever somebody asks how things are, on the command line and in the API: what
 * came, whether it is matched, how far back indicators have been looked for, and what needs a hand.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes } from '../clickhouse/columns.js'
import type { Gap } from '../clickhouse/gaps.js'
import { countedTable, type Tables } from '../clickhouse/schema.js'
import { TiplineError } from '../errors.js'
import type { Watched } from '../flows/folders.js'
import { type FlowStatus, readFlowStatus } from '../flows/status.js'
import { type CountedTotals, countedTotals } from '../hits/counted.js'
import { iso } from '../time.js'
import { type Coverage, readCoverage } from './backscan/coverage.js'
import { UNDER_WAY } from './backscan/plan.js'

export interface FlowReport extends FlowStatus {
  /** null: no indicator has come into ClickHouse yet. */
  readonly coverage: Coverage | null
  /** In the last day. */
  readonly counted: readonly CountedTotals[]
}

export interface FlowsToldOf {
  /** null: ClickHouse could not be asked; the problems tell why. */
  readonly report: FlowReport | null
  readonly problems: readonly { readonly what: string; readonly hint: string }[]
}

export interface FlowsAsked {
  readonly open: () => Promise<ClickHouse>
  readonly tables: Tables
  readonly watch: readonly Watched[]
  /** Epoch seconds. */
  readonly now: number
  readonly signal: AbortSignal
}

const DAY = 86_400

/** Changes nothing. A ClickHouse that can't be asked is a problem, and no failure. */
export async function flowsToldOf({ open, ...asked }: FlowsAsked): Promise<FlowsToldOf> {
  try {
    const db = await open()
    const report = await readFlowReport({ ...asked, db })
    return { report, problems: problemsOf(report, asked.now) }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message: what, hint = 'tipline doctor tells more' } = error
    return { report: null, problems: [{ what, hint }] }
  }
}

async function readFlowReport(
  asked: Omit<FlowsAsked, 'open'> & { readonly db: ClickHouse },
): Promise<FlowReport> {
  const { db, tables, now, signal } = asked
  const isCounted = (await columnTypes(db, countedTable(tables).name, signal)).size > 0
  return {
    ...(await readFlowStatus(asked)),
    coverage: await readCoverage(asked),
    counted: isCounted ? await countedTotals(asked, (now - DAY) * 1000, signal) : [],
  }
}

/** Those that a backscan has to make up for, of which there are flows. */
export function gapsOf({ coverage, oldest }: FlowReport): readonly Gap[] {
  if (coverage === null || oldest === null) return []
  return coverage.gaps.filter(({ why, to }) => why !== UNDER_WAY && to > oldest)
}

/** nfcapd begins a new file every five minutes; a backscan after a sync closes gaps by itself. */
const LATE_SECONDS = 3600

function problemsOf(report: FlowReport, now: number): FlowsToldOf['problems'] {
  const { files, waiting, unreadable, matching, newest } = report
  const late = files.last === null || now - files.last.at > LATE_SECONDS
  const open = gapsOf(report).filter(({ to }) => now - to > LATE_SECONDS)
  return [
    ...unreadable.map((what) => ({ what, hint: 'flows.watch in the config names the folders' })),
    ...(!matching.live && newest !== null ? [UNMATCHED] : []),
    ...(waiting > 0 && late ? [waitingLong(waiting)] : []),
    ...(open.length > 0 ? [unmade(open, now)] : []),
  ]
}

const UNMATCHED = {
  what: 'flows are not matched as they come',
  hint: 'tipline sync puts the view in place; tipline flows attach, if it was detached',
}

function waitingLong(waiting: number) {
  const files = waiting === 1 ? '1 nfcapd file waits' : `${waiting} nfcapd files wait`
  const what = `${files}, and none was imported in the last hour`
  return { what, hint: 'does tipline run, or tipline flows watch, still run?' }
}

function unmade(gaps: readonly Gap[], now: number) {
  const [{ from, to, why }] = gaps as [Gap]
  const days = Math.ceil((now - Math.min(...gaps.map((gap) => gap.from))) / DAY)
  const more = gaps.length === 1 ? '' : `, and in ${gaps.length - 1} more stretches of time`
  const what = `flows came unmatched from ${iso(from)} to ${iso(to)} (${why})${more}`
  return { what, hint: `tipline backscan --since ${days}d makes up for it` }
}

/** As JSON. */
export function flowsDocument({ report }: FlowsToldOf) {
  if (report === null) return null
  const { engine, files, waiting, newest, matching, coverage, counted } = report
  return {
    engine,
    imported: files.imported,
    set_aside: files.aside,
    last_file: files.last && { ...files.last, at: iso(files.last.at) },
    last_set_aside: files.lastAside,
    waiting,
    newest_flow: iso(newest),
    live_matching: matching.live,
    live_since: iso(matching.since),
    last_in_place: iso(matching.seen),
    detached_since: iso(matching.detached),
    looked_for: coverage && {
      indicators: coverage.indicators,
      never: coverage.never,
      back_to: iso(coverage.backTo),
    },
    gaps: gapsOf(report).map(({ from, to, why }) => ({ from: iso(from), to: iso(to), why })),
    counted: [...counted],
  }
}

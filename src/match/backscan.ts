/**
 * Flows of the past against indicators that were not known then. Newest first, a slice at a time; after
 * each slice it is written down how far back the indicators have been looked for, so that the next run,
 * or this one after a kill, does only what is missing. A hit that is there is not written again.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes, layoutOf } from '../clickhouse/columns.js'
import { type FlowLayout, type LiveNames, liveNames, matching } from '../clickhouse/live.js'
import { quoted } from '../clickhouse/names.js'
import { prepare } from '../clickhouse/prepare.js'
import { scannedTable, type Tables } from '../clickhouse/schema.js'

export interface Backscan {
  readonly db: ClickHouse
  readonly tables: Tables
  /** Epoch seconds: where the past begins, and where it ends. */
  readonly since: number
  readonly until: number
  /** Only indicators of this address or net; null: all. */
  readonly value: string | null
  /** Told after each slice. */
  readonly progress: (slice: { from: number; to: number; hits: number }) => void
  readonly signal: AbortSignal
}

export interface BackscanReport {
  /** How many were looked for now. */
  readonly indicators: number
  readonly slices: number
  readonly hits: number
}

/** A day is what flows are partitioned by. */
const SLICE_SECONDS = 86_400
const SETTINGS = { max_threads: 2, priority: '5' } as const

/** @throws ClickHouseError; the signal's reason: what was covered until then stays covered */
export async function backscan(options: Backscan): Promise<BackscanReport> {
  const { db, tables, since, signal } = options
  const layout = layoutOf(await columnTypes(db, tables.flows, signal))
  await prepare(db, [scannedTable(tables)], signal)
  const plan = { ...options, layout, names: liveNames(tables) }
  const total = { indicators: 0, slices: 0, hits: 0 }
  for (const group of await groupsOf(plan)) {
    total.indicators += group.indicators
    for (let to = group.upTo; to > since; to -= SLICE_SECONDS) {
      signal.throwIfAborted()
      const from = Math.max(to - SLICE_SECONDS, since)
      const hits = await scan(plan, { group, from, to })
      total.slices += 1
      total.hits += hits
      options.progress({ from, to, hits })
    }
  }
  return total
}

interface Plan extends Backscan {
  readonly layout: FlowLayout
  readonly names: LiveNames
}

/** Indicators that have been looked for back to the same moment. */
interface Group {
  /** What is covered already begins here; now where nothing is. */
  readonly upTo: number
  readonly indicators: number
}

const NEVER = 4_294_967_295

/** Only those that have not been looked for far enough back. */
async function groupsOf(plan: Plan): Promise<Group[]> {
  const rows = await plan.db.rows<{ back: number; n: string }>(
    `SELECT back, uniqExact(identity) AS n FROM (${targets(plan)})
     WHERE back > {since:UInt32} GROUP BY back ORDER BY back DESC`,
    { params: params(plan), signal: plan.signal },
  )
  return rows.map(({ back, n }) => ({ upTo: Math.min(back, plan.until), indicators: Number(n) }))
}

/** Live indicators, each with the moment back to which it has been looked for. */
function targets({ tables, names, value }: Plan): string {
  const scanned = quoted(scannedTable(tables).name)
  return `SELECT d.identity AS identity,
      if(s.identity = d.identity, toUnixTimestamp(s.back_to), ${NEVER}) AS back
    FROM (
      SELECT DISTINCT identity FROM ${quoted(names.details)}
      WHERE row NOT IN ${quoted(names.gone)} ${value === null ? '' : 'AND ip = {value:String}'}
    ) AS d
    LEFT JOIN (
      SELECT identity, min(back_to) AS back_to FROM ${scanned} GROUP BY identity
    ) AS s ON s.identity = d.identity`
}

async function scan(
  plan: Plan,
  { group, from, to }: { group: Group; from: number; to: number },
): Promise<number> {
  const { db, tables, layout, names, until, signal } = plan
  const hits = quoted(tables.hits)
  const low = group.upTo >= until ? NEVER : group.upTo
  // Those of the group: begun at its moment, and moved on slice by slice since.
  const chosen = `SELECT identity FROM (${targets(plan)}) WHERE back = {back:UInt32}`
  const slice = 'ts >= toDateTime({from:UInt32}) AND ts < toDateTime({to:UInt32})'
  const select = matching({
    tables,
    names,
    layout,
    via: 'backscan',
    flowsWhere: slice,
    detailsWhere: `d.identity IN (${chosen})`,
  })
  // The first slice of a group finds it where it was; the next where this one has left it.
  const back = to === group.upTo ? low : to
  const asking = {
    params: { ...params(plan), from, to, back },
    settings: SETTINGS,
    signal,
  }
  const before = await countHits(plan, slice, asking.params)
  await db.command(
    `INSERT INTO ${hits} (${HIT_VALUES}) SELECT ${HIT_VALUES} FROM (${select})
     WHERE hit NOT IN (SELECT hit FROM ${hits} WHERE ${slice}) LIMIT 1 BY hit`,
    asking,
  )
  const found = (await countHits(plan, slice, asking.params)) - before
  await db.command(
    `INSERT INTO ${quoted(scannedTable(tables).name)} (identity, back_to)
     SELECT identity, toDateTime({from:UInt32}) FROM (${chosen})`,
    asking,
  )
  return Math.max(found, 0)
}

async function countHits(
  { db, tables, signal }: Plan,
  slice: string,
  params: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { n } = await db.row<{ n: string }>(
    `SELECT count() AS n FROM ${quoted(tables.hits)} WHERE ${slice} AND via = 'backscan'`,
    { params, signal },
  )
  return Number(n)
}

function params({ since, value }: Plan): Record<string, unknown> {
  return { since, value: value ?? '' }
}

const HIT_VALUES = `misp, source_ip, destination_ip, dp, pkt, byt, reverse, event_uuid, id, attr_uuid, ts,
  te, info, via, kind, type, flowsrc, role, answered, hit`

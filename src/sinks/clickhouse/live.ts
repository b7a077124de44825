/**
 * Keeps live matching in step with `iocs`: the tables in memory that the view asks, and the views
 * themselves, which take the place of misp2ch's two. What they could not match is written down as a gap.
 */
import { createHash, randomUUID } from 'node:crypto'
import type { ClickHouse } from '../../clickhouse/client.js'
import { columnTypes, flowColumns } from '../../clickhouse/columns.js'
import { failedView } from '../../clickhouse/failed-views.js'
import { writeGap } from '../../clickhouse/gaps.js'
import { DETACHED, SEEN, viewState } from '../../clickhouse/in-place.js'
import {
  createReverse,
  dropView,
  liveViews,
  matchingViews,
  recount,
  runningName,
  type View,
  viewNames,
  viewTables,
} from '../../clickhouse/live.js'
import {
  formerNames,
  type LiveNames,
  liveNames,
  liveStatements,
  liveTables,
} from '../../clickhouse/live-tables.js'
import { PLAIN, type Telling } from '../../clickhouse/matching.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { prepare } from '../../clickhouse/prepare.js'
import { countedTable, flowTables, gapsTable, type Tables } from '../../clickhouse/schema.js'
import { readState, writeState } from '../../clickhouse/state.js'
import type { Logger } from '../../log.js'
import { keepHits } from './keeping.js'

export interface Scope {
  /** A SELECT of the addresses and nets that it is about, as `ip`; null: all. */
  readonly ips: string | null
  readonly params: Readonly<Record<string, unknown>>
}

const EVERYTHING: Scope = { ips: null, params: {} }
/** Revoked rows stay in memory, marked; from this share on the tables are built anew. */
const MOST_GONE = 0.2
const FEW = 1000
/** Hours of attributes whose hits are counted in memory. */
const MOST_RUNNING = 1_000_000
/** A flow is exported some time after it began. */
const LATE_SECONDS = 3600

export interface LiveOptions {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly log: Logger
  readonly telling?: Telling
  /** How long hits are kept; null: for ever; left out: as long as a new table does by itself. */
  readonly keepSeconds?: number | null | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Creates what is missing, and the views where they are not there or not as they should be; where
 * matching is detached, no views. @throws ClickHouseError
 */
export async function openLive(options: LiveOptions): Promise<void> {
  const { db, tables, keepSeconds, signal } = options
  const { hits, flows } = flowTables(tables, keepSeconds)
  const there = await columnTypes(db, tables.flows, signal)
  // A table of flows that is there is somebody else's, and stays as it is.
  const lasting = [hits, countedTable(tables, keepSeconds), gapsTable(tables)]
  const made = await prepare(db, there.size > 0 ? lasting : [flows, ...lasting], signal)
  if (keepSeconds !== undefined) await keepHits(options, keepSeconds)
  const memory = [...liveTables(liveNames(tables)), ...viewTables(tables)]
  const lost = [...made, ...(await prepare(db, memory, signal))].filter(
    ({ table }) => table !== tables.flows.table,
  )
  if (lost.length > 0) await rebuildLive(options)
  const columns = there.size > 0 ? there : await columnTypes(db, tables.flows, signal)
  if ((await readState(db, tables, DETACHED, signal)) === '') {
    const telling = options.telling ?? PLAIN
    const views = liveViews(tables, { flows: flowColumns(tables.flows, columns), telling })
    await putViews(options, { views, lost: lost.length > 0 })
    await boundRunning(options)
  }
  await dropFormer(options)
}

/** Takes matching out of the way of flows, until it is attached again. @throws ClickHouseError */
export async function detachLive(options: LiveOptions): Promise<void> {
  const { db, tables } = options
  await seen(options)
  const now = await timeOf(options)
  await writeState(db, tables, { name: DETACHED, value: String(now) })
  await dropViews(options, matchingViews(tables))
  await dropFormer(options)
}

/** When no view asks them any more. */
async function dropFormer(options: LiveOptions): Promise<void> {
  const names = formerNames(options.tables)
  const there = await enginesOf(options, names)
  for (const name of names.filter(({ table }) => there.has(table))) {
    await options.db.command(dropView(name), { signal: options.signal })
  }
}

/** What came meanwhile is a gap. @throws ClickHouseError */
export async function attachLive(options: LiveOptions): Promise<void> {
  await writeState(options.db, options.tables, { name: DETACHED, value: '' })
  await openLive(options)
}

/**
 * Says that matching is in place; what is found missing later is a gap from here on, and so is the time
 * up to here where a view has failed meanwhile.
 */
export async function seen(options: LiveOptions): Promise<void> {
  const { db, tables, signal } = options
  if ((await readState(db, tables, DETACHED, signal)) !== '') return
  const why = await failedView({ db, tables, views: matchingViews(tables), signal })
  if (why !== null) await gapSinceSeen(options, why)
  const value = String(await timeOf(options))
  await writeState(db, tables, { name: SEEN, value })
}

/** Brings the tables in memory to what `iocs` holds, as far as the scope goes. */
export async function refreshLive(options: LiveOptions, scope: Scope): Promise<void> {
  const names = liveNames(options.tables)
  await bring(options, names, scope)
  if (await holdsMuchGone(options, names)) await rebuildLive(options)
}

/** Anew, beside those in use; then they change places. */
export async function rebuildLive(options: LiveOptions): Promise<void> {
  const { db, tables, signal } = options
  const names = liveNames(tables)
  const fresh = liveNames(tables, '_new')
  const all = Object.keys(names) as (keyof LiveNames)[]
  for (const which of all) await db.command(dropView(fresh[which]), { signal })
  await prepare(db, liveTables(names), signal)
  await prepare(db, liveTables(fresh), signal)
  await bring(options, fresh, EVERYTHING)
  for (const which of all) {
    const exchange = `EXCHANGE TABLES ${quoted(names[which])} AND ${quoted(fresh[which])}`
    await db.command(exchange, { signal })
  }
  for (const which of all) await db.command(dropView(fresh[which]), { signal })
}

async function bring(
  { db, tables, signal }: LiveOptions,
  names: LiveNames,
  { ips, params }: Scope,
): Promise<void> {
  const turn = `${Date.now()}-${Math.random()}`
  for (const statement of liveStatements(tables.iocs, names, ips)) {
    await db.command(statement, { params: { ...params, turn }, signal })
  }
}

async function holdsMuchGone(options: LiveOptions, { gone, details }: LiveNames): Promise<boolean> {
  const rows = await rowsIn(options, [gone, details])
  const marked = rows.get(gone.table) ?? 0
  return marked > FEW && marked > MOST_GONE * (rows.get(details.table) ?? 0)
}

/** After a restart it has forgotten how many hits the hour had; after weeks it remembers too much. */
async function boundRunning(options: LiveOptions): Promise<void> {
  const { db, tables, signal } = options
  const running = runningName(tables)
  const rows = (await rowsIn(options, [running])).get(running.table) ?? 0
  if (rows > 0 && rows < MOST_RUNNING) return
  for (const statement of recount(tables)) await db.command(statement, { signal })
}

async function rowsIn(
  { db, signal }: LiveOptions,
  names: readonly TableName[],
): Promise<Map<string, number>> {
  const rows = await db.rows<{ name: string; rows: string | null }>(
    `SELECT name, total_rows AS rows FROM system.tables
     WHERE database = {database:String} AND name IN {names:Array(String)}`,
    { params: { database: names[0]!.database, names: names.map(({ table }) => table) }, signal },
  )
  return new Map(rows.map(({ name, rows }) => [name, Number(rows ?? 0)]))
}

interface Put {
  readonly views: readonly View[]
  /** Whether something that they need was missing. */
  readonly lost: boolean
}

async function putViews(options: LiveOptions, { views, lost }: Put): Promise<void> {
  const { db, tables, log, signal } = options
  const sql = views.map((view) => view.sql).join('\n')
  const print = createHash('sha256').update(sql).digest('hex').slice(0, 16)
  const state = viewState(tables)
  const known = await readState(db, tables, state, signal)
  const engines = await enginesOf(options, [...views.map(({ name }) => name), reverseOf(tables)])
  const complete = views.every(({ name }) => engines.get(name.table) === 'MaterializedView')
  if (known === print && complete) {
    if (lost) await gapSinceSeen(options, 'what it needs was missing')
    return await seen(options)
  }
  const began = await timeOf(options)
  if (engines.size > 0 && known === '') {
    const view = quoted(viewNames(tables).view)
    log.info({ view }, "the views of an earlier tool are replaced by tipline's")
  }
  await dropViews(options, [...views.map(({ name }) => name), reverseOf(tables)])
  for (const view of views) await db.command(view.sql, { signal })
  await db.command(createReverse(tables), { signal })
  await writeState(db, tables, { name: state, value: print })
  if (known !== '' && (!complete || lost)) await gapSinceSeen(options, 'the view was away')
  else if (engines.size > 0) await gapFrom(options, began, 'the view was replaced')
  await seen(options)
}

function reverseOf(tables: Tables): TableName {
  return viewNames(tables).reverse
}

/** The one that sees flows first: the others do nothing without it. */
async function dropViews({ db, signal }: LiveOptions, views: readonly TableName[]): Promise<void> {
  for (const name of views.toReversed()) await db.command(dropView(name), { signal })
}

async function gapSinceSeen(options: LiveOptions, why: string): Promise<void> {
  const { db, tables, signal } = options
  const last = await readState(db, tables, SEEN, signal)
  if (last !== '') await gapFrom(options, Number(last), why)
}

async function gapFrom(options: LiveOptions, began: number, why: string): Promise<void> {
  const { db, tables, log } = options
  const to = (await timeOf(options)) + 1
  const from = Math.max(began - LATE_SECONDS, 0)
  log.warn(
    { since: new Date(began * 1000).toISOString(), why },
    'flows may have come unmatched; tipline backscan makes up for it',
  )
  await writeGap(db, tables, { gap: randomUUID(), from, to, why })
}

/** ClickHouse's own clock, epoch seconds. */
async function timeOf({ db, signal }: LiveOptions): Promise<number> {
  const { now } = await db.row<{ now: number }>('SELECT toUnixTimestamp(now()) AS now', { signal })
  return now
}

async function enginesOf(
  { db, signal }: LiveOptions,
  tables: readonly TableName[],
): Promise<Map<string, string>> {
  const rows = await db.rows<{ name: string; engine: string }>(
    `SELECT name, engine FROM system.tables
     WHERE database = {database:String} AND name IN {names:Array(String)}`,
    { params: { database: tables[0]!.database, names: tables.map(({ table }) => table) }, signal },
  )
  return new Map(rows.map(({ name, engine }) => [name, engine]))
}

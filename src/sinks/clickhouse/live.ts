/**
 * Keeps live matching in step with `iocs`: the tables in memory that the view asks, and the view itself,
 * which takes the place of misp2ch's two.
 */
import { createHash } from 'node:crypto'
import type { ClickHouse } from '../../clickhouse/client.js'
import { columnTypes, layoutOf } from '../../clickhouse/columns.js'
import {
  createReverse,
  createView,
  dropView,
  type FlowLayout,
  type LiveNames,
  liveNames,
  liveStatements,
  liveTables,
  viewNames,
} from '../../clickhouse/live.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { prepare } from '../../clickhouse/prepare.js'
import { flowTables, stateName, type Tables } from '../../clickhouse/schema.js'
import type { Logger } from '../../log.js'

export interface Scope {
  /** A condition on `ip` and `uuid` of indicators. */
  readonly condition: string
  readonly params: Readonly<Record<string, unknown>>
}

const EVERYTHING: Scope = { condition: '1', params: {} }
/** Revoked rows stay in memory, marked; from this share on the tables are built anew. */
const MOST_GONE = 0.2
const FEW = 1000

export interface LiveOptions {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly log: Logger
  readonly signal?: AbortSignal | undefined
}

/** Creates what is missing, and the view where it is not there or not as it should be. */
export async function openLive(options: LiveOptions): Promise<void> {
  const { db, tables, signal } = options
  const { hits, flows } = flowTables(tables)
  const there = await columnTypes(db, tables.flows, signal)
  // A table of flows that is there is somebody else's, and stays as it is.
  await prepare(db, there.size > 0 ? [hits] : [hits, flows], signal)
  await prepare(db, liveTables(liveNames(tables)), signal)
  await putView(options, there.size > 0 ? layoutOf(there) : 'number')
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
  { condition, params }: Scope,
): Promise<void> {
  const { add, remove } = liveStatements(tables.iocs, names, condition)
  const turn = `${Date.now()}-${Math.random()}`
  for (const statement of [...add, remove]) {
    await db.command(statement, { params: { ...params, turn }, signal })
  }
}

async function holdsMuchGone(
  { db, signal }: LiveOptions,
  { gone, details }: LiveNames,
): Promise<boolean> {
  const rows = await db.rows<{ name: string; rows: string | null }>(
    `SELECT name, total_rows AS rows FROM system.tables
     WHERE database = {database:String} AND name IN {names:Array(String)}`,
    { params: { database: gone.database, names: [gone.table, details.table] }, signal },
  )
  const count = (name: TableName) => Number(rows.find((row) => row.name === name.table)?.rows ?? 0)
  return count(gone) > FEW && count(gone) > MOST_GONE * count(details)
}

async function putView(options: LiveOptions, layout: FlowLayout): Promise<void> {
  const { db, tables, log, signal } = options
  const { view, reverse } = viewNames(tables)
  const sql = createView(tables, { names: liveNames(tables), layout })
  const print = createHash('sha256').update(sql).digest('hex').slice(0, 16)
  const state = `view ${quoted(view)}`
  const known = await readState(options, state)
  const engines = await enginesOf(options, [view, reverse])
  if (known === print && engines.get(view.table) === 'MaterializedView') return
  if (engines.size > 0 && known === '') {
    log.info({ view: quoted(view) }, "the views of an earlier tool are replaced by tipline's")
  }
  for (const name of [reverse, view]) await db.command(dropView(name), { signal })
  await db.command(sql, { signal })
  await db.command(createReverse(tables), { signal })
  const table = quoted(stateName(tables.iocs))
  await db.insert({ table, columns: ['name', 'value'], rows: [[state, print]], signal })
}

async function readState({ db, tables, signal }: LiveOptions, name: string): Promise<string> {
  const { value } = await db.row<{ value: string }>(
    `SELECT argMax(value, at) AS value FROM ${quoted(stateName(tables.iocs))}
     WHERE name = {name:String}`,
    { params: { name }, signal },
  )
  return value
}

async function enginesOf(
  { db, signal }: LiveOptions,
  views: readonly TableName[],
): Promise<Map<string, string>> {
  const rows = await db.rows<{ name: string; engine: string }>(
    `SELECT name, engine FROM system.tables
     WHERE database = {database:String} AND name IN {names:Array(String)}`,
    { params: { database: views[0]!.database, names: views.map(({ table }) => table) }, signal },
  )
  return new Map(rows.map(({ name, engine }) => [name, engine]))
}

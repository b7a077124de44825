/** Erases what concerns one address or user, from both stores. */
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes } from '../clickhouse/columns.js'
import { quoted } from '../clickhouse/names.js'
import { countedTable } from '../clickhouse/schema.js'
import { purgeAlerts } from './alerts/purge.js'
import { countLogHits, eraseLogHits } from './erase.js'
import { recognise, spellings } from './filter.js'
import type { FlowStore, HitStores } from './stores.js'

export interface Purge {
  readonly value: string
  /** Sources in the config: rows that another tool wrote for its own MISP are not ours to erase. */
  readonly sources: readonly string[]
}

export interface Concerned {
  readonly logHits: number
  readonly flowHits: number
  /** Rows of what is only counted, by indicator and hour. */
  readonly counted: number
  /** Of other tools; never touched. */
  readonly foreignFlowHits: number
}

/** What a purge would erase. @throws ClickHouseError, HitsError */
export async function concerned(
  { db, flows }: HitStores,
  { value, sources }: Purge,
  signal: AbortSignal,
): Promise<Concerned> {
  const logHits = countLogHits(db, value)
  if (flows === null) return { logHits, flowHits: 0, counted: 0, foreignFlowHits: 0 }
  const clickhouse = await flows.open()
  const row = await clickhouse.row<{ ours: string; all: string }>(
    `SELECT countIf(misp IN {sources:Array(String)}) AS ours, count() AS all
     FROM ${quoted(flows.tables.hits)} WHERE ${OF_VALUES}`,
    { params: { sources, values: spellings(value) }, signal },
  )
  const ours = Number(row.ours)
  const counted = await countedOf(clickhouse, flows, { value, sources }, signal)
  return { logHits, flowHits: ours, counted, foreignFlowHits: Number(row.all) - ours }
}

async function countedOf(
  db: ClickHouse,
  { tables }: FlowStore,
  { value, sources }: Purge,
  signal: AbortSignal,
): Promise<number> {
  const { name } = countedTable(tables)
  if ((await columnTypes(db, name, signal)).size === 0) return 0
  const { n } = await db.row<{ n: string }>(
    `SELECT count() AS n FROM ${quoted(name)} WHERE ${COUNTED}`,
    { params: { sources, values: spellings(value) }, signal },
  )
  return Number(n)
}

/**
 * Resolves when it is gone; safe to repeat, and to be repeated after a kill. ClickHouse writes the parts
 * concerned anew, and deletes the old ones within minutes. @throws ClickHouseError, HitsError
 */
export async function purge(
  stores: HitStores,
  { value, sources }: Purge,
  signal: AbortSignal,
): Promise<void> {
  purgeAlerts(stores.db, recognise(value))
  // The last in this store: it empties the write-ahead log.
  eraseLogHits(stores.db, value)
  const { flows } = stores
  if (flows === null) return
  const clickhouse = await flows.open()
  const { name: counted } = countedTable(flows.tables)
  const isThere = (await columnTypes(clickhouse, counted, signal)).size > 0
  const params = { sources, values: spellings(value) }
  const erase = (table: string, where: string) =>
    clickhouse.command(`ALTER TABLE ${table} DELETE WHERE ${where} SETTINGS mutations_sync = 2`, {
      params,
      signal,
    })
  await erase(quoted(flows.tables.hits), `${OF_VALUES} AND misp IN {sources:Array(String)}`)
  if (isThere) await erase(quoted(counted), COUNTED)
}

const OF_VALUES =
  '(source_ip IN {values:Array(String)} OR destination_ip IN {values:Array(String)})'
/** Of a net only one address that was met stands there. */
const COUNTED = 'address IN {values:Array(String)} AND misp IN {sources:Array(String)}'

/** Erases what concerns one address or user, from both stores. */
import { quoted } from '../clickhouse/names.js'
import { purgeAlerts } from './alerts/purge.js'
import { countLogHits, eraseLogHits } from './erase.js'
import { spellings } from './filter.js'
import type { HitStores } from './stores.js'

export interface Purge {
  readonly value: string
  /** Sources in the config: rows that another tool wrote for its own MISP are not ours to erase. */
  readonly sources: readonly string[]
}

export interface Concerned {
  readonly logHits: number
  readonly flowHits: number
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
  if (flows === null) return { logHits, flowHits: 0, foreignFlowHits: 0 }
  const clickhouse = await flows.open()
  const row = await clickhouse.row<{ ours: string; all: string }>(
    `SELECT countIf(misp IN {sources:Array(String)}) AS ours, count() AS all
     FROM ${quoted(flows.hits)} WHERE ${OF_VALUES}`,
    { params: { sources, values: spellings(value) }, signal },
  )
  const ours = Number(row.ours)
  return { logHits, flowHits: ours, foreignFlowHits: Number(row.all) - ours }
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
  purgeAlerts(stores.db, spellings(value))
  // The last in this store: it empties the write-ahead log.
  eraseLogHits(stores.db, value)
  const { flows } = stores
  if (flows === null) return
  const clickhouse = await flows.open()
  await clickhouse.command(
    `ALTER TABLE ${quoted(flows.hits)} DELETE
     WHERE ${OF_VALUES} AND misp IN {sources:Array(String)} SETTINGS mutations_sync = 2`,
    { params: { sources, values: spellings(value) }, signal },
  )
}

const OF_VALUES =
  '(source_ip IN {values:Array(String)} OR destination_ip IN {values:Array(String)})'

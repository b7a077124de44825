/** How long hits are kept. A table that another tool made keeps its own time. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { countedTable, type Tables, ttlOf } from '../../clickhouse/schema.js'
import type { Logger } from '../../log.js'

interface Keeping {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly log: Logger
  readonly signal?: AbortSignal | undefined
}

/** @throws ClickHouseError */
export async function keepHits(keeping: Keeping, keepSeconds: number | null): Promise<void> {
  const { tables } = keeping
  if (await isOurs(keeping, tables.hits)) {
    await keep(keeping, { table: tables.hits, column: 'te', keepSeconds })
  }
  await keep(keeping, { table: countedTable(tables).name, column: 'hour', keepSeconds })
}

/** A table of hits that tipline created has its number of a hit in the key. @throws ClickHouseError */
export async function isOurs(keeping: Keeping, table: TableName): Promise<boolean> {
  return (await definitionOf(keeping, table)).includes('ORDER BY (ts, source_ip, hit)')
}

async function keep(
  keeping: Keeping,
  { table, column, keepSeconds }: { table: TableName; column: string; keepSeconds: number | null },
): Promise<void> {
  const { db, log, signal } = keeping
  const sql = await definitionOf(keeping, table)
  const wanted = ttlOf(column, keepSeconds).trim()
  const found = /TTL .*?(?= SETTINGS|$)/.exec(sql)?.[0] ?? ''
  if (found === wanted) return
  log.info({ table: quoted(table), from: found, to: wanted }, 'how long hits are kept is changed')
  // Parts that are too old go with the next merge; rewriting all of them now would help nobody.
  const settings = { materialize_ttl_after_modify: 0 } as const
  const change = keepSeconds === null ? 'REMOVE TTL' : `MODIFY ${wanted}`
  await db.command(`ALTER TABLE ${quoted(table)} ${change}`, { settings, signal })
}

async function definitionOf(
  { db, signal }: Keeping,
  { database, table }: TableName,
): Promise<string> {
  const [row] = await db.rows<{ sql: string }>(
    `SELECT create_table_query AS sql FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params: { database, table }, signal },
  )
  return row?.sql ?? ''
}

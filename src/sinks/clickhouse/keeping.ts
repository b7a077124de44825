/** How long hits are kept. A table that another tool made keeps its own time. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { definitionOf, ttlIn } from '../../clickhouse/columns.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { countedTable, isOurHits, setTtl, type Tables, ttlOf } from '../../clickhouse/schema.js'
import type { Logger } from '../../log.js'

interface Keeping {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly log: Logger
  readonly signal?: AbortSignal | undefined
}

/** @throws ClickHouseError */
export async function keepHits(keeping: Keeping, keepSeconds: number | null): Promise<void> {
  const { db, tables, signal } = keeping
  if (isOurHits(await definitionOf(db, tables.hits, signal))) {
    await keep(keeping, { table: tables.hits, column: 'te', keepSeconds })
  }
  await keep(keeping, { table: countedTable(tables).name, column: 'hour', keepSeconds })
}

async function keep(
  keeping: Keeping,
  { table, column, keepSeconds }: { table: TableName; column: string; keepSeconds: number | null },
): Promise<void> {
  const { db, log, signal } = keeping
  const wanted = ttlOf(column, keepSeconds).trim()
  const found = ttlIn(await definitionOf(db, table, signal))
  if (found === wanted) return
  log.info({ table: quoted(table), from: found, to: wanted }, 'how long hits are kept is changed')
  await db.command(setTtl(table, { column, keepSeconds }), { signal })
}

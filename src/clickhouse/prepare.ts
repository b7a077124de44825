/** Brings a database to the schema: creates what is missing, adds columns, and changes nothing else. */
import type { ClickHouse } from './client.js'
import type { TableName } from './names.js'
import { addColumn, createDatabase, createTable, type TableSchema } from './schema.js'

/** Safe to repeat, and cheap where all is there; answers what was missing. @throws ClickHouseError */
export async function prepare(
  db: ClickHouse,
  tables: readonly TableSchema[],
  signal?: AbortSignal,
): Promise<TableName[]> {
  const made: TableName[] = []
  const there = await columnsOf(db, tables, signal)
  for (const table of tables) {
    const known = there.get(keyOf(table.name.database, table.name.table))
    if (!known) {
      await db.command(createDatabase(table.name), { signal })
      await db.command(createTable(table), { signal })
      made.push(table.name)
      continue
    }
    for (const column of table.columns) {
      if (!known.has(column.name)) await db.command(addColumn(table.name, column), { signal })
    }
  }
  return made
}

/** Names of the columns by table; a table that is not there is not in it. */
async function columnsOf(
  db: ClickHouse,
  tables: readonly TableSchema[],
  signal: AbortSignal | undefined,
): Promise<Map<string, Set<string>>> {
  const rows = await db.rows<{ database: string; table: string; names: string[] }>(
    `SELECT database, table, groupArray(name) AS names FROM system.columns
     WHERE database IN {databases:Array(String)} AND table IN {tables:Array(String)}
     GROUP BY database, table`,
    {
      params: {
        databases: tables.map(({ name }) => name.database),
        tables: tables.map(({ name }) => name.table),
      },
      signal,
    },
  )
  return new Map(
    rows.map(({ database, table, names }) => [keyOf(database, table), new Set(names)] as const),
  )
}

function keyOf(database: string, table: string): string {
  return JSON.stringify([database, table])
}

/** Brings a database to the schema: creates what is missing, adds columns, and changes nothing else. */
import type { ClickHouse } from './client.js'
import { quoted, type TableName } from './names.js'
import { addColumn, createDatabase, createTable, type TableSchema } from './schema.js'

/** Safe to repeat, and cheap where all is there; answers what was missing. @throws ClickHouseError */
export async function prepare(
  db: ClickHouse,
  tables: readonly TableSchema[],
  signal?: AbortSignal,
): Promise<TableName[]> {
  const there = await columnsIn(
    db,
    tables.map(({ name }) => name),
    signal,
  )
  return await complete(db, { tables, there }, signal)
}

/** Types by name of the columns, by `quoted` table; a table that is not there is not in it. */
export type Columns = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The same, where it is known what is there. */
export async function complete(
  db: ClickHouse,
  { tables, there }: { tables: readonly TableSchema[]; there: Columns },
  signal?: AbortSignal,
): Promise<TableName[]> {
  const made: TableName[] = []
  for (const table of tables) {
    const known = there.get(quoted(table.name))
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

/** @throws ClickHouseError */
export async function columnsIn(
  db: ClickHouse,
  tables: readonly TableName[],
  signal?: AbortSignal,
): Promise<Columns> {
  const rows = await db.rows<TableName & { name: string; type: string }>(
    `SELECT database, table, name, type FROM system.columns
     WHERE database IN {databases:Array(String)} AND table IN {tables:Array(String)}`,
    {
      params: {
        databases: tables.map(({ database }) => database),
        tables: tables.map(({ table }) => table),
      },
      signal,
    },
  )
  const columns = new Map<string, Map<string, string>>()
  for (const { database, table, name, type } of rows) {
    const known = columns.get(quoted({ database, table })) ?? new Map<string, string>()
    columns.set(quoted({ database, table }), known.set(name, type))
  }
  return columns
}

/** What a table that is there looks like. */
import { hasBits } from './by-address.js'
import type { ClickHouse } from './client.js'
import type { FlowColumns, FlowLayout } from './matching.js'
import type { TableName } from './names.js'

/** Types by name, in the table's order; empty where there is no such table. @throws ClickHouseError */
export async function columnTypes(
  db: ClickHouse,
  { database, table }: TableName,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const rows = await db.rows<{ name: string; type: string }>(
    `SELECT name, type FROM system.columns
     WHERE database = {database:String} AND table = {table:String} ORDER BY position`,
    { params: { database, table }, signal },
  )
  return new Map(rows.map(({ name, type }) => [name, type]))
}

/** As a CREATE TABLE; '' where there is no such table. @throws ClickHouseError */
export async function definitionOf(
  db: ClickHouse,
  { database, table }: TableName,
  signal?: AbortSignal,
): Promise<string> {
  const [row] = await db.rows<{ sql: string }>(
    `SELECT create_table_query AS sql FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params: { database, table }, signal },
  )
  return row?.sql ?? ''
}

/** How long rows are kept, as SQL; '' for ever. */
export function ttlIn(definition: string): string {
  return /TTL .*?(?= SETTINGS|$)/.exec(definition)?.[0] ?? ''
}

/** Of a table of flows: the protocol was a text once. */
export function layoutOf(columns: ReadonlyMap<string, string>): FlowLayout {
  return columns.get('pr')?.includes('String') ? 'text' : 'number'
}

/** What matching has to know of a table of flows. */
export function flowColumns(flows: TableName, columns: ReadonlyMap<string, string>): FlowColumns {
  const more = MORE.filter((name) => columns.has(name))
  return { flows, layout: layoutOf(columns), more, hasBits: hasBits(columns) }
}

/** Two flows that differ in nothing else are still two: a router may tell of both its interfaces. */
const MORE = ['smk', 'dmk', 'in', 'out', 'sas', 'das', 'exid']

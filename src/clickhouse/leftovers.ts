/** Tables of ours that nobody needs any more: of an earlier version, or of a run that was killed. */
import type { ClickHouse } from './client.js'
import { formerNames, hereName, liveNames } from './live-tables.js'
import type { TableName } from './names.js'
import type { Tables } from './schema.js'

type Place = Pick<Tables, 'iocs'>

/** What earlier versions matched flows with; a sync takes it away. @throws ClickHouseError */
export async function formerTables(
  db: ClickHouse,
  tables: Place,
  signal?: AbortSignal,
): Promise<TableName[]> {
  const names = formerNames(tables).map(({ table }) => table)
  return await there(db, tables, { where: 'name IN {names:Array(String)}', names, signal })
}

/** What is in use for seconds; a day later whoever made it is no more. @throws ClickHouseError */
export async function abandonedTables(
  db: ClickHouse,
  tables: Place,
  signal?: AbortSignal,
): Promise<TableName[]> {
  const names = [...Object.values(liveNames(tables, '_new')), hereName(tables)]
  const where = `metadata_modification_time < now() - 86400
    AND (name IN {names:Array(String)} OR match(name, {found:String}))`
  const found = `^tipline_found_${tables.iocs.table}_back_[0-9]+_[0-9a-z]+$`
  return await there(db, tables, { where, names: names.map(({ table }) => table), found, signal })
}

interface Asked {
  readonly where: string
  readonly names: readonly string[]
  /** A pattern. */
  readonly found?: string
  readonly signal: AbortSignal | undefined
}

async function there(
  db: ClickHouse,
  { iocs: { database } }: Place,
  { where, names, found = '', signal }: Asked,
): Promise<TableName[]> {
  return await db.rows<TableName>(
    `SELECT database, name AS table FROM system.tables
     WHERE database = {database:String} AND ${where} ORDER BY name`,
    { params: { database, names, found }, signal },
  )
}

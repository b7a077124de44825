/** Where what a slice has met stands until it is stored: a table of its own for each. */
import { dropView } from '../../clickhouse/live.js'
import { beside, type TableName } from '../../clickhouse/names.js'
import type { Plan } from './work.js'

const STALE_SECONDS = 86_400

type Place = Pick<Plan, 'db' | 'tables' | 'signal'>

/** `backscan`: begins with the moment it began, in epoch seconds. */
export function foundName({ tables }: Pick<Place, 'tables'>, backscan: string): TableName {
  return beside(tables.iocs, `tipline_found_${tables.iocs.table}_back_${backscan}`)
}

/** Of runs that were killed. @throws ClickHouseError */
export async function dropStale({ db, tables, signal }: Place): Promise<void> {
  const { database, table } = tables.iocs
  const rows = await db.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = {database:String}
       AND match(name, {pattern:String})
       AND toUInt32OrZero(extract(name, '_back_([0-9]+)_')) < toUnixTimestamp(now()) - ${STALE_SECONDS}`,
    {
      params: { database, pattern: `^tipline_found_${table}_back_[0-9]+_[0-9a-z]+$` },
      signal,
    },
  )
  for (const { name } of rows) await db.command(dropView({ database, table: name }), { signal })
}

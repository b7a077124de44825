/** What tipline remembers in ClickHouse itself: one text a name, the newest counts. */
import type { ClickHouse } from './client.js'
import { quoted } from './names.js'
import { stateName, type Tables } from './schema.js'

type Place = Pick<Tables, 'iocs'>

/** '' where nothing is remembered. The table must be there. @throws ClickHouseError */
export async function readState(
  db: ClickHouse,
  { iocs }: Place,
  name: string,
  signal?: AbortSignal,
): Promise<string> {
  const { value } = await db.row<{ value: string }>(
    `SELECT argMax(value, at) AS value FROM ${quoted(stateName(iocs))} WHERE name = {name:String}`,
    { params: { name }, signal },
  )
  return value
}

/** @throws ClickHouseError */
export async function writeState(
  db: ClickHouse,
  { iocs }: Place,
  { name, value }: { name: string; value: string },
): Promise<void> {
  const table = quoted(stateName(iocs))
  await db.insert({ table, columns: ['name', 'value'], rows: [[name, value]] })
}

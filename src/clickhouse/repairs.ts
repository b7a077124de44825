/** What a table of flows that somebody else made lacks; put right only where somebody asks for it. */
import type { ClickHouse } from './client.js'
import { columnTypes } from './columns.js'
import { quoted } from './names.js'
import type { Tables } from './schema.js'
import { addSkipIndex, hasSkipIndex } from './skip-index.js'

export interface Repair {
  /** What is missing, and what comes of it. */
  readonly lack: string
  /** What is done, and what that costs. */
  readonly plan: string
  readonly statements: readonly string[]
}

const WINDOW = 100_000

/** None where there is no such table: tipline makes it as it should be. @throws ClickHouseError */
export async function repairsOf(
  db: ClickHouse,
  { flows }: Pick<Tables, 'flows'>,
  signal?: AbortSignal,
): Promise<Repair[]> {
  if ((await columnTypes(db, flows, signal)).size === 0) return []
  const name = `${flows.database}.${flows.table}`
  return [
    ...((await deduplicates(db, flows, signal)) ? [] : [window(name, quoted(flows))]),
    ...((await hasSkipIndex(db, flows, signal))
      ? []
      : [
          {
            lack: `${name} has no index for backscan: it reads all flows of the time asked for`,
            plan: `add a skip index on the addresses of ${name}, for new flows at once, for stored ones in the background (reads and writes all of them once)`,
            statements: addSkipIndex(flows),
          },
        ]),
  ]
}

function window(name: string, table: string): Repair {
  return {
    lack: `${name} keeps no deduplication window: an import that is killed may store some flows twice`,
    plan: `let ${name} remember the last ${WINDOW} inserts, so that none is stored twice (no data is touched)`,
    statements: [
      `ALTER TABLE ${table} MODIFY SETTING non_replicated_deduplication_window = ${WINDOW}`,
    ],
  }
}

/** Whether a table knows a block again that comes twice. @throws ClickHouseError */
export async function deduplicates(
  db: ClickHouse,
  { database, table }: Tables['flows'],
  signal?: AbortSignal,
): Promise<boolean> {
  const { sql } = await db.row<{ sql: string }>(
    `SELECT create_table_query AS sql FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params: { database, table }, signal },
  )
  return /non_replicated_deduplication_window = [1-9]|Replicated/.test(sql)
}

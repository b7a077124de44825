/**
 * Stretches of time in which flows were not matched as they came: our view was away, or what it needs.
 * A backscan of all indicators closes them.
 */
import type { ClickHouse } from './client.js'
import { quoted } from './names.js'
import { gapsTable, type Tables } from './schema.js'

export interface Gap {
  readonly gap: string
  /** Epoch seconds, of the flows' own time. */
  readonly from: number
  readonly to: number
  readonly why: string
}

/** Those that are open, newest first. The table must be there. @throws ClickHouseError */
export async function readGaps(
  db: ClickHouse,
  tables: Pick<Tables, 'iocs'>,
  signal?: AbortSignal,
): Promise<Gap[]> {
  return await db.rows<Gap>(
    `SELECT gap, toUnixTimestamp(argMax(began, at)) AS from, toUnixTimestamp(argMax(ended, at)) AS to,
       argMax(why, at) AS why
     FROM ${quoted(gapsTable(tables).name)} GROUP BY gap HAVING to > from ORDER BY to DESC`,
    { signal },
  )
}

/** Opens one, or says anew how far it goes; `to` not after `from` closes it. @throws ClickHouseError */
export async function writeGap(
  db: ClickHouse,
  tables: Pick<Tables, 'iocs'>,
  { gap, from, to, why }: Gap,
): Promise<void> {
  await db.insert({
    table: quoted(gapsTable(tables).name),
    columns: ['gap', 'began', 'ended', 'why'],
    rows: [[gap, from, to, why]],
  })
}

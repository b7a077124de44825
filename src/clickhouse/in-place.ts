/** Whether flows are matched as they come, and since when: what ClickHouse itself has written down of it. */
import type { ClickHouse } from './client.js'
import { columnTypes } from './columns.js'
import { viewNames } from './live.js'
import { quoted } from './names.js'
import { stateName, type Tables } from './schema.js'

/** In the table of states: the last time that matching was found in place, in epoch seconds. */
export const SEEN = 'matching seen'
/** Since when it is detached, in epoch seconds; '' where it is not. */
export const DETACHED = 'matching detached'

/** What the view in place is made of, written when it was put there. */
export function viewState(tables: Pick<Tables, 'hits'>): string {
  return `view ${quoted(viewNames(tables).view)}`
}

export interface InPlace {
  /** Whether flows are matched as they come. */
  readonly live: boolean
  /** Epoch seconds: since when; null: they are not, or nobody wrote it down. */
  readonly since: number | null
  /** Epoch seconds: when it was last found so; null: never. */
  readonly seen: number | null
  /** Epoch seconds: since when somebody has it detached; null: nobody has. */
  readonly detached: number | null
}

/** Does not need the tables to be there. @throws ClickHouseError */
export async function readInPlace(
  { db, tables }: { db: ClickHouse; tables: Tables },
  signal?: AbortSignal,
): Promise<InPlace> {
  const live = await isThere(db, tables, signal)
  const states = await statesOf(db, tables, signal)
  const number = (name: string) => Number(states.get(name)?.value ?? '') || null
  return {
    live,
    since: live ? (states.get(viewState(tables))?.written ?? null) : null,
    seen: number(SEEN),
    detached: number(DETACHED),
  }
}

async function isThere(
  db: ClickHouse,
  tables: Tables,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { view } = viewNames(tables)
  const rows = await db.rows<{ engine: string }>(
    `SELECT engine FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params: { ...view }, signal },
  )
  return rows[0]?.engine === 'MaterializedView'
}

interface State {
  readonly name: string
  readonly value: string
  /** Epoch seconds. */
  readonly written: number
}

async function statesOf(
  db: ClickHouse,
  tables: Tables,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, State>> {
  const table = stateName(tables.iocs)
  if ((await columnTypes(db, table, signal)).size === 0) return new Map()
  const rows = await db.rows<State>(
    `SELECT name, argMax(value, at) AS value, toUnixTimestamp(max(at)) AS written
     FROM ${quoted(table)} WHERE name IN {names:Array(String)} GROUP BY name`,
    { params: { names: [viewState(tables), SEEN, DETACHED] }, signal },
  )
  return new Map(rows.map((state) => [state.name, state]))
}

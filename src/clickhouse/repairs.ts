/** What tables that somebody else made lack; put right only where somebody asks for it. */
import type { ClickHouse } from './client.js'
import { columnTypes, definitionOf, ttlIn } from './columns.js'
import { quoted } from './names.js'
import { isOurHits, setTtl, type Tables, ttlOf } from './schema.js'
import { addSkipIndex, hasSkipIndex } from './skip-index.js'

export interface Repair {
  /** What is missing, and what comes of it. */
  readonly lack: string
  /** What is done, and what that costs. */
  readonly plan: string
  readonly statements: readonly string[]
}

export interface Wanted {
  /** How long hits are to be kept, in seconds; null: for ever; absent: nobody says. */
  readonly keepHits?: number | null | undefined
  readonly signal?: AbortSignal | undefined
}

const WINDOW = 100_000

/** Of tables that are not there, none: tipline makes them as they should be. @throws ClickHouseError */
export async function repairsOf(
  db: ClickHouse,
  tables: Pick<Tables, 'flows' | 'hits'>,
  { keepHits, signal }: Wanted = {},
): Promise<Repair[]> {
  return [
    ...(await ofFlows(db, tables, signal)),
    ...(keepHits === undefined ? [] : await ofHits(db, tables, { keepHits, signal })),
  ]
}

async function ofFlows(
  db: ClickHouse,
  { flows }: Pick<Tables, 'flows'>,
  signal: AbortSignal | undefined,
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

/** Of a table of tipline's own the sync does it. */
async function ofHits(
  db: ClickHouse,
  { hits }: Pick<Tables, 'hits'>,
  { keepHits, signal }: { keepHits: number | null; signal: AbortSignal | undefined },
): Promise<Repair[]> {
  const definition = await definitionOf(db, hits, signal)
  const wanted = ttlOf('te', keepHits).trim()
  const found = ttlIn(definition)
  if (definition === '' || isOurHits(definition) || found === wanted) return []
  const name = `${hits.database}.${hits.table}`
  const words = (ttl: string) => ttl || 'no TTL'
  return [
    {
      lack: `${name}, which another tool made, has ${words(found)}; keep.hits in the config asks for ${words(wanted)}`,
      plan: `keep hits in ${name} with ${words(wanted)} instead of ${words(found)} (what is older goes with the next merges)`,
      statements: [setTtl(hits, { column: 'te', keepSeconds: keepHits })],
    },
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
  flows: Tables['flows'],
  signal?: AbortSignal,
): Promise<boolean> {
  const sql = await definitionOf(db, flows, signal)
  return /non_replicated_deduplication_window = [1-9]|Replicated/.test(sql)
}

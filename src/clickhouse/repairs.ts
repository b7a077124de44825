/**
 * What tables that somebody else made lack, and what nobody needs any more; put right only where somebody
 * asks for it.
 */
import { addByAddress, byAddressIn, dropSkipIndexes } from './by-address.js'
import type { ClickHouse } from './client.js'
import { definitionOf, ttlIn } from './columns.js'
import { abandonedTables } from './leftovers.js'
import { dropView } from './live.js'
import { quoted } from './names.js'
import { isOurHits, setTtl, type Tables, ttlOf } from './schema.js'

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
  tables: Tables,
  { keepHits, signal }: Wanted = {},
): Promise<Repair[]> {
  return [
    ...(await ofFlows(db, tables, signal)),
    ...(await ofLeftovers(db, tables, signal)),
    ...(keepHits === undefined ? [] : await ofHits(db, tables, { keepHits, signal })),
  ]
}

async function ofFlows(
  db: ClickHouse,
  { flows }: Pick<Tables, 'flows'>,
  signal: AbortSignal | undefined,
): Promise<Repair[]> {
  const definition = await definitionOf(db, flows, signal)
  if (definition === '') return []
  const name = `${flows.database}.${flows.table}`
  const { present, former } = byAddressIn(definition)
  return [
    ...(isDeduplicating(definition) ? [] : [window(name, quoted(flows))]),
    ...(present ? [] : [byAddress(flows, former)]),
    ...(!present || former.length === 0 ? [] : [formerIndexes(flows, former)]),
  ]
}

/** Of runs that were killed. */
async function ofLeftovers(
  db: ClickHouse,
  tables: Tables,
  signal: AbortSignal | undefined,
): Promise<Repair[]> {
  const left = await abandonedTables(db, tables, signal)
  if (left.length === 0) return []
  const names = left.map(({ database, table }) => `${database}.${table}`).join(', ')
  return [
    {
      lack: `runs that were killed left tables behind: ${names}`,
      plan: `drop ${names}, in which nothing lasting stands`,
      statements: left.map(dropView),
    },
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

/** Together with what an earlier version used for it. */
function byAddress(flows: Tables['flows'], former: readonly string[]): Repair {
  const name = `${flows.database}.${flows.table}`
  const what = `add hidden numbers of the addresses to ${name}, and the times of flows in the order of these, for new flows at once, for stored ones in the background (reads all addresses once; takes up to nine tenths as much disk again, and INSERTs take longer)`
  const also = former.length === 0 ? '' : `, and drop the skip indexes ${former.join(', ')}`
  return {
    lack:
      former.length === 0
        ? `${name} has no index for backscan: it reads all flows of the time asked for`
        : `${name} has the index for backscan of an earlier version, which nothing asks any more`,
    plan: what + also,
    statements: [...addByAddress(flows), ...dropSkipIndexes(flows, former)],
  }
}

function formerIndexes(flows: Tables['flows'], former: readonly string[]): Repair {
  const name = `${flows.database}.${flows.table}`
  return {
    lack: `${name} has skip indexes of an earlier version, which each INSERT pays for and nothing asks: ${former.join(', ')}`,
    plan: `drop the skip indexes ${former.join(', ')} of ${name} (no flow is touched)`,
    statements: dropSkipIndexes(flows, former),
  }
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
  return isDeduplicating(await definitionOf(db, flows, signal))
}

function isDeduplicating(definition: string): boolean {
  return /non_replicated_deduplication_window = [1-9]|Replicated/.test(definition)
}

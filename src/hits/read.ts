/** Hits of flows and of log lines, read as one list. */
import { admits, cursorOf, type HitFilter, isBefore, parseId, placeOf } from './filter.js'
import { flowRows, flowRowsById } from './flow-hits.js'
import type { Hit } from './hit.js'
import { logRowById, logRows } from './log-hits.js'
import type { HitStores } from './stores.js'
import { Teller } from './tell.js'

export interface HitQuery extends HitFilter {
  /** At most so many, from 1. */
  readonly limit: number
  /** The `next` of the page before; absent: the newest hits. */
  readonly cursor?: string | undefined
}

export interface HitPage {
  /** Newest first. */
  readonly hits: readonly Hit[]
  /** Where the next page begins; null: this is the last one. */
  readonly next: string | null
}

/**
 * A page of hits. New ones that come meanwhile stand before the first page, and shift nothing.
 * @throws ClickHouseError, HitsError; UsageError where the cursor is none
 */
export async function readHits(
  stores: HitStores,
  { limit, cursor, ...filter }: HitQuery,
  signal: AbortSignal,
): Promise<HitPage> {
  const after = cursor === undefined ? null : placeOf(cursor)
  const asked = { filter, after, limit: limit + 1 }
  const teller = new Teller(stores)
  const logs = admits(filter, 'log') ? logRows(stores.db, asked) : []
  const flows = admits(filter, 'flow') ? await flowsOf(stores, asked, signal) : []
  const found = [...flows.map((row) => teller.flow(row)), ...logs.map((row) => teller.log(row))]
  found.sort((one, other) => (isBefore(one, other) ? -1 : 1))
  const hits = found.slice(0, limit)
  return { hits, next: found.length > limit ? cursorOf(hits.at(-1)!) : null }
}

async function flowsOf(
  { flows }: HitStores,
  asked: Parameters<typeof flowRows>[1],
  signal: AbortSignal,
) {
  if (flows === null) return []
  return await flowRows({ db: await flows.open(), table: flows.tables.hits, signal }, asked)
}

/** null: there is none of this id (any more). @throws ClickHouseError, HitsError */
export async function readHit(
  stores: HitStores,
  id: string,
  signal: AbortSignal,
): Promise<Hit | null> {
  const parsed = parseId(id)
  if (parsed === null) return null
  const teller = new Teller(stores)
  if (parsed.kind === 'log') {
    const row = logRowById(stores.db, parsed.hex)
    return row && teller.log(row)
  }
  if (stores.flows === null) return null
  const asked = { db: await stores.flows.open(), table: stores.flows.tables.hits, signal }
  const [row] = await flowRowsById(asked, [BigInt(`0x${parsed.hex}`).toString()])
  return row === undefined ? null : teller.flow(row)
}

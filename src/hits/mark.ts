/** Hits that somebody calls false. */
import type { Database } from '../ledger/sqlite.js'
import type { Hit } from './hit.js'
import { readHit } from './read.js'
import type { HitStores } from './stores.js'

export interface Marking {
  readonly id: string
  readonly by: string
  readonly why: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** The hit with its mark, whoever marked it first; null: there is none of this id. @throws ClickHouseError, HitsError */
export async function markHit(
  stores: HitStores,
  { id, by, why, now }: Marking,
  signal: AbortSignal,
): Promise<Hit | null> {
  if ((await readHit(stores, id, signal)) === null) return null
  stores.db
    .prepare('INSERT INTO mark VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
    .run(id, now, by, why)
  return await readHit(stores, id, signal)
}

/** Whether there was a mark. @throws HitsError */
export function unmarkHit(db: Database, id: string): boolean {
  return Number(db.prepare('DELETE FROM mark WHERE hit = ?').run(id).changes) > 0
}

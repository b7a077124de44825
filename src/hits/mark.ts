/** Hits that somebody calls false. */
import { inTransaction } from '../ledger/sqlite.js'
import { storable } from '../text.js'
import type { Hit } from './hit.js'
import { readHit } from './read.js'
import { proposeFalsePositive, withdrawFalsePositive } from './sightings/queue.js'
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
  { id, now, ...said }: Marking,
  signal: AbortSignal,
): Promise<Hit | null> {
  const [by, why] = [storable(said.by), storable(said.why)]
  const hit = await readHit(stores, id, signal)
  if (hit === null || hit.falsePositive !== null) return hit
  inTransaction(stores.db, () => {
    stores.db.prepare('INSERT OR REPLACE INTO mark VALUES (?, ?, ?, ?)').run(id, now, by, why)
    proposeFalsePositive(stores.db, hit, now)
  })
  return { ...hit, falsePositive: { at: now, by, why } }
}

/** Whether there was a mark. What MISP has been told stays there. @throws ClickHouseError, HitsError */
export async function unmarkHit(
  stores: HitStores,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const hit = await readHit(stores, id, signal)
  if (hit?.falsePositive) withdrawFalsePositive(stores.db, hit)
  return Number(stores.db.prepare('DELETE FROM mark WHERE hit = ?').run(id).changes) > 0
}

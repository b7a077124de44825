/** Hits that somebody calls false. */
import { type Database, inTransaction } from '../ledger/sqlite.js'
import { storable } from '../text.js'
import type { FalsePositive, Hit } from './hit.js'
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
  { id, by, why, now }: Marking,
  signal: AbortSignal,
): Promise<Hit | null> {
  const hit = await readHit(stores, id, signal)
  if (hit === null || hit.falsePositive !== null) return hit
  const { db } = stores
  return inTransaction(db, () => {
    const add = db.prepare('INSERT INTO mark VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
    const { changes } = add.run(id, now, storable(by), storable(why))
    if (Number(changes) > 0) proposeFalsePositive(db, hit, now)
    // Another may have marked it while it was read.
    return { ...hit, falsePositive: markOf(db, id) }
  })
}

/** Whether there was a mark. What MISP has been told stays there. @throws ClickHouseError, HitsError */
export async function unmarkHit(
  stores: HitStores,
  id: string,
  signal: AbortSignal,
): Promise<boolean> {
  const hit = await readHit(stores, id, signal)
  const { db } = stores
  return inTransaction(db, () => {
    const { changes } = db.prepare('DELETE FROM mark WHERE hit = ?').run(id)
    const wasMarked = Number(changes) > 0
    if (wasMarked && hit) withdrawFalsePositive(db, hit)
    return wasMarked
  })
}

function markOf(db: Database, id: string): FalsePositive {
  const mark = db.prepare('SELECT at, by, why FROM mark WHERE hit = ?').get(id)
  return mark as unknown as FalsePositive
}

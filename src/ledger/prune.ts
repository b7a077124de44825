/** History is kept long, not for ever: a feed that turns over each day would fill the disk. */
import { NOT_THE_LAST } from './dictionary.js'
import type { Database } from './sqlite.js'

/**
 * History is written in the order of time, so the first row is the oldest; but not one that is later than the
 * last, which a clock wrote that ran ahead.
 */
const OLDEST = `
  SELECT live_until AS at FROM history
  WHERE live_until <= (SELECT live_until FROM history ORDER BY id DESC LIMIT 1) ORDER BY id LIMIT 1`

/**
 * Drops intervals that ended before this, then indicators that nothing carries, nothing remembers and
 * no pending change names. Answers how many intervals went.
 */
export function pruneHistory(db: Database, before: number): number {
  // Most of the time there is no work, and one row tells so.
  const oldest = db.prepare(OLDEST).get() as { at: number } | undefined
  if (!oldest || oldest.at >= before) return 0
  const { changes } = db.prepare('DELETE FROM history WHERE live_until < ?').run(before)
  db.prepare(
    `DELETE FROM indicator WHERE live_since IS NULL AND coalesce(known_since, 0) < ?
       AND NOT EXISTS (SELECT 1 FROM carrier c WHERE c.indicator = indicator.id)
       AND NOT EXISTS (SELECT 1 FROM history h WHERE h.indicator = indicator.id)
       AND id NOT IN (SELECT indicator FROM change) AND ${NOT_THE_LAST}`,
  ).run(before)
  return Number(changes)
}

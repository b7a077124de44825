/**
 * After carriers came, went or changed: which indicators are live now? One place for every writer
 * (pull, holds, policy), so that history, change log and counts can't differ between them.
 *
 * The caller fills `touched` (indicators whose carriers changed) and, where it knows, `lost` (why an
 * indicator lost a carrier); it runs inside the caller's transaction.
 */
import type { Database } from './sqlite.js'

/** A carrier serves when neither the policy nor a hand holds it. */
export const SERVED = 'c.held_rule IS NULL AND c.hold IS NULL'

const TURNED = `
  INSERT INTO turned
  SELECT t.indicator, i.space, i.value, i.live_since
  FROM touched t CROSS JOIN indicator i ON i.id = t.indicator
  WHERE (i.live_since IS NULL)
    = EXISTS (SELECT 1 FROM carrier c WHERE c.indicator = t.indicator AND ${SERVED})`

const CLOSE_HISTORY = `
  INSERT INTO history (indicator, live_from, live_until, why, detail)
  SELECT t.indicator, t.live_from, max(t.live_from, :now),
         coalesce((${heldWhy()}), (SELECT l.cause FROM lost l WHERE l.indicator = t.indicator), :why),
         (SELECT l.detail FROM lost l WHERE l.indicator = t.indicator)
  FROM turned t WHERE t.live_from IS NOT NULL`

const TURN = `
  UPDATE indicator SET live_since = CASE WHEN live_since IS NULL THEN :now END,
                       known_since = coalesce(known_since, :now)
  WHERE id IN (SELECT indicator FROM turned)`

/**
 * How many lookup keys more (or less) are live: one that turns counts only if no other indicator keeps
 * its key alive. `plain`: a plain memcached key can hold it (250 bytes of printable ASCII without
 * blanks, `misp-<space>:` included); `misp-stats` counts these.
 */
const countKeys = (keys: string) => `
  INSERT INTO live_keys
  SELECT k.space, sum(k.turn), sum(k.turn * (length(k.space) + 6 + length(k.value) <= 250
                                             AND k.value NOT GLOB '*[^!-~]*'))
  FROM (${keys}) k WHERE k.turn <> 0
  GROUP BY k.space
  ON CONFLICT DO UPDATE SET keys = keys + excluded.keys, plain = plain + excluded.plain`

/**
 * Spaces in which a key can have several indicators, one for each port. Steps from space to space
 * through the index; DISTINCT would read every indicator that has a port.
 */
export const PORTED = `
  WITH RECURSIVE step (space) AS (
    SELECT min(space) FROM indicator WHERE port > 0
    UNION ALL
    SELECT (SELECT min(i.space) FROM indicator i WHERE i.port > 0 AND i.space > step.space)
    FROM step WHERE step.space IS NOT NULL)
  SELECT space FROM step WHERE space IS NOT NULL`

/** Where there are no ports each indicator is its key. */
const COUNT_SINGLE = countKeys(`
  SELECT space, value, iif(live_from IS NULL, 1, -1) AS turn
  FROM turned WHERE space NOT IN (${PORTED})`)

const COUNT_PORTED = countKeys(`
  SELECT space, value, max(live_from IS NULL) - max(live_from IS NOT NULL) AS turn
  FROM turned t WHERE space IN (${PORTED}) AND NOT EXISTS (
    SELECT 1 FROM indicator i
    WHERE i.space = t.space AND i.value = t.value AND i.live_since IS NOT NULL
      AND i.id NOT IN (SELECT indicator FROM turned))
  GROUP BY space, value`)

/** Answers how many indicators were touched. */
export function settle(db: Database, { now, why }: { now: number; why: string }): number {
  db.exec(TURNED)
  db.exec(COUNT_SINGLE)
  db.exec(COUNT_PORTED)
  db.prepare(CLOSE_HISTORY).run({ now, why })
  db.prepare(TURN).run({ now })
  const touched = db
    .prepare('INSERT INTO change (indicator) SELECT indicator FROM touched ORDER BY indicator')
    .run()
  db.exec('DELETE FROM touched; DELETE FROM turned; DELETE FROM lost')
  return Number(touched.changes)
}

function heldWhy(): string {
  return `SELECT CASE WHEN c.hold IS NOT NULL THEN 'held by hand' ELSE 'held: ' || c.held_rule END
          FROM carrier c WHERE c.indicator = t.indicator LIMIT 1`
}

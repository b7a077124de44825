/**
 * After carriers came, went or changed: which indicators are live now? One place for every writer
 * (pull, holds, policy), so that history, change log and counts can't differ between them.
 *
 * The caller fills `touched` (indicators whose carriers changed) and, where it knows, `lost` (why an
 * indicator lost a carrier); it runs inside the caller's transaction.
 */
import { settleSpelled } from './spelled.js'
import type { Database } from './sqlite.js'

/** A carrier serves when neither the policy nor a hand holds it. */
export const SERVED = 'c.held_rule IS NULL AND c.hold IS NULL'

/** Has the key of indicator `i` other indicators? There is one for each port. */
export const SHARED = `
  iif(i.port > 0,
    EXISTS (SELECT 1 FROM indicator o
            WHERE o.space = i.space AND o.value = i.value AND o.port <> i.port),
    EXISTS (SELECT 1 FROM indicator o INDEXED BY indicator_port
            WHERE o.space = i.space AND o.value = i.value AND o.port > 0))`

/**
 * A plain memcached key can hold it: 250 bytes of printable ASCII without blanks, `misp-<space>:`
 * included. `misp-stats` counts these.
 */
const PLAIN = `length(i.space) + 6 + length(i.value) <= 250 AND i.value NOT GLOB '*[^!-~]*'`

const TURNED = `
  INSERT INTO turned
  SELECT t.indicator, i.space, iif(${SHARED}, i.value, NULL), ${PLAIN}, i.live_since
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

/** How many lookup keys more (or less) are live. */
const countKeys = (keys: string) => `
  INSERT INTO live_keys
  SELECT k.space, sum(k.turn), sum(k.turn * k.plain) FROM (${keys}) k
  WHERE k.turn <> 0 GROUP BY k.space
  ON CONFLICT DO UPDATE SET keys = keys + excluded.keys, plain = plain + excluded.plain`

/** An indicator alone is its key. */
const COUNT_SINGLE = countKeys(`
  SELECT space, plain, iif(live_from IS NULL, 1, -1) AS turn FROM turned WHERE shared IS NULL`)

/** A key that turns with one of its indicators counts only if no other one keeps it alive. */
const COUNT_SHARED = countKeys(`
  SELECT space, plain, max(live_from IS NULL) - max(live_from IS NOT NULL) AS turn
  FROM turned t WHERE shared IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM indicator i
    WHERE i.space = t.space AND i.value = t.shared AND i.live_since IS NOT NULL
      AND i.id NOT IN (SELECT indicator FROM turned))
  GROUP BY space, shared`)

/** Answers how many indicators were touched. */
export function settle(db: Database, { now, why }: { now: number; why: string }): number {
  db.exec(TURNED)
  db.exec(COUNT_SINGLE)
  db.exec(COUNT_SHARED)
  db.prepare(CLOSE_HISTORY).run({ now, why })
  db.prepare(TURN).run({ now })
  settleSpelled(db)
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

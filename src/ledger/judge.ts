/**
 * What would applying the staged pull do? Counts for the guard, and the list of attributes that the
 * pull takes away, with the cause of each. Reads the ledger, writes only to the staging.
 */
import type { Database } from './sqlite.js'

/** A row that left this window is expired, not absent: `column` < `before`. */
export interface Window {
  readonly column: 'timestamp' | 'publish_timestamp' | 'event_timestamp'
  /** Epoch seconds. */
  readonly before: number
}

export interface JudgeOptions {
  /** The source's id. */
  readonly source: number
  readonly window?: Window
  /**
   * The types asked for, where the filters have changed: others leave by the filter, and so does what
   * was taken of events that nobody has published yet.
   */
  readonly types?: readonly string[]
}

/** Numbers of attributes that carry an indicator. */
export interface Judgement {
  /** In the ledger before. */
  readonly live: number
  readonly added: number
  /** Deleted, `to_ids` off, a tag or a filter that excludes. */
  readonly explicit: number
  /** Not in a believable answer any more. */
  readonly absent: number
  /** Left a time window. */
  readonly expired: number
}

const MISSING_OR_GONE = `
  INSERT INTO stage.removal
  SELECT a.id, a.event, coalesce(s.gone, 'absent'), a.aside IS NULL
  FROM stage.event se
  CROSS JOIN event e ON e.source = :source AND e.uuid = se.uuid
  CROSS JOIN attribute a ON a.event = e.id
  LEFT JOIN stage.attribute s ON s.event = se.id AND s.uuid = a.uuid
  WHERE CASE WHEN s.id IS NULL THEN NOT se.incomplete ELSE s.gone <> 'unread' END`

const DEPARTED = `
  INSERT OR IGNORE INTO stage.removal
  SELECT a.id, a.event, 'absent', a.aside IS NULL
  FROM stage.departure d
  CROSS JOIN event e ON e.source = :source AND e.uuid = d.event
  CROSS JOIN attribute a ON a.event = e.id`

const ADDED = `
  SELECT count(*) AS n
  FROM stage.event se
  CROSS JOIN stage.attribute s ON s.event = se.id
  LEFT JOIN event e ON e.source = :source AND e.uuid = se.uuid
  WHERE se.removals_only = 0 AND s.gone IS NULL AND s.aside IS NULL
    AND NOT EXISTS (SELECT 1 FROM attribute a WHERE a.event = e.id AND a.uuid = s.uuid)`

const COLUMNS = {
  timestamp: 'a.timestamp',
  publish_timestamp: 'e.publish_timestamp',
  event_timestamp: 'e.timestamp',
} as const

export function judge(db: Database, options: JudgeOptions): Judgement {
  const { source } = options
  db.exec('DELETE FROM stage.removal')
  db.prepare(MISSING_OR_GONE).run({ source })
  db.prepare(DEPARTED).run({ source })
  if (options.window) markExpired(db, options.window)
  if (options.types) markFiltered(db, options.types)
  const removals = countRemovals(db)
  const { absent = 0, expired = 0, ...explicit } = removals
  return {
    live: liveAttributes(db, source),
    added: (db.prepare(ADDED).get({ source }) as { n: number }).n,
    explicit: Object.values(explicit).reduce((sum, n) => sum + n, 0),
    absent,
    expired,
  }
}

/** Uuids of what the judged pull takes away without a word. */
export function absentAttributes(db: Database): string[] {
  const rows = db
    .prepare(
      `SELECT DISTINCT a.uuid FROM stage.removal r JOIN attribute a ON a.id = r.attribute
       WHERE r.cause = 'absent'`,
    )
    .all() as { uuid: string }[]
  return rows.map(({ uuid }) => uuid)
}

/** Attributes of the source that carry an indicator. */
export function liveAttributes(db: Database, source: number): number {
  const row = db
    .prepare('SELECT coalesce(sum(attributes), 0) AS n FROM event WHERE source = ?')
    .get(source)
  return (row as { n: number }).n
}

function markExpired(db: Database, { column, before }: Window): void {
  db.prepare(
    `UPDATE stage.removal SET cause = 'expired' WHERE cause = 'absent' AND attribute IN (
       SELECT r.attribute FROM stage.removal r
       JOIN attribute a ON a.id = r.attribute JOIN event e ON e.id = r.event
       WHERE r.cause = 'absent' AND ${COLUMNS[column]} < ?)`,
  ).run(before)
}

function markFiltered(db: Database, types: readonly string[]): void {
  db.prepare(
    `UPDATE stage.removal SET cause = 'filter' WHERE cause = 'absent' AND attribute IN (
       SELECT r.attribute FROM stage.removal r JOIN attribute a ON a.id = r.attribute
       WHERE a.type NOT IN (SELECT value FROM json_each(?))
         OR r.event IN (SELECT e.id FROM stage.event se JOIN event e ON e.uuid = se.uuid
                        WHERE se.removals_only AND se.publish_timestamp = 0))`,
  ).run(JSON.stringify(types))
}

function countRemovals(db: Database): Record<string, number> {
  const rows = db
    .prepare('SELECT cause, sum(counts) AS n FROM stage.removal GROUP BY cause')
    .all() as { cause: string; n: number }[]
  return Object.fromEntries(rows.map((row) => [row.cause, row.n]))
}

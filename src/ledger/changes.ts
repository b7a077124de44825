/** The change log: how long it is, how far each sink has got in it, and what of it can go. */
import { pruneSpelled } from './spelled.js'
import type { Database } from './sqlite.js'

export function headSeq(db: Database): number {
  const row = db.prepare(`SELECT seq FROM sqlite_sequence WHERE name = 'change'`).get()
  return (row as { seq: number } | undefined)?.seq ?? 0
}

export interface Cursor {
  readonly sink: string
  readonly seq: number
  readonly settings: string
  readonly at: number
}

export function readCursors(db: Database): Cursor[] {
  return db
    .prepare('SELECT sink, seq, settings, at FROM cursor ORDER BY sink')
    .all() as unknown as Cursor[]
}

export function moveCursor(db: Database, { sink, seq, settings, at }: Cursor): void {
  db.prepare(
    `INSERT INTO cursor VALUES (:sink, :seq, :settings, :at)
     ON CONFLICT DO UPDATE SET seq = excluded.seq, settings = excluded.settings, at = excluded.at`,
  ).run({ sink, seq, settings, at })
}

/**
 * Forgets sinks that the config no longer names, then the changes that every sink has got. One without a
 * cursor needs no old change, since it is rebuilt from the present state; but that may be under way, and
 * then it needs whatever is changed meanwhile: so nothing goes before it has got its first cursor.
 */
export function pruneChanges(db: Database, sinks: readonly string[]): number {
  const named = JSON.stringify(sinks)
  db.prepare('DELETE FROM cursor WHERE sink NOT IN (SELECT value FROM json_each(?))').run(named)
  const { changes } = db
    .prepare(
      `DELETE FROM change
       WHERE seq <= (SELECT coalesce(min(seq), 9223372036854775807) FROM cursor)
         AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE value NOT IN (SELECT sink FROM cursor))`,
    )
    .run(named)
  pruneSpelled(db)
  return Number(changes)
}

/** What a sink does not take, with its reason. */
import type { Database } from './sqlite.js'

export interface SinkAside {
  readonly sink: string
  readonly item: string
  readonly reason: string
  readonly at: number
}

export function setSinkAside(db: Database, entries: readonly SinkAside[]): void {
  const insert = db.prepare('INSERT OR REPLACE INTO sink_aside VALUES (?,?,?,?)')
  for (const { sink, item, reason, at } of entries) insert.run(sink, item, reason, at)
}

/** These keys are tried again; null: all. */
export function clearSinkAside(
  db: Database,
  { sink, items }: { sink: string; items: readonly string[] | null },
): void {
  db.prepare(
    'DELETE FROM sink_aside WHERE sink = ? AND (? OR item IN (SELECT value FROM json_each(?)))',
  ).run(sink, Number(items === null), JSON.stringify(items ?? []))
}

export function hasSinkAside(db: Database, sink: string): boolean {
  return db.prepare('SELECT 1 FROM sink_aside WHERE sink = ? LIMIT 1').get(sink) !== undefined
}

export function readSinkAside(db: Database, limit: number): SinkAside[] {
  return db
    .prepare('SELECT sink, item, reason, at FROM sink_aside ORDER BY sink, item LIMIT ?')
    .all(limit) as unknown as SinkAside[]
}

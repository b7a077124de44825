/** What the ledger knows of its sources: known events, believed levels, what the guard withholds. */
import { settle } from './settle.js'
import { type Database, inTransaction } from './sqlite.js'

export interface SourceRow {
  readonly id: number
  readonly name: string
  readonly place: number
  readonly settings: string
  readonly identity: string | null
  readonly lastGood: number | null
}

export interface KnownEvent {
  readonly uuid: string
  readonly mispId: string
  readonly timestamp: number
  /** 0: never published. */
  readonly publishTimestamp: number
  readonly published: boolean
  readonly recheck: boolean
  readonly absentSince: number | null
  /** That carry an indicator. */
  readonly attributes: number
}

export interface Withheld {
  readonly id: string
  /** null: of the policy. */
  readonly source: string | null
  readonly kind: 'revocations' | 'additions' | 'policy'
  readonly why: string
  readonly items: number
  readonly live: number
  readonly at: number
}

/** Sources as the config names them, in its order; others stay, out of the config. */
export function registerSources(db: Database, names: readonly string[]): SourceRow[] {
  inTransaction(db, () => {
    const before = inOrder(readSources(db))
    db.exec('UPDATE source SET place = -1')
    const upsert = db.prepare(
      `INSERT INTO source (name, place) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET place = excluded.place`,
    )
    for (const [place, name] of names.entries()) upsert.run(name, place)
    const after = inOrder(readSources(db)).filter((name) => before.includes(name))
    if (before.join() !== after.join()) db.exec(TOLD_BY_ANOTHER)
  })
  return readSources(db)
}

/** What several sources have is told as the first of them has it: sinks are to tell it anew. */
const TOLD_BY_ANOTHER = `
  INSERT INTO change (indicator)
  SELECT c.indicator FROM carrier c
  JOIN attribute a ON a.id = c.attribute JOIN event e ON e.id = a.event
  GROUP BY c.indicator HAVING count(DISTINCT e.source) > 1`

/** Names as the config has them; those that it no longer has count last. */
function inOrder(sources: readonly SourceRow[]): string[] {
  const named = sources.filter(({ place }) => place >= 0)
  return [...named, ...sources.filter(({ place }) => place < 0)].map(({ name }) => name)
}

export function readSources(db: Database): SourceRow[] {
  return db
    .prepare(
      'SELECT id, name, place, settings, identity, last_good AS lastGood FROM source ORDER BY place, id',
    )
    .all() as unknown as SourceRow[]
}

export function knownEvents(db: Database, source: number): KnownEvent[] {
  const rows = db.prepare(
    `SELECT uuid, misp_id, timestamp, publish_timestamp, published, recheck, absent_since, attributes
     FROM event WHERE source = ?`,
  )
  rows.setReturnArrays(true)
  return (rows.all(source) as unknown as EventRow[]).map(toKnownEvent)
}

type EventRow = [
  uuid: string,
  mispId: string,
  timestamp: number,
  publishTimestamp: number,
  published: number,
  recheck: number,
  absentSince: number | null,
  attributes: number,
]

function toKnownEvent(row: EventRow): KnownEvent {
  const [uuid, mispId, timestamp, publishTimestamp, published, recheck, absentSince, attributes] =
    row
  return {
    uuid,
    mispId,
    timestamp,
    publishTimestamp,
    published: published === 1,
    recheck: recheck === 1,
    absentSince,
    attributes,
  }
}

/**
 * Remembers since when these events are gone from the index, and that all others are there. A time that is
 * still to come was told by a clock that has been put right since.
 */
export function markAbsent(
  db: Database,
  { source, uuids, now }: { source: number; uuids: readonly string[]; now: number },
): void {
  inTransaction(db, () => {
    const list = JSON.stringify(uuids)
    db.prepare(
      `UPDATE event SET absent_since = NULL WHERE source = ? AND absent_since IS NOT NULL
         AND uuid NOT IN (SELECT value FROM json_each(?))`,
    ).run(source, list)
    db.prepare(
      `UPDATE event SET absent_since = :now
       WHERE source = :source AND coalesce(absent_since > :now, 1)
         AND uuid IN (SELECT value FROM json_each(:list))`,
    ).run({ now, source, list })
  })
}

export interface Accepted {
  readonly source: number
  /** MISP's time, not ours. */
  readonly at: number
  readonly settings: string
  readonly identity: string | null
  readonly live: number
  readonly absent: number
  /** The state now is the one to compare with: what was before does not count any more. */
  readonly rebase?: boolean
}

/** A believable answer has been applied. */
export function acceptPull(db: Database, pull: Accepted): void {
  inTransaction(db, () => {
    db.prepare(
      `UPDATE source SET last_good = ?, settings = ?, identity = coalesce(?, identity) WHERE id = ?`,
    ).run(pull.at, pull.settings, pull.identity, pull.source)
    const since = pull.rebase ? Number.MAX_SAFE_INTEGER : levelSince(db, pull.source, pull.at)
    db.prepare('DELETE FROM level WHERE source = ? AND at < ?').run(pull.source, since)
    db.prepare(
      `INSERT INTO level VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET live = max(live, excluded.live), absent = absent + excluded.absent`,
    ).run(pull.source, pull.at, pull.live, pull.rebase ? 0 : pull.absent)
  })
}

/** The guard looks this far back, so that slow bleeding counts. */
const LEVEL_SECONDS = 24 * 3600

/** The most that was live, and what has been revoked by absence, in the last 24 h. */
export function recentLevel(
  db: Database,
  { source, now }: { source: number; now: number },
): { most: number; absent: number } {
  const row = db
    .prepare(
      `SELECT coalesce(max(live), 0) AS most,
              coalesce(sum(CASE WHEN at >= :from THEN absent END), 0) AS absent
       FROM level WHERE source = :source AND at >= :since`,
    )
    .get({ source, from: now - LEVEL_SECONDS, since: levelSince(db, source, now) })
  return { ...(row as { most: number; absent: number }) }
}

/** The level that held when the 24 h began was written earlier. */
function levelSince(db: Database, source: number, now: number): number {
  const from = now - LEVEL_SECONDS
  const row = db
    .prepare('SELECT coalesce(max(at), ?) AS at FROM level WHERE source = ? AND at <= ?')
    .get(from, source, from)
  return (row as { at: number }).at
}

/** Only touches the source's time: nothing had changed. */
export function touchSource(db: Database, { source, at }: { source: number; at: number }): void {
  db.prepare('UPDATE source SET last_good = ? WHERE id = ?').run(at, source)
}

export interface NewWithheld {
  readonly id: string
  /** null: of the policy. */
  readonly source: number | null
  readonly kind: Withheld['kind']
  readonly why: string
  readonly items: number
  readonly live: number
  readonly at: number
}

/**
 * Remembers what is withheld, item by item out of the staging, so that accepting it lets through
 * that and nothing larger. Replaces what was withheld of this source and kind before.
 */
export function withhold(db: Database, entry: NewWithheld): void {
  inTransaction(db, () => {
    clearWithheld(db, { source: entry.source, kind: entry.kind })
    db.prepare('INSERT INTO withheld VALUES (?,?,?,?,?,?,?)').run(
      entry.id,
      entry.source,
      entry.kind,
      entry.why,
      entry.items,
      entry.live,
      entry.at,
    )
    if (entry.kind === 'policy') return
    const items = entry.kind === 'revocations' ? STAGED_ABSENT : STAGED_ADDED
    db.prepare(`INSERT OR IGNORE INTO withheld_item ${items}`).run({
      id: entry.id,
      source: entry.source,
    })
  })
}

const STAGED_ABSENT = `
  SELECT :id, e.uuid, a.uuid FROM stage.removal r
  JOIN attribute a ON a.id = r.attribute JOIN event e ON e.id = r.event AND e.source = :source
  WHERE r.cause = 'absent'`

const STAGED_ADDED = `
  SELECT :id, se.uuid, s.uuid FROM stage.event se JOIN stage.attribute s ON s.event = se.id
  LEFT JOIN event e ON e.source = :source AND e.uuid = se.uuid
  WHERE se.removals_only = 0 AND s.gone IS NULL
    AND NOT EXISTS (SELECT 1 FROM attribute a WHERE a.event = e.id AND a.uuid = s.uuid)`

/** How much of what is staged goes beyond what was withheld under this id. */
export function beyondWithheld(
  db: Database,
  { id, source, kind }: { id: string; source: number; kind: 'revocations' | 'additions' },
): number {
  const items = kind === 'revocations' ? STAGED_ABSENT : STAGED_ADDED
  const row = db
    .prepare(
      `SELECT count(*) AS n FROM (${items} EXCEPT SELECT :id, event, attribute FROM withheld_item
       WHERE withheld = :id)`,
    )
    .get({ id, source })
  return (row as { n: number }).n
}

export function clearWithheld(
  db: Database,
  { source, kind }: { source: number | null; kind: Withheld['kind'] },
): void {
  db.prepare(
    `DELETE FROM withheld_item WHERE withheld IN
       (SELECT id FROM withheld WHERE source IS ? AND kind = ?)`,
  ).run(source, kind)
  db.prepare('DELETE FROM withheld WHERE source IS ? AND kind = ?').run(source, kind)
}

export function readWithheld(db: Database): Withheld[] {
  return db
    .prepare(
      `SELECT w.id, s.name AS source, w.kind, w.why, w.items, w.live, w.at
       FROM withheld w LEFT JOIN source s ON s.id = w.source ORDER BY w.at, w.id`,
    )
    .all() as unknown as Withheld[]
}

export function withheldItems(
  db: Database,
  id: string,
  limit: number,
): { event: string; attribute: string }[] {
  return db
    .prepare('SELECT event, attribute FROM withheld_item WHERE withheld = ? LIMIT ?')
    .all(id, limit) as { event: string; attribute: string }[]
}

/** Takes a source that is out of the config, and all it brought, out of the ledger. */
export function forgetSource(
  db: Database,
  { source, now }: { source: number; now: number },
): number {
  return inTransaction(db, () => {
    const its = 'SELECT a.id FROM event e JOIN attribute a ON a.event = e.id WHERE e.source = ?'
    db.prepare(
      `INSERT OR IGNORE INTO touched SELECT indicator FROM carrier WHERE attribute IN (${its})`,
    ).run(source)
    const { changes } = db.prepare(`DELETE FROM carrier WHERE attribute IN (${its})`).run(source)
    settle(db, { now, why: 'source forgotten' })
    db.prepare(`DELETE FROM attribute WHERE id IN (${its})`).run(source)
    db.prepare('DELETE FROM event WHERE source = ?').run(source)
    db.prepare('DELETE FROM level WHERE source = ?').run(source)
    for (const kind of ['revocations', 'additions', 'policy'] as const)
      clearWithheld(db, { source, kind })
    db.prepare('DELETE FROM source WHERE id = ?').run(source)
    return Number(changes)
  })
}

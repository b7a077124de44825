/**
 * Deriving again without a pull: the policy, the lists or the normaliser changed, or a verdict's time
 * came. The caller reads attributes with their present carriers, judges them, and hands back those
 * whose carriers are to be others; the ledger counts, applies and logs.
 */
import { attachCarriers } from './apply.js'
import { SERVED, settle } from './settle.js'
import { type Database, inTransaction } from './sqlite.js'
import type { StagedMeaning, Staging } from './staging.js'

/** An attribute with all that judging it needs. */
export interface Derivable {
  readonly id: number
  readonly type: string
  readonly value: string
  readonly timestamp: number
  readonly lastSeen: number | null
  readonly tags: readonly string[]
  readonly eventTags: readonly string[]
  readonly aside: string | null
  /** The present carriers, in the form that deriving yields; order is not kept. */
  readonly meanings: readonly StagedMeaning[]
}

export interface Rederived {
  readonly id: number
  readonly aside: string | null
  readonly meanings: readonly StagedMeaning[]
}

interface Row {
  id: number
  type: string
  value: string
  timestamp: number
  lastSeen: number | null
  tags: string
  eventTags: string
  aside: string | null
}

const ATTRIBUTE = `
  SELECT a.id, a.type, a.value, a.timestamp, a.last_seen AS lastSeen, a.tags, e.tags AS eventTags, a.aside
  FROM attribute a JOIN event e ON e.id = a.event`

const CARRIERS = `
  SELECT i.space, i.value, i.port, c.alias, c.weak, c.held_rule AS heldRule, c.held_why AS heldWhy,
         c.labels, c.recheck_at AS recheckAt
  FROM carrier c JOIN indicator i ON i.id = c.indicator WHERE c.attribute = ?`

/** All attributes, by growing id. */
export function derivablesAfter(db: Database, after: number, limit: number): Derivable[] {
  return derivables(db, `${ATTRIBUTE} WHERE a.id > ? ORDER BY a.id LIMIT ?`, [after, limit])
}

/** Attributes with a carrier whose verdict may be another one by `now`. */
export function derivablesDue(db: Database, now: number, limit: number): Derivable[] {
  const due = 'SELECT attribute FROM carrier WHERE recheck_at <= ? ORDER BY recheck_at LIMIT ?'
  return derivables(db, `${ATTRIBUTE} WHERE a.id IN (${due})`, [now, limit])
}

function derivables(db: Database, sql: string, params: readonly number[]): Derivable[] {
  const carriers = db.prepare(CARRIERS)
  const rows = db.prepare(sql).all(...params) as unknown as Row[]
  return rows.map((row) => ({
    ...row,
    tags: JSON.parse(row.tags) as string[],
    eventTags: JSON.parse(row.eventTags) as string[],
    meanings: (carriers.all(row.id) as unknown as CarrierRow[]).map(toMeaning),
  }))
}

type CarrierRow = Omit<StagedMeaning, 'alias' | 'weak' | 'labels'> & {
  alias: number
  weak: number
  labels: string | null
}

function toMeaning(row: CarrierRow): StagedMeaning {
  return {
    ...row,
    alias: row.alias === 1,
    weak: row.weak === 1,
    labels: row.labels === null ? [] : (JSON.parse(row.labels) as string[]),
  }
}

/** How many indicators live now would these leave without a served carrier? Changes nothing. */
export function countStops(db: Database, rows: readonly Rederived[]): number {
  const live = db.prepare(
    `SELECT count(DISTINCT c.indicator) AS n FROM carrier c JOIN indicator i ON i.id = c.indicator
     WHERE c.attribute = ? AND i.live_since IS NOT NULL AND ${SERVED}`,
  )
  let stops = 0
  for (const row of rows) {
    const before = (live.get(row.id) as { n: number }).n
    const after = row.meanings.filter((meaning) => meaning.heldRule === null).length
    stops += Math.max(0, before - after)
  }
  return stops
}

/** Gives each attribute exactly these carriers. One transaction. */
export function rederive(
  db: Database,
  staging: Staging,
  { rows, now, why }: { rows: readonly Rederived[]; now: number; why: string },
): void {
  inTransaction(db, () => {
    stageMeanings(db, staging, rows)
    attachCarriers(db, { now })
    settle(db, { now, why })
    recount(db)
  })
}

function stageMeanings(db: Database, staging: Staging, rows: readonly Rederived[]): void {
  db.exec('DELETE FROM fresh; DELETE FROM former; DELETE FROM stage.meaning')
  const fresh = db.prepare('INSERT INTO fresh VALUES (?, ?, 1)')
  const aside = db.prepare('UPDATE attribute SET aside = ? WHERE id = ?')
  for (const row of rows) {
    fresh.run(row.id, row.id)
    aside.run(row.aside, row.id)
    staging.addMeanings(row.id, row.meanings)
  }
}

function recount(db: Database): void {
  db.exec(
    `UPDATE event SET attributes = (
       SELECT count(*) FROM attribute a WHERE a.event = event.id AND a.aside IS NULL)
     WHERE id IN (SELECT a.event FROM fresh f JOIN attribute a ON a.id = f.id)`,
  )
}

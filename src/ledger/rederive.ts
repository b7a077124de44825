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

export interface Stops {
  /** Indicators that are live now, and would not be. */
  readonly stops: number
  /** Indicators that are live now. */
  readonly live: number
}

/** Begins to count what a change of the policy would stop; `addStops` is told of it page by page. */
export function beginStops(db: Database): void {
  db.exec('DELETE FROM stopping; DELETE FROM starting')
}

export function addStops(db: Database, rows: readonly Rederived[]): void {
  const served = db.prepare(
    `SELECT i.id, i.space, i.value, i.port FROM carrier c JOIN indicator i ON i.id = c.indicator
     WHERE c.attribute = ? AND ${SERVED}`,
  )
  const stop = db.prepare('INSERT OR IGNORE INTO stopping VALUES (?, ?)')
  const start = db.prepare('INSERT OR IGNORE INTO starting VALUES (?, ?, ?)')
  for (const { id, meanings } of rows) {
    const wanted = meanings.filter(({ heldRule }) => heldRule === null)
    for (const old of served.all(id) as unknown as (StagedMeaning & { id: number })[]) {
      if (!wanted.some((meaning) => isSame(meaning, old))) stop.run(old.id, id)
    }
    for (const { space, value, port } of wanted) start.run(space, value, port)
  }
}

/** An indicator stops when all its served carriers do, and no attribute takes it up. Changes nothing. */
export function countStops(db: Database): Stops {
  const row = db
    .prepare(
      `SELECT (SELECT count(*) FROM indicator WHERE live_since IS NOT NULL) AS live,
              (SELECT count(*) FROM (SELECT indicator, count(*) AS n FROM stopping GROUP BY indicator) s
               JOIN indicator i ON i.id = s.indicator
               WHERE s.n = (SELECT count(*) FROM carrier c WHERE c.indicator = i.id AND ${SERVED})
                 AND NOT EXISTS (SELECT 1 FROM starting t WHERE t.space = i.space
                                 AND t.value = i.value AND t.port = i.port)) AS stops`,
    )
    .get() as unknown as Stops
  return { ...row }
}

function isSame(a: HasKey, b: HasKey): boolean {
  return a.space === b.space && a.value === b.value && a.port === b.port
}

type HasKey = Pick<StagedMeaning, 'space' | 'value' | 'port'>

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

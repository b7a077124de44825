/**
 * Applying a judged staging to the ledger, whole events at a time: each batch is one transaction, so
 * that a reader and a crash see an event either as it was or as it is now.
 */
import { holdFresh } from './holds.js'
import { settle } from './settle.js'
import { type Database, inTransaction } from './sqlite.js'
import type { Staging } from './staging.js'

export interface ApplyOptions {
  /** The source's id. */
  readonly source: number
  /** Epoch seconds. */
  readonly now: number
  readonly withholdAbsent: boolean
  readonly withholdAdded: boolean
}

export interface ApplyResult {
  added: number
  changed: number
  removed: Record<string, number>
}

/** Attributes a transaction; small enough that a hold by hand never waits long. */
const BATCH = 20_000

/** Applies one batch at each `next`; answers the sums. */
export function* applyStaging(
  db: Database,
  staging: Staging,
  options: ApplyOptions,
): Generator<void, ApplyResult> {
  const result: ApplyResult = { added: 0, changed: 0, removed: {} }
  for (const events of departedBatches(db, options)) {
    inTransaction(db, () => removeDeparted(db, { events, options, result }))
    yield
  }
  for (const range of staging.batches(BATCH)) {
    inTransaction(db, () => applyRange(db, { range, options, result }))
    yield
  }
  return result
}

/** Ids of events that go whole, in lists of about a batch's size. */
function departedBatches(db: Database, { source, withholdAbsent }: ApplyOptions): number[][] {
  // Withheld: the events stay, but for those that lose nothing or leave by a window or filter.
  const stays = `EXISTS (SELECT 1 FROM stage.removal r WHERE r.event = e.id AND r.cause = 'absent')`
  const rows = db
    .prepare(
      `SELECT e.id, e.attributes AS size FROM stage.departure d
       JOIN event e ON e.source = ? AND e.uuid = d.event
       ${withholdAbsent ? `WHERE NOT ${stays}` : ''} ORDER BY e.id`,
    )
    .all(source) as { id: number; size: number }[]
  const batches: number[][] = []
  let held = BATCH
  for (const { id, size } of rows) {
    if (held + size >= BATCH) {
      batches.push([])
      held = 0
    }
    batches.at(-1)!.push(id)
    held += size + 1
  }
  return batches
}

interface Departed {
  events: readonly number[]
  options: ApplyOptions
  result: ApplyResult
}

function removeDeparted(db: Database, { events, options, result }: Departed): void {
  const list = JSON.stringify(events)
  const inBatch = 'r.event IN (SELECT value FROM json_each(?))'
  takeAway(db, { where: inBatch, params: [list], options, result })
  db.prepare('DELETE FROM event WHERE id IN (SELECT value FROM json_each(?))').run(list)
}

interface Range {
  range: { from: number; to: number }
  options: ApplyOptions
  result: ApplyResult
}

function applyRange(db: Database, { range, options, result }: Range): void {
  db.exec('DELETE FROM batch_event; DELETE FROM fresh; DELETE FROM former')
  upsertEvents(db, { range, options })
  // In this order: an attribute that has just been inserted would else look known.
  const changed = updateAttributes(db)
  const added = options.withholdAdded ? 0 : insertAttributes(db, options)
  attachCarriers(db, options)
  takeAway(db, {
    where: `r.event IN (SELECT id FROM batch_event)
            ${options.withholdAbsent ? `AND r.cause <> 'absent'` : ''}`,
    params: [],
    options,
    result,
  })
  countAttributes(db)
  result.added += added
  result.changed += changed
}

function upsertEvents(db: Database, { range, options }: Omit<Range, 'result'>): void {
  db.prepare(
    `INSERT INTO batch_event
     SELECT s.id, coalesce(e.id, 0), e.id IS NOT NULL,
            e.id IS NOT NULL AND (e.info <> s.info OR e.tags <> s.tags OR e.misp_id <> s.misp_id
              OR e.orgc <> s.orgc OR e.threat_level <> s.threat_level),
            s.removals_only
     FROM stage.event s LEFT JOIN event e ON e.source = :source AND e.uuid = s.uuid
     WHERE s.id > :from AND s.id <= :to`,
  ).run({ source: options.source, from: range.from, to: range.to })
  // While an event is unpublished, what is told of it stays as last published.
  db.prepare(
    `INSERT INTO event (source, uuid, misp_id, timestamp, published, publish_timestamp, info, orgc,
                        tags, threat_level, recheck, absent_since)
     SELECT :source, s.uuid, s.misp_id, s.timestamp, s.published, s.publish_timestamp,
            CASE WHEN s.removals_only THEN coalesce(e.info, s.info) ELSE s.info END, s.orgc,
            CASE WHEN s.removals_only THEN coalesce(e.tags, s.tags) ELSE s.tags END,
            CASE WHEN s.removals_only THEN coalesce(e.threat_level, s.threat_level) ELSE s.threat_level END,
            max(s.recheck, :unsettled), NULL
     FROM stage.event s LEFT JOIN event e ON e.source = :source AND e.uuid = s.uuid
     WHERE s.id > :from AND s.id <= :to
     ON CONFLICT (source, uuid) DO UPDATE SET
       misp_id = excluded.misp_id, timestamp = excluded.timestamp, published = excluded.published,
       publish_timestamp = excluded.publish_timestamp, info = excluded.info, tags = excluded.tags,
       orgc = excluded.orgc, threat_level = excluded.threat_level, recheck = excluded.recheck, absent_since = NULL`,
  ).run({
    source: options.source,
    unsettled: Number(options.withholdAbsent || options.withholdAdded),
    from: range.from,
    to: range.to,
  })
  db.prepare(
    `UPDATE batch_event SET id = (
       SELECT e.id FROM event e JOIN stage.event s ON s.uuid = e.uuid
       WHERE e.source = ? AND s.id = batch_event.stage)
     WHERE id = 0`,
  ).run(options.source)
}

/** New attributes get the id of their staged row plus one offset, so that no join has to find it. */
function insertAttributes(db: Database, { now }: ApplyOptions): number {
  const { base } = db
    .prepare(`SELECT coalesce(max(seq), 0) AS base FROM sqlite_sequence WHERE name = 'attribute'`)
    .get() as { base: number }
  db.prepare(
    `INSERT INTO fresh
     SELECT s.id, :base + s.id, 0
     FROM batch_event b CROSS JOIN stage.attribute s ON s.event = b.stage
     WHERE b.removals_only = 0 AND s.gone IS NULL
       AND (b.known = 0
         OR NOT EXISTS (SELECT 1 FROM attribute a WHERE a.event = b.id AND a.uuid = s.uuid))`,
  ).run({ base })
  const { changes } = db
    .prepare(
      `INSERT INTO attribute
       SELECT f.id, b.id, s.uuid, s.type, s.value, s.timestamp, s.first_seen, s.last_seen, s.tags,
              :now, s.aside
       FROM fresh f CROSS JOIN stage.attribute s ON s.id = f.stage
       CROSS JOIN batch_event b ON b.stage = s.event
       WHERE f.known = 0 ORDER BY f.stage`,
    )
    .run({ now })
  return Number(changes)
}

/** Known attributes that differ, and all of an event of which something else is told now. */
function updateAttributes(db: Database): number {
  db.exec(
    `INSERT INTO fresh
     SELECT s.id, a.id, 1
     FROM batch_event b
     CROSS JOIN stage.attribute s ON s.event = b.stage
     CROSS JOIN attribute a ON a.event = b.id AND a.uuid = s.uuid
     WHERE b.known = 1 AND b.removals_only = 0 AND s.gone IS NULL
       AND (b.moved OR a.type <> s.type OR a.value <> s.value OR a.timestamp <> s.timestamp
         OR a.first_seen IS NOT s.first_seen OR a.last_seen IS NOT s.last_seen
         OR a.tags <> s.tags OR a.aside IS NOT s.aside)`,
  )
  db.exec(
    `UPDATE attribute SET type = s.type, value = s.value, timestamp = s.timestamp,
       first_seen = s.first_seen, last_seen = s.last_seen, tags = s.tags, aside = s.aside
     FROM fresh f JOIN stage.attribute s ON s.id = f.stage
     WHERE f.known = 1 AND attribute.id = f.id`,
  )
  const row = db.prepare('SELECT count(*) AS n FROM fresh WHERE known = 1').get()
  return (row as { n: number }).n
}

/** Gives the fresh attributes the carriers that their staged meanings ask for. */
export function attachCarriers(db: Database, { now }: { now: number }): void {
  db.exec(
    `INSERT INTO former SELECT c.indicator, c.attribute, c.since
     FROM fresh f CROSS JOIN carrier c ON c.attribute = f.id WHERE f.known = 1`,
  )
  db.exec(
    `INSERT OR IGNORE INTO lost ${lostSelect(`'changed'`, 'SELECT id FROM fresh WHERE known')}`,
  )
  db.exec('DELETE FROM carrier WHERE attribute IN (SELECT id FROM fresh WHERE known)')
  db.prepare(
    `INSERT OR IGNORE INTO carrier
     SELECT m.indicator, f.id, m.alias, m.weak,
            coalesce((SELECT o.since FROM former o
                      WHERE f.known AND o.indicator = m.indicator AND o.attribute = f.id), :now),
            m.held_rule, m.held_why, NULL, m.labels, m.recheck_at
     FROM fresh f CROSS JOIN stage.meaning m ON m.attribute = f.stage
     ORDER BY m.indicator, f.id`,
  ).run({ now })
  db.exec(
    `INSERT OR IGNORE INTO touched SELECT indicator FROM former;
     INSERT OR IGNORE INTO touched
     SELECT m.indicator FROM fresh f CROSS JOIN stage.meaning m ON m.attribute = f.stage`,
  )
  holdFresh(db)
}

interface Removals {
  /** Which rows `r` of stage.removal. */
  where: string
  params: readonly string[]
  options: ApplyOptions
  result: ApplyResult
}

function takeAway(db: Database, { where, params, options, result }: Removals): void {
  const counts = db
    .prepare(`SELECT r.cause, count(*) AS n FROM stage.removal r WHERE ${where} GROUP BY r.cause`)
    .all(...params) as { cause: string; n: number }[]
  const going = `SELECT r.attribute FROM stage.removal r WHERE ${where}`
  if (counts.length > 0) {
    db.prepare(
      `INSERT OR REPLACE INTO lost ${lostSelect(`(SELECT r.cause FROM stage.removal r WHERE r.attribute = a.id)`, going)}`,
    ).run(...params)
    db.prepare(
      `INSERT OR IGNORE INTO touched SELECT c.indicator FROM carrier c WHERE c.attribute IN (${going})`,
    ).run(...params)
    db.prepare(`DELETE FROM carrier WHERE attribute IN (${going})`).run(...params)
  }
  settle(db, { now: options.now, why: 'changed' })
  if (counts.length > 0) db.prepare(`DELETE FROM attribute WHERE id IN (${going})`).run(...params)
  for (const { cause, n } of counts) result.removed[cause] = (result.removed[cause] ?? 0) + n
}

/** Rows for `lost`: what the carriers of these attributes are told to have been, for the history. */
function lostSelect(cause: string, attributes: string): string {
  return `
    SELECT c.indicator, ${cause},
           json_object('source', so.name, 'event', e.misp_id, 'event_uuid', e.uuid, 'info', e.info,
                       'attribute', a.uuid, 'type', a.type)
    FROM carrier c JOIN attribute a ON a.id = c.attribute JOIN event e ON e.id = a.event
    JOIN source so ON so.id = e.source
    WHERE c.attribute IN (${attributes})`
}

function countAttributes(db: Database): void {
  db.exec(
    `UPDATE event SET attributes = (
       SELECT count(*) FROM attribute a WHERE a.event = event.id AND a.aside IS NULL)
     WHERE id IN (SELECT id FROM batch_event)`,
  )
}

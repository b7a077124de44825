/**
 * Holds by hand: the kill switch. A hold names values or an event; what it holds is served nowhere
 * until it is released or runs out, whatever the sources and the policy say, `allow` included.
 */
import { settle } from './settle.js'
import { type Database, inTransaction } from './sqlite.js'

export interface HoldTarget {
  readonly space: string
  readonly value: string
  /** 0: whatever the port. */
  readonly port: number
}

export interface NewHold {
  /** As the user named it. */
  readonly target: string
  readonly targets: readonly HoldTarget[]
  /** uuid of an event to hold, or null. */
  readonly event: string | null
  readonly author: string
  readonly why: string
  /** Epoch seconds; null: until released. */
  readonly until: number | null
}

export interface Hold {
  readonly id: number
  readonly target: string
  readonly event: string | null
  readonly author: string
  readonly why: string
  readonly at: number
  readonly until: number | null
  readonly endedAt: number | null
  readonly endedBy: string | null
}

const OF_TARGETS = `
  SELECT i.id FROM hold_target t
  JOIN indicator i ON i.space = t.space AND i.value = t.value AND (t.port = 0 OR i.port = t.port)
  WHERE t.hold = h.id`

/** Answers the hold and how many lookup keys it touches. */
export function addHold(db: Database, hold: NewHold, now: number): { hold: Hold; touched: number } {
  return inTransaction(db, () => {
    const { lastInsertRowid } = db
      .prepare('INSERT INTO hold (target, event, author, why, at, until) VALUES (?,?,?,?,?,?)')
      .run(hold.target, hold.event, hold.author, hold.why, now, hold.until)
    const id = Number(lastInsertRowid)
    const target = db.prepare('INSERT OR IGNORE INTO hold_target VALUES (?,?,?,?)')
    for (const { space, value, port } of hold.targets) target.run(id, space, value, port)
    const touched = holdCarriers(db, { id, event: hold.event })
    settle(db, { now, why: 'held by hand' })
    return { hold: readHold(db, id), touched }
  })
}

/** Ends holds; what another active hold or the policy still holds stays held. */
export function endHolds(
  db: Database,
  { ids, by, now }: { ids: readonly number[]; by: string; now: number },
): number {
  if (ids.length === 0) return 0
  return inTransaction(db, () => {
    const list = JSON.stringify(ids)
    const among = 'IN (SELECT value FROM json_each(?))'
    db.prepare(
      `UPDATE hold SET ended_at = ?, ended_by = ? WHERE ended_at IS NULL AND id ${among}`,
    ).run(now, by, list)
    db.prepare(
      `INSERT OR IGNORE INTO touched SELECT c.indicator FROM carrier c WHERE c.hold ${among}`,
    ).run(list)
    db.prepare(`UPDATE carrier SET hold = NULL WHERE hold ${among}`).run(list)
    for (const hold of activeHolds(db)) holdCarriers(db, hold)
    return settle(db, { now, why: 'held by hand' })
  })
}

/** Ends the holds whose time has come; answers their ids. */
export function expireHolds(db: Database, now: number): number[] {
  const due = db.prepare('SELECT id FROM hold WHERE ended_at IS NULL AND until <= ?').all(now) as {
    id: number
  }[]
  const ids = due.map((row) => row.id)
  endHolds(db, { ids, by: 'its time ran out', now })
  return ids
}

/** Puts the active holds on carriers that have just been attached (the table `fresh`). */
export function holdFresh(db: Database): void {
  for (const hold of activeHolds(db)) {
    const named = namedBy(hold)
    db.prepare(
      `UPDATE carrier SET hold = :id
       WHERE hold IS NULL AND attribute IN (SELECT id FROM fresh)
         AND EXISTS (SELECT 1 FROM hold h, carrier c
                     WHERE h.id = :id AND c.indicator = carrier.indicator
                       AND c.attribute = carrier.attribute AND (${named}))`,
    ).run({ id: hold.id })
  }
}

export function activeHolds(db: Database): Hold[] {
  return readHolds(db, 'ended_at IS NULL', [])
}

/** Active holds that name this event, or any of these keys. */
export function holdsOn(
  db: Database,
  { event, targets }: { event: string | null; targets: readonly HoldTarget[] },
): Hold[] {
  const naming = db.prepare('SELECT DISTINCT hold FROM hold_target WHERE space = ? AND value = ?')
  const ids = new Set(
    targets.flatMap(({ space, value }) => naming.all(space, value).map(({ hold }) => Number(hold))),
  )
  return activeHolds(db).filter(
    (hold) => ids.has(hold.id) || (event !== null && hold.event === event),
  )
}

export function allHolds(db: Database): Hold[] {
  return readHolds(db, '1', [])
}

function holdCarriers(db: Database, hold: { id: number; event: string | null }): number {
  db.prepare(
    `INSERT OR IGNORE INTO touched SELECT c.indicator FROM hold h, carrier c
     WHERE h.id = ? AND c.hold IS NULL AND (${namedBy(hold)})`,
  ).run(hold.id)
  const { changes } = db
    .prepare(
      `UPDATE carrier SET hold = :id
       WHERE hold IS NULL AND (indicator, attribute) IN (
         SELECT c.indicator, c.attribute FROM hold h, carrier c WHERE h.id = :id AND (${namedBy(hold)}))`,
    )
    .run({ id: hold.id })
  return Number(changes)
}

/** Only the half of the condition that this hold can meet, so that SQLite goes by an index. */
function namedBy(hold: { event: string | null }): string {
  return hold.event === null
    ? `c.indicator IN (${OF_TARGETS})`
    : `c.attribute IN (SELECT a.id FROM event e JOIN attribute a ON a.event = e.id WHERE e.uuid = h.event)`
}

function readHold(db: Database, id: number): Hold {
  return readHolds(db, 'id = ?', [id])[0]!
}

function readHolds(db: Database, where: string, params: readonly number[]): Hold[] {
  return db
    .prepare(
      `SELECT id, target, event, author, why, at, until, ended_at AS endedAt, ended_by AS endedBy
       FROM hold WHERE ${where} ORDER BY id`,
    )
    .all(...params) as unknown as Hold[]
}

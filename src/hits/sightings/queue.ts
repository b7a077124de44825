/**
 * What MISP is to be told, in `hits.db`. A sighting is open while hits are added to it; `sending` is an
 * intent: after a kill nobody knows whether MISP has it, until MISP is asked. Its time is its identity:
 * no two of one attribute, type and source have the same.
 */
import { type Database, inTransaction } from '../../ledger/sqlite.js'
import type { SightingType } from '../../misp/sightings.js'
import { strictness, type Tlp } from '../../policy/tlp.js'
import type { Hit } from '../hit.js'

export interface Queued {
  readonly id: number
  readonly attribute: string
  readonly type: SightingType
  /** Epoch milliseconds. */
  readonly last: number
  readonly tlp: Tlp | ''
  /** Epoch seconds; null: it was never sent. */
  readonly at: number | null
  readonly tries: number
}

const COLUMNS = 'id, attribute, type, last, tlp, at, tries'

/** Adds a hit to the open sighting of its attribute. Within the transaction that accepts the hit. */
export function addToSighting(db: Database, hit: Hit, now: number): void {
  const sighting = upsert(db, { hit, type: 0, now })
  db.prepare('INSERT OR IGNORE INTO sighted VALUES (?, ?, ?, ?)').run(
    sighting,
    hit.id,
    hit.first,
    hit.last,
  )
}

/** Proposes to tell MISP that the attribute met something that is none. */
export function proposeFalsePositive(db: Database, hit: Hit, now: number): void {
  upsert(db, { hit, type: 1, now })
}

/** Takes one proposal back, where MISP has not been told; those of other hits of the attribute stand. */
export function withdrawFalsePositive(db: Database, { event, attribute }: Hit): void {
  const open = `source = ? AND attribute = ? AND type = 1 AND state = 'open'`
  const asked = [event.source, attribute.uuid]
  db.prepare(`UPDATE sighting SET count = count - 1 WHERE ${open}`).run(...asked)
  db.prepare(`DELETE FROM sighting WHERE ${open} AND count <= 0`).run(...asked)
}

function upsert(
  db: Database,
  { hit, type, now }: { hit: Hit; type: SightingType; now: number },
): number {
  const upserted = db.prepare(
    `INSERT INTO sighting (source, attribute, type, state, opened, first, last, count, tlp)
     VALUES (:source, :attribute, :type, 'open', :now, :first, :last, 1, :tlp)
     ON CONFLICT (source, attribute, type) WHERE state = 'open' DO UPDATE SET
       first = min(first, excluded.first), last = max(last, excluded.last), count = count + 1,
       tlp = excluded.tlp
     RETURNING id`,
  )
  const row = upserted.get({
    source: hit.event.source,
    attribute: hit.attribute.uuid,
    type,
    now,
    first: hit.first,
    last: type === 1 ? now : hit.last,
    tlp: hit.tlp ?? '',
  })
  return (row as { id: number }).id
}

export class SightingQueue {
  readonly #db: Database
  readonly #source: string

  constructor(db: Database, source: string) {
    this.#db = db
    this.#source = source
  }

  /** Of whom nobody knows whether MISP has them. */
  uncertain(): Queued[] {
    return this.#rows(`state = 'sending' ORDER BY id`, {})
  }

  /**
   * Of those that are due: what somebody has called false by now does not count, neither as a hit nor as
   * the last of them. A sighting of which nothing is left goes.
   */
  leaveOutMarked(before: number): void {
    const due = `SELECT id FROM sighting
      WHERE source = :source AND type = 0 AND state = 'open' AND opened <= :before`
    const asked = { source: this.#source, before }
    inTransaction(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE sighting SET count = s.n, first = s.first, last = s.last
           FROM (
             SELECT sighting AS id, count(*) AS n, min(first) AS first, max(last) AS last
             FROM sighted WHERE sighting IN (${due}) AND hit NOT IN (SELECT hit FROM mark)
               AND sighting IN (SELECT sighting FROM mark JOIN sighted USING (hit))
             GROUP BY sighting
           ) AS s WHERE sighting.id = s.id`,
        )
        .run(asked)
      const left = 'SELECT sighting FROM sighted WHERE hit NOT IN (SELECT hit FROM mark)'
      this.#db
        .prepare(`DELETE FROM sighting WHERE id IN (${due}) AND id NOT IN (${left})`)
        .run(asked)
      forgetSighted(this.#db)
    })
  }

  /** After the clock was set back: nothing may lie in the future, or it would wait for that. */
  setBack(now: number): void {
    const mine = { source: this.#source, now }
    const later = `WHERE source = :source AND state = 'open' AND opened > :now`
    this.#db.prepare(`UPDATE sighting SET opened = :now ${later}`).run(mine)
    const triedLater = 'WHERE source = :source AND tried > :now'
    this.#db.prepare(`UPDATE sighting SET tried = :now ${triedLater}`).run(mine)
  }

  /** Opened before this (type 1: at any time), the least tried first. */
  due({
    before,
    falsePositives,
    limit,
  }: {
    before: number
    falsePositives: boolean
    limit: number
  }) {
    return this.#rows(
      `state = 'open' AND ((type = 0 AND opened <= :before) OR (type = 1 AND :falsePositives = 1))
       ORDER BY tries, tried, opened, id LIMIT :limit`,
      { before, falsePositives: falsePositives ? 1 : 0, limit },
    )
  }

  /** How many were sent since (epoch milliseconds). */
  sentSince(at: number): number {
    const row = this.#db
      .prepare(
        `SELECT count(*) AS n FROM sighting WHERE source = ? AND tried > ? AND state != 'open'`,
      )
      .get(this.#source, at)
    return (row as { n: number }).n
  }

  /** Writes down what is about to be sent, and answers the time to tell. `latest`: epoch seconds. */
  intend({ id, attribute, type, last }: Queued, { latest, now }: { latest: number; now: number }) {
    const isTaken = this.#db.prepare(
      'SELECT 1 FROM sighting WHERE source = ? AND attribute = ? AND type = ? AND at = ? AND id != ?',
    )
    let at = Math.max(0, Math.min(Math.floor(last / 1000), latest))
    while (isTaken.get(this.#source, attribute, type, at, id)) at -= 1
    this.#db
      .prepare(
        `UPDATE sighting SET state = 'sending', at = ?, tried = ?, tries = tries + 1 WHERE id = ?`,
      )
      .run(at, now, id)
    return at
  }

  settle(id: number, state: 'stored' | 'refused' | 'withheld', reason = ''): void {
    inTransaction(this.#db, () => {
      this.#db
        .prepare('UPDATE sighting SET state = ?, reason = ? WHERE id = ?')
        .run(state, reason, id)
      this.#db.prepare('DELETE FROM sighted WHERE sighting = ?').run(id)
    })
  }

  /** MISP has not looked at it: the try does not count, but the others come first. */
  takeBack(id: number): void {
    this.#db.prepare('UPDATE sighting SET tries = tries - 1 WHERE id = ?').run(id)
    this.reopen(id)
  }

  /**
   * MISP does not have it: it is to be sent again. Where another has been opened for the attribute
   * meanwhile, the two become one.
   */
  reopen(id: number): void {
    const other = this.#db
      .prepare(
        `SELECT o.id FROM sighting s JOIN sighting o ON o.source = s.source
         AND o.attribute = s.attribute AND o.type = s.type AND o.state = 'open' WHERE s.id = ?`,
      )
      .get(id) as { id: number } | undefined
    if (other) this.#merge(id, other.id)
    else this.#db.prepare(`UPDATE sighting SET state = 'open' WHERE id = ?`).run(id)
  }

  #merge(id: number, other: number): void {
    inTransaction(this.#db, () => {
      this.#db
        .prepare(
          `UPDATE sighting SET first = min(sighting.first, o.first), last = max(sighting.last, o.last),
             count = sighting.count + o.count, tries = max(sighting.tries, o.tries),
             opened = min(sighting.opened, o.opened)
           FROM (SELECT first, last, count, tries, opened FROM sighting WHERE id = :id) AS o
           WHERE sighting.id = :other`,
        )
        .run({ id, other })
      this.#db
        .prepare('UPDATE OR IGNORE sighted SET sighting = :other WHERE sighting = :id')
        .run({ id, other })
      this.#db.prepare('DELETE FROM sighting WHERE id = ?').run(id)
      this.#db.prepare('DELETE FROM sighted WHERE sighting = ?').run(id)
    })
  }

  #rows(where: string, params: Record<string, number>): Queued[] {
    return this.#db
      .prepare(`SELECT ${COLUMNS} FROM sighting WHERE source = :source AND ${where}`)
      .all({ ...params, source: this.#source }) as unknown as Queued[]
  }
}

/** Whether an attribute may be told of. */
export function mayTell(tlp: Tlp | '', limits: { most: Tlp; untagged: Tlp }): boolean {
  return strictness(tlp === '' ? limits.untagged : tlp) <= strictness(limits.most)
}

/** Settled before this (epoch milliseconds). */
export function pruneSightings(db: Database, before: number): void {
  db.prepare(
    `DELETE FROM sighting WHERE state IN ('stored', 'refused', 'withheld') AND max(tried, opened) < ?`,
  ).run(before)
}

/** Hits of sightings that are no more. */
function forgetSighted(db: Database): void {
  db.exec('DELETE FROM sighted WHERE sighting NOT IN (SELECT id FROM sighting)')
}

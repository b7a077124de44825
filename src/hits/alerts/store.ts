/**
 * The tables of alerts in `hits.db`: known pairs, sights that wait for a digest, and the queue. Every
 * method is one step; who calls puts those that belong together into one transaction.
 */
import type { Database } from '../../ledger/sqlite.js'
import type { Alert, AlertKind, Sight } from './alert.js'

export const HOUR_MS = 3_600_000
/** How long it is known what was sent. */
const KEEP_DONE_MS = 24 * HOUR_MS

export interface Queued {
  readonly number: number
  readonly alert: Alert
  /** `sending`: whoever sent it was ended before it knew whether it had arrived. */
  readonly state: 'waiting' | 'sending'
  readonly tries: number
  readonly due: number
}

export interface WaitingSight {
  readonly pair: string
  readonly sight: Sight
}

export class AlertStore {
  readonly db: Database

  constructor(db: Database) {
    this.db = db
  }

  isFalse(hit: string): boolean {
    return this.db.prepare('SELECT 1 FROM mark WHERE hit = ?').get(hit) !== undefined
  }

  lastOf(channel: string, pair: string): number | null {
    const row = this.db
      .prepare('SELECT last FROM alert_pair WHERE channel = ? AND pair = ?')
      .get(channel, pair)
    return (row as { last: number } | undefined)?.last ?? null
  }

  remember({ channel, pair, now }: { channel: string; pair: string; now: number }): void {
    this.db
      .prepare(
        'INSERT INTO alert_pair VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
      )
      .run(channel, pair, now)
  }

  /** Messages of a kind within the last hour, whatever became of them. */
  countInHour({ channel, kind, now }: { channel: string; kind: AlertKind; now: number }): number {
    const row = this.db
      .prepare('SELECT count(*) AS n FROM alert WHERE channel = ? AND kind = ? AND at > ?')
      .get(channel, kind, now - HOUR_MS)
    return (row as { n: number }).n
  }

  waitingSight(channel: string, pair: string): Sight | null {
    const row = this.db
      .prepare('SELECT sight FROM alert_waiting WHERE channel = ? AND pair = ?')
      .get(channel, pair) as { sight: string } | undefined
    return row ? (JSON.parse(row.sight) as Sight) : null
  }

  wait({
    channel,
    pair,
    sight,
    now,
  }: {
    channel: string
    pair: string
    sight: Sight
    now: number
  }) {
    this.db
      .prepare(
        'INSERT INTO alert_waiting VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET sight = excluded.sight',
      )
      .run(channel, pair, now, JSON.stringify(sight))
  }

  /** Since when the oldest sight of a channel waits; null: none does. */
  waitingSince(channel: string): number | null {
    const row = this.db
      .prepare('SELECT min(since) AS since FROM alert_waiting WHERE channel = ?')
      .get(channel)
    return (row as { since: number | null }).since
  }

  waitingSights(channel: string): WaitingSight[] {
    const rows = this.db
      .prepare('SELECT pair, sight FROM alert_waiting WHERE channel = ?')
      .all(channel) as { pair: string; sight: string }[]
    return rows.map(({ pair, sight }) => ({ pair, sight: JSON.parse(sight) as Sight }))
  }

  clearWaiting(channel: string): void {
    this.db.prepare('DELETE FROM alert_waiting WHERE channel = ?').run(channel)
  }

  enqueue(channel: string, alert: Alert): void {
    const { id, kind, at } = alert
    this.db
      .prepare(
        `INSERT INTO alert (id, channel, kind, at, state, tries, due, changed, reason, body)
         VALUES (:id, :channel, :kind, :at, 'waiting', 0, :at, :at, '', :body)`,
      )
      .run({ id, channel, kind, at, body: JSON.stringify(alert) })
  }

  /** The oldest that was neither sent nor given up; null: the queue is empty. */
  next(channel: string): Queued | null {
    const row = this.db
      .prepare(
        `SELECT number, state, tries, due, body FROM alert
         WHERE channel = ? AND state IN ('waiting', 'sending') ORDER BY number LIMIT 1`,
      )
      .get(channel) as (Omit<Queued, 'alert'> & { body: string }) | undefined
    if (!row) return null
    const { body, ...rest } = row
    return { ...rest, alert: JSON.parse(body) as Alert }
  }

  /** The intent, written down before anything leaves. */
  begin(number: number, now: number): void {
    this.db
      .prepare(
        `UPDATE alert SET state = 'sending', tries = tries + 1, changed = ? WHERE number = ?`,
      )
      .run(now, number)
  }

  later(number: number, { due, reason, now }: { due: number; reason: string; now: number }): void {
    this.db
      .prepare(
        `UPDATE alert SET state = 'waiting', due = ?, reason = ?, changed = ? WHERE number = ?`,
      )
      .run(due, reason, now, number)
  }

  /** It has left the queue. What it said is kept only where somebody may want to send it again. */
  settle(
    number: number,
    { state, reason, now }: { state: 'sent' | 'parked' | 'dropped'; reason: string; now: number },
  ): void {
    this.db
      .prepare(
        `UPDATE alert SET state = :state, reason = :reason, changed = :now,
           body = CASE :state WHEN 'parked' THEN body ELSE '' END WHERE number = :number`,
      )
      .run({ number, state, reason, now })
  }

  /** After the clock was set back: nothing may lie in the future, or it would wait for that. */
  setBack(now: number): void {
    this.db.prepare('UPDATE alert_pair SET last = :now WHERE last > :now').run({ now })
    this.db.prepare('UPDATE alert_waiting SET since = :now WHERE since > :now').run({ now })
    this.db
      .prepare(
        'UPDATE alert SET at = min(at, :now), due = min(due, :now) WHERE at > :now OR due > :now',
      )
      .run({ now })
  }

  /** What needs no remembering any more: pairs last met before `known`, and what was done a day ago. */
  prune({ channel, known, now }: { channel: string; known: number; now: number }): void {
    this.db.prepare('DELETE FROM alert_pair WHERE channel = ? AND last < ?').run(channel, known)
    this.db
      .prepare(
        `DELETE FROM alert WHERE channel = ? AND state IN ('sent', 'dropped') AND changed < ?`,
      )
      .run(channel, now - KEEP_DONE_MS)
  }

  /** A channel that is no longer in the config: what waits in it is parked, the rest forgotten. */
  retire(channels: readonly string[], now: number): void {
    const others = 'channel NOT IN (SELECT value FROM json_each(:names))'
    const names = JSON.stringify(channels)
    this.db.prepare(`DELETE FROM alert_pair WHERE ${others}`).run({ names })
    this.db.prepare(`DELETE FROM alert_waiting WHERE ${others}`).run({ names })
    this.db
      .prepare(
        `UPDATE alert SET state = 'parked', reason = 'the channel is not in the config any more',
           changed = :now WHERE ${others} AND state IN ('waiting', 'sending')`,
      )
      .run({ names, now })
  }
}

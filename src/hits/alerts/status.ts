/** How the queues of the channels are: for status, metrics and the command that handles what is parked. */
import type { Database } from '../../ledger/sqlite.js'

export interface ChannelStatus {
  readonly channel: string
  readonly waiting: number
  readonly parked: number
  /** Sights that wait for the next digest. */
  readonly digest: number
  /** Epoch milliseconds: since when the oldest message waits; null: none does. */
  readonly oldest: number | null
  /** What the receiver said last to the message that waits; empty: nothing yet. */
  readonly trouble: string
  /** Epoch milliseconds, of the last day. */
  readonly lastSent: number | null
}

/** Those of the config, and others that still have messages. `db` null: there is none yet. */
export function channelStatuses(db: Database | null, channels: readonly string[]): ChannelStatus[] {
  if (db === null) return channels.map((channel) => ({ channel, ...NOTHING }))
  const others = db
    .prepare(
      `SELECT DISTINCT channel FROM alert WHERE state IN ('waiting', 'sending', 'parked')
       ORDER BY channel`,
    )
    .all() as { channel: string }[]
  const names = new Set([...channels, ...others.map(({ channel }) => channel)])
  return [...names].map((channel) => channelStatus(db, channel))
}

const NOTHING = {
  waiting: 0,
  parked: 0,
  digest: 0,
  oldest: null,
  trouble: '',
  lastSent: null,
}

function channelStatus(db: Database, channel: string): ChannelStatus {
  const row = db
    .prepare(
      `SELECT
         count(*) FILTER (WHERE state IN ('waiting', 'sending')) AS waiting,
         count(*) FILTER (WHERE state = 'parked') AS parked,
         min(at) FILTER (WHERE state IN ('waiting', 'sending')) AS oldest,
         max(changed) FILTER (WHERE state = 'sent') AS lastSent,
         (SELECT count(*) FROM alert_waiting w WHERE w.channel = :channel) AS digest,
         (SELECT reason FROM alert f WHERE f.channel = :channel AND f.state IN ('waiting', 'sending')
          ORDER BY f.number LIMIT 1) AS trouble
       FROM alert WHERE channel = :channel`,
    )
    .get({ channel }) as unknown as Omit<ChannelStatus, 'channel' | 'trouble'> & {
    trouble: string | null
  }
  return { channel, ...row, trouble: row.trouble ?? '' }
}

export interface Parked {
  readonly id: string
  readonly channel: string
  readonly kind: string
  /** Epoch milliseconds: when it was made, and when it was parked. */
  readonly at: number
  readonly parked: number
  readonly reason: string
}

export function parkedAlerts(db: Database): Parked[] {
  return db
    .prepare(
      `SELECT id, channel, kind, at, changed AS parked, reason FROM alert WHERE state = 'parked'
       ORDER BY number`,
    )
    .all() as unknown as Parked[]
}

/** How many were put back into their queues; `id` null: all. */
export function retryParked(db: Database, { id, now }: { id: string | null; now: number }): number {
  const { changes } = db
    .prepare(
      `UPDATE alert SET state = 'waiting', due = :now, changed = :now
       WHERE state = 'parked' AND (:id IS NULL OR id = :id)`,
    )
    .run({ id, now })
  return Number(changes)
}

/** How many were given up; `id` null: all. */
export function dropParked(db: Database, { id, now }: { id: string | null; now: number }): number {
  const { changes } = db
    .prepare(
      `UPDATE alert SET state = 'dropped', body = '', changed = :now
       WHERE state = 'parked' AND (:id IS NULL OR id = :id)`,
    )
    .run({ id, now })
  return Number(changes)
}

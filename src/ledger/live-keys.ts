/**
 * Live lookup keys as bytes, `<space>\0<value>\0` each, for whoever keeps an index of its own: a million
 * of them pass without becoming a million strings. (No value holds a NUL.)
 */
import { headSeq } from './changes.js'
import { lastIndicator } from './pages.js'
import type { Database } from './sqlite.js'

/** Of an indicator `i`. */
export const PACKED = `CAST(group_concat(i.space || char(0) || i.value || char(0), '') AS BLOB) AS packed`

/** Indicators that one piece is made of. */
const PIECE = 10_000

/** What `work` reads is of one moment, whoever writes meanwhile. */
export function inSnapshot<T>(db: Database, work: () => T): T {
  db.exec('BEGIN')
  try {
    return work()
  } finally {
    db.exec('COMMIT')
  }
}

export function packedKeys(db: Database, take: (keys: Uint8Array) => void): void {
  const piece = db.prepare(
    `SELECT ${PACKED} FROM indicator i WHERE id > ? AND id <= ? AND live_since IS NOT NULL`,
  )
  const last = lastIndicator(db)
  for (let after = 0; after < last; after += PIECE) give(piece.get(after, after + PIECE), take)
}

/** Of what these changes touched, what is live now. */
export function packedKeysOf(
  db: Database,
  { after, upTo }: { after: number; upTo: number },
  take: (keys: Uint8Array) => void,
): void {
  const piece = db.prepare(
    `SELECT ${PACKED} FROM indicator i
     WHERE live_since IS NOT NULL
       AND id IN (SELECT indicator FROM change WHERE seq > ? AND seq <= ?)`,
  )
  for (let seq = after; seq < upTo; seq += PIECE) {
    give(piece.get(seq, Math.min(upTo, seq + PIECE)), take)
  }
}

/** Whether the log still holds every change after this one. */
export function reachesBack(db: Database, after: number): boolean {
  const head = headSeq(db)
  return head === after || (head > after && firstSeq(db) <= after + 1)
}

function give(row: unknown, take: (keys: Uint8Array) => void): void {
  const { packed } = row as { packed: Uint8Array | null }
  if (packed !== null) take(packed)
}

/** Of the changes that are still in the log; beyond all numbers where there is none. */
function firstSeq(db: Database): number {
  const row = db.prepare('SELECT min(seq) AS seq FROM change').get() as { seq: number | null }
  return row.seq ?? Number.POSITIVE_INFINITY
}

export interface LiveSpaces {
  /** In which something is live. */
  readonly spaces: ReadonlySet<string>
  readonly keys: number
  /** Of the keys, those that are URLs. */
  readonly urls: number
}

export function liveSpaces(db: Database): LiveSpaces {
  const rows = db.prepare('SELECT space, keys FROM live_keys WHERE keys > 0').all() as {
    space: string
    keys: number
  }[]
  return {
    spaces: new Set(rows.map(({ space }) => space)),
    keys: rows.reduce((sum, { keys }) => sum + keys, 0),
    urls: rows.find(({ space }) => space === 'url')?.keys ?? 0,
  }
}

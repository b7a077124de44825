/** Writing hits of log lines down: a line that comes again brings nothing new. */
import { createHash } from 'node:crypto'
import { type Database, inTransaction, type Statement } from '../ledger/sqlite.js'
import { storable } from '../text.js'
import type { Way } from './hit.js'

/** What is kept of a line that hit. */
export interface LineHits {
  /** 32 hexadecimal digits: of the line's bytes. */
  readonly digest: string
  /** Epoch milliseconds, as the line tells its time; null: it does not. */
  readonly at: number | null
  /** Pairs of field and value: all that was looked up. */
  readonly observed: readonly (readonly [field: string, value: string])[]
  readonly met: readonly Met[]
}

/** One attribute that an observable of the line met. */
export interface Met {
  readonly field: string
  readonly observable: string
  readonly kind: string
  readonly value: string
  readonly uuid: string
  readonly type: string
  readonly eventId: string
  readonly eventUuid: string
  readonly eventInfo: string
  readonly source: string
  /** Empty: no tag said anything. */
  readonly tlp: string
}

export interface Occasion {
  readonly way: Extract<Way, 'enrich' | 'api'>
  readonly label: string
}

export interface RecordOptions extends Occasion {
  /** Epoch milliseconds. */
  readonly now: number
}

/** A line's clock may run ahead of ours so far; further, it is not believed. */
const AHEAD_MS = 5 * 60_000
/** Before this nobody wrote such logs: 2000-01-01. */
const OLDEST_MS = 946_684_800_000

/** All or nothing; answers how many hits were new. @throws an error of SQLite */
export function recordLines(
  db: Database,
  lines: readonly LineHits[],
  options: RecordOptions,
): number {
  const writer = new LineWriter(db, options)
  return inTransaction(db, () => lines.reduce((sum, line) => sum + writer.write(line), 0))
}

class LineWriter {
  readonly #options: RecordOptions
  readonly #addLine: Statement
  readonly #findLine: Statement
  readonly #addObserved: Statement
  readonly #addMet: Statement
  readonly #findMet: Statement
  readonly #addHit: Statement
  /** Within one transaction: another process may take away what no hit names. */
  readonly #met = new Map<string, number>()

  constructor(db: Database, options: RecordOptions) {
    this.#options = options
    this.#addLine = db.prepare(
      `INSERT INTO line (digest, at, way, label) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    this.#findLine = db.prepare('SELECT id, at FROM line WHERE digest = ?')
    this.#addObserved = db.prepare('INSERT INTO observed VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
    this.#addMet = db.prepare(
      `INSERT INTO met (kind, value, uuid, type, event_id, event_uuid, event_info, source, tlp)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    this.#findMet = db.prepare(
      `SELECT id FROM met WHERE kind = ? AND value = ? AND uuid = ? AND type = ? AND event_id = ?
       AND event_uuid = ? AND event_info = ? AND source = ? AND tlp = ?`,
    )
    this.#addHit = db.prepare(
      `INSERT INTO hit (id, at, recorded, line, field, observable, met) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    )
  }

  write(line: LineHits): number {
    const { id, at } = this.#line(line)
    let added = 0
    for (const met of line.met) {
      const hit = hitDigest(line.digest, met)
      const [field, observable] = [storable(met.field), storable(met.observable)]
      const row = [hit, at, this.#options.now, id, field, observable, this.#metId(met)]
      added += Number(this.#addHit.run(...row).changes)
    }
    return added
  }

  #line({ digest, at, observed }: LineHits): { id: number; at: number } {
    const { way, label, now } = this.#options
    const bytes = Buffer.from(digest, 'hex')
    const when = believable(at, now) ? at : now
    const { changes } = this.#addLine.run(bytes, when, way, storable(label))
    const found = this.#findLine.get(bytes) as { id: number; at: number }
    if (Number(changes) > 0) {
      for (const [field, value] of observed) {
        this.#addObserved.run(found.id, storable(field), storable(value))
      }
    }
    return found
  }

  #metId({ kind, value, uuid, type, eventId, eventUuid, eventInfo, source, tlp }: Met): number {
    const texts = [kind, value, uuid, type, eventId, eventUuid, eventInfo, source, tlp]
    const row = texts.map(storable)
    const key = JSON.stringify(row)
    const known = this.#met.get(key)
    if (known !== undefined) return known
    this.#addMet.run(...row)
    const { id } = this.#findMet.get(...row) as { id: number }
    this.#met.set(key, id)
    return id
  }
}

function believable(at: number | null, now: number): at is number {
  return at !== null && at >= OLDEST_MS && at <= now + AHEAD_MS
}

/** The same line, met again in the same way, has the same. */
function hitDigest(line: string, { field, observable, kind, value, source, uuid }: Met): Buffer {
  const text = JSON.stringify([line, field, observable, kind, value, source, uuid])
  return createHash('sha256').update(text).digest().subarray(0, 8)
}

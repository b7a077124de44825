/**
 * The staging of one pull. Everything a source answers is put here first, in a file of its own, and
 * only when the whole is there it is judged and applied (apply.ts). A process that dies leaves a file
 * that the next pull throws away; the ledger has not been touched.
 *
 * Rows may come twice (a page was fetched again): the later one counts.
 */
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Dictionary } from './dictionary.js'
import { STAGING } from './schema.js'
import type { Database, Statement } from './sqlite.js'

/**
 * Why the source itself says that an attribute is no indicator any more; `unread`: the source has it
 * but the row could not be read, so what is known of it stays.
 */
export type Gone = 'deleted' | 'to_ids' | 'tag' | 'unread'

export interface StagedEvent {
  readonly uuid: string
  /** '' in a feed. */
  readonly mispId: string
  readonly timestamp: number
  readonly published: boolean
  readonly publishTimestamp: number
  readonly info: string
  readonly orgc: string
  readonly tags: readonly string[]
  /** 1 high, 2 medium, 3 low, 4 undefined; 0: the source does not say. */
  readonly threatLevel: number
  /** The event is unpublished: only what it takes away counts. */
  readonly removalsOnly: boolean
  /** Fetch it again next time, whatever the index says then. */
  readonly recheck: boolean
}

export interface StagedMeaning {
  readonly space: string
  readonly value: string
  readonly port: number
  readonly alias: boolean
  readonly weak: boolean
  readonly heldRule: string | null
  readonly heldWhy: string | null
  readonly labels: readonly string[]
  readonly recheckAt: number | null
}

export interface StagedAttribute {
  /** uuid of an event that has been staged. */
  readonly event: string
  readonly uuid: string
  readonly type: string
  readonly value: string
  readonly timestamp: number
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  readonly tags: readonly string[]
  readonly aside: string | null
  readonly gone: Gone | null
  /** Empty where it is gone or set aside. */
  readonly meanings: readonly StagedMeaning[]
}

/** Doubt of a staged event, after its rows. */
export interface StagedDoubt {
  /** Its uuid. */
  readonly event: string
  /** Rows of it could not be read: what is missing is not gone. */
  readonly incomplete: boolean
  /** Fetch it again next time. */
  readonly recheck: boolean
}

export class Staging {
  readonly #db: Database
  readonly #events = new Map<string, number>()
  /** Staged attributes of each staged event, so that apply can cut batches without counting. */
  readonly #sizes: number[] = [0]
  readonly #insertEvent: Statement
  readonly #insertAttribute: Statement
  readonly #insertMeaning: Statement
  readonly #dictionary: Dictionary
  readonly #path: string
  #attributes = 0
  /** Set while a transaction is open. */
  #flushing: NodeJS.Timeout | undefined
  #begunAt = 0
  /** What a flush without a caller met, for the next one. */
  #failure: unknown

  /** Attaches an empty staging file as `stage`. */
  constructor(db: Database, dataDir: string) {
    this.#db = db
    this.#path = join(dataDir, 'staging.db')
    this.#dictionary = new Dictionary(db)
    // What is there was left by a process that died, and so were its new words.
    if (existsSync(this.#path)) this.#dictionary.dropUnused()
    rmSync(this.#path, { force: true })
    db.prepare('ATTACH ? AS stage').run(this.#path)
    // It is thrown away after a crash, so it needs neither journal nor syncs.
    db.exec('PRAGMA stage.journal_mode = OFF; PRAGMA stage.synchronous = OFF')
    db.exec('PRAGMA stage.locking_mode = EXCLUSIVE; PRAGMA stage.cache_size = -8192')
    db.exec(STAGING)
    this.#insertEvent = db.prepare(
      `INSERT INTO stage.event (id, uuid, misp_id, timestamp, published, publish_timestamp, info,
         orgc, tags, threat_level, removals_only, recheck) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
       ON CONFLICT (uuid) DO UPDATE SET misp_id = excluded.misp_id, timestamp = excluded.timestamp,
         published = excluded.published, publish_timestamp = excluded.publish_timestamp,
         info = excluded.info, orgc = excluded.orgc, tags = excluded.tags,
         threat_level = excluded.threat_level, removals_only = excluded.removals_only, recheck = excluded.recheck`,
    )
    this.#insertAttribute = db.prepare(
      'INSERT OR IGNORE INTO stage.attribute VALUES (?,?,?,?,?,?,?,?,?,?,?)',
    )
    this.#insertMeaning = db.prepare(INSERT_MEANING)
  }

  get attributes(): number {
    return this.#attributes
  }

  has(eventUuid: string): boolean {
    return this.#events.has(eventUuid)
  }

  addEvents(events: readonly StagedEvent[]): void {
    this.#inOneGo(() => {
      for (const event of events) this.#addEvent(event)
    })
  }

  addAttributes(rows: readonly StagedAttribute[]): void {
    this.#inOneGo(() => {
      for (const row of rows) this.#addAttribute(row)
    })
  }

  addDoubts(doubts: readonly StagedDoubt[]): void {
    const doubt = this.#db.prepare(
      `UPDATE stage.event SET incomplete = max(incomplete, ?), recheck = max(recheck, ?)
       WHERE uuid = ?`,
    )
    this.#inOneGo(() => {
      for (const { event, incomplete, recheck } of doubts)
        doubt.run(Number(incomplete), Number(recheck), event)
    })
  }

  addDepartures(eventUuids: readonly string[]): void {
    const insert = this.#db.prepare('INSERT OR IGNORE INTO stage.departure VALUES (?)')
    this.#inOneGo(() => {
      for (const uuid of eventUuids) insert.run(uuid)
    })
  }

  /** A snapshot is the whole wanted state: each event of the source that is not in it departs. */
  departAllOthers(source: number): void {
    this.#db.exec('DELETE FROM stage.departure')
    this.#db
      .prepare(
        `INSERT OR IGNORE INTO stage.departure
         SELECT e.uuid FROM event e
         WHERE e.source = ? AND NOT EXISTS (SELECT 1 FROM stage.event s WHERE s.uuid = e.uuid)`,
      )
      .run(source)
  }

  /** Fetch these again: forget their attributes, keep the events until they are staged anew. */
  dropEvents(eventUuids: readonly string[]): void {
    const byEvent = this.#db.prepare('SELECT id FROM stage.attribute WHERE event = ?')
    const meanings = this.#db.prepare('DELETE FROM stage.meaning WHERE attribute = ?')
    const attributes = this.#db.prepare('DELETE FROM stage.attribute WHERE event = ?')
    const event = this.#db.prepare('DELETE FROM stage.event WHERE id = ?')
    this.#inOneGo(() => {
      for (const uuid of eventUuids) {
        const id = this.#events.get(uuid)
        if (id === undefined) continue
        for (const row of byEvent.all(id) as { id: number }[]) meanings.run(row.id)
        attributes.run(id)
        event.run(id)
        this.#events.delete(uuid)
        this.#sizes[id] = 0
      }
    })
  }

  /** Cuts the staged events into id ranges (from, to] of about `size` attributes each. */
  batches(size: number): { from: number; to: number }[] {
    this.flush()
    const ranges: { from: number; to: number }[] = []
    let from = 0
    let held = 0
    for (let id = 1; id < this.#sizes.length; id += 1) {
      // An event without attributes costs something too.
      held += this.#sizes[id]! + 1
      if (held < size) continue
      ranges.push({ from, to: id })
      from = id
      held = 0
    }
    if (from < this.#sizes.length - 1) ranges.push({ from, to: this.#sizes.length - 1 })
    return ranges
  }

  /** Commits what has been staged so far; before anything else is done with the ledger. */
  flush(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (!this.#flushing) return
    clearTimeout(this.#flushing)
    this.#flushing = undefined
    this.#db.exec('COMMIT')
  }

  /** `used`: all that was staged has been applied. */
  discard({ used }: { used: boolean }): void {
    if (this.#db.isTransaction) this.#abandon()
    if (!used) this.#dictionary.dropUnusedSince()
    this.#db.exec('DETACH stage')
    rmSync(this.#path, { force: true })
  }

  /** Stages meanings of an attribute that the ledger has, under the ledger's id. */
  addMeanings(attribute: number, meanings: readonly StagedMeaning[]): void {
    for (const [n, meaning] of meanings.entries()) {
      this.#insertMeaning.run(
        ...meaningParams({ attribute, n, meaning, id: this.#dictionary.idOf(meaning) }),
      )
    }
  }

  #addEvent(event: StagedEvent): void {
    const known = this.#events.get(event.uuid)
    const id = known ?? this.#sizes.length
    this.#insertEvent.run(
      id,
      event.uuid,
      event.mispId,
      event.timestamp,
      Number(event.published),
      event.publishTimestamp,
      event.info,
      event.orgc,
      JSON.stringify(event.tags),
      event.threatLevel,
      Number(event.removalsOnly),
      Number(event.recheck),
    )
    if (known !== undefined) return
    this.#events.set(event.uuid, id)
    this.#sizes.push(0)
  }

  #addAttribute(row: StagedAttribute): void {
    const event = this.#events.get(row.event)
    if (event === undefined)
      throw new Error(`attribute of an event that was not staged: ${row.event}`)
    const id = this.#attributes + 1
    if (!this.#insert(id, event, row)) {
      this.#forget(event, row.uuid)
      this.#insert(id, event, row)
      this.#sizes[event]! -= 1
    }
    this.#attributes = id
    this.#sizes[event]! += 1
    this.addMeanings(id, row.meanings)
  }

  #insert(id: number, event: number, row: StagedAttribute): boolean {
    const { changes } = this.#insertAttribute.run(
      id,
      event,
      row.uuid,
      row.type,
      row.value,
      row.timestamp,
      row.firstSeen,
      row.lastSeen,
      row.tags.length === 0 ? '[]' : JSON.stringify(row.tags),
      row.aside,
      row.gone,
    )
    return Number(changes) === 1
  }

  #forget(event: number, uuid: string): void {
    const row = this.#db
      .prepare('SELECT id FROM stage.attribute WHERE event = ? AND uuid = ?')
      .get(event, uuid) as { id: number }
    this.#db.prepare('DELETE FROM stage.meaning WHERE attribute = ?').run(row.id)
    this.#db.prepare('DELETE FROM stage.attribute WHERE id = ?').run(row.id)
  }

  /**
   * Many batches share a transaction: the ids of indicators are found and given in the ledger, and
   * each commit writes every page of their index that was touched. It holds the ledger's write lock,
   * so it ends soon after the rows stop coming; a hold by hand waits no longer than that.
   */
  #inOneGo(work: () => void): void {
    if (!this.#flushing) {
      this.#db.exec('BEGIN IMMEDIATE')
      this.#flushing = setTimeout(() => this.#flushIdle(), IDLE_MS)
      this.#flushing.unref()
      this.#begunAt = this.#attributes
    }
    work()
    if (this.#attributes - this.#begunAt >= ROWS_A_COMMIT) this.flush()
  }

  /** What is thrown away needs no commit. */
  #abandon(): void {
    clearTimeout(this.#flushing)
    this.#flushing = undefined
    this.#db.exec('ROLLBACK')
  }

  #flushIdle(): void {
    try {
      this.flush()
    } catch (error) {
      this.#failure = error
    }
  }
}

const ROWS_A_COMMIT = 50_000
const IDLE_MS = 250

const INSERT_MEANING = 'INSERT INTO stage.meaning VALUES (?,?,?,?,?,?,?,?,?)'

interface MeaningParams {
  readonly attribute: number
  readonly n: number
  readonly meaning: StagedMeaning
  /** The indicator's. */
  readonly id: number
}

function meaningParams({ attribute, n, meaning, id }: MeaningParams) {
  return [
    attribute,
    n,
    id,
    Number(meaning.alias),
    Number(meaning.weak),
    meaning.heldRule,
    meaning.heldWhy,
    meaning.labels.length === 0 ? null : JSON.stringify(meaning.labels),
    meaning.recheckAt,
  ] as const
}

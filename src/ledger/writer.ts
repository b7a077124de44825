/**
 * The ledger's one writer: every command that changes it. It is synchronous and runs in a thread of
 * its own (thread.ts), so that a long batch holds up nobody; tests drive it directly.
 */
import { type ApplyOptions, type ApplyResult, applyStaging } from './apply.js'
import { type Cursor, moveCursor, pruneChanges } from './changes.js'
import { getMeta, openForWriting, setMeta } from './database.js'
import { addHold, endHolds, expireHolds, type Hold, type NewHold } from './holds.js'
import {
  absentAttributes,
  type Judgement,
  type JudgeOptions,
  judge,
  liveAttributes,
} from './judge.js'
import { pruneHistory } from './prune.js'
import {
  addStops,
  beginStops,
  countStops,
  type Derivable,
  derivablesAfter,
  derivablesDue,
  type Rederived,
  rederive,
  type Stops,
} from './rederive.js'
import { SCRATCH } from './schema.js'
import { clearSinkAside, type SinkAside, setSinkAside } from './sink-aside.js'
import {
  type Accepted,
  acceptPull,
  beyondWithheld,
  clearWithheld,
  forgetSource,
  type KnownEvent,
  knownEvents,
  markAbsent,
  type NewWithheld,
  recentLevel,
  registerSources,
  type SourceRow,
  touchSource,
  type Withheld,
  withhold,
} from './sources.js'
import { type Database, inTransaction } from './sqlite.js'
import { type StagedAttribute, type StagedDoubt, type StagedEvent, Staging } from './staging.js'

export class LedgerWriter {
  readonly #opened: Database
  readonly #dataDir: string
  #staging: Staging | undefined
  #applying: Generator<void, ApplyResult> | undefined
  /** All that is staged has been applied. */
  #used = false
  #withheldAdded = false

  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#opened = openForWriting(dataDir)
    this.#opened.exec(SCRATCH)
  }

  /** For all commands but those that stage, which share a transaction. */
  get #db(): Database {
    this.#staging?.flush()
    return this.#opened
  }

  close(): void {
    try {
      this.discardStaging()
    } finally {
      this.#opened.close()
    }
  }

  // -- sources

  registerSources(names: readonly string[]): SourceRow[] {
    return registerSources(this.#db, names)
  }

  knownEvents(source: number): KnownEvent[] {
    return knownEvents(this.#db, source)
  }

  markAbsent(args: { source: number; uuids: readonly string[]; now: number }): void {
    markAbsent(this.#db, args)
  }

  touchSource(args: { source: number; at: number }): void {
    touchSource(this.#db, args)
  }

  acceptPull(pull: Omit<Accepted, 'live'>): void {
    acceptPull(this.#db, { ...pull, live: liveAttributes(this.#db, pull.source) })
  }

  recentLevel(args: { source: number; now: number }): { most: number; absent: number } {
    return recentLevel(this.#db, args)
  }

  forgetSource(args: { source: number; now: number }): number {
    return forgetSource(this.#db, args)
  }

  // -- staging

  beginStaging(): void {
    this.discardStaging()
    this.#staging = new Staging(this.#db, this.#dataDir)
  }

  stageEvents(events: readonly StagedEvent[]): void {
    this.#stage().addEvents(events)
  }

  stageAttributes(rows: readonly StagedAttribute[]): void {
    this.#stage().addAttributes(rows)
  }

  stageDoubts(doubts: readonly StagedDoubt[]): void {
    this.#stage().addDoubts(doubts)
  }

  stageDepartures(eventUuids: readonly string[]): void {
    this.#stage().addDepartures(eventUuids)
  }

  departAllOthers(source: number): void {
    this.#stage().departAllOthers(source)
  }

  dropStaged(eventUuids: readonly string[]): void {
    this.#stage().dropEvents(eventUuids)
  }

  discardStaging(): void {
    this.#staging?.discard({ used: this.#used })
    this.#applying = undefined
    this.#staging = undefined
    this.#used = false
  }

  // -- judging and applying

  judge(options: JudgeOptions): Judgement {
    this.#stage()
    return judge(this.#db, options)
  }

  absentAttributes(): string[] {
    this.#stage()
    return absentAttributes(this.#db)
  }

  withhold(entry: NewWithheld): void {
    withhold(this.#db, entry)
  }

  beyondWithheld(args: { id: string; source: number; kind: 'revocations' | 'additions' }): number {
    return beyondWithheld(this.#db, args)
  }

  clearWithheld(args: { source: number | null; kind: Withheld['kind'] }): void {
    clearWithheld(this.#db, args)
  }

  beginApply(options: ApplyOptions): void {
    this.#applying = applyStaging(this.#db, this.#stage(), options)
    this.#withheldAdded = options.withholdAdded
  }

  /** One batch, which is one transaction; null: there is more. */
  applyNext(): ApplyResult | null {
    if (!this.#applying) throw new Error('applyNext without beginApply')
    const step = this.#applying.next()
    if (!step.done) return null
    this.#applying = undefined
    this.#used = !this.#withheldAdded
    return step.value
  }

  /** Copies what stands in the write-ahead log into the ledger's file, as far as readers let it. */
  checkpoint(): void {
    this.#db.exec('PRAGMA wal_checkpoint(PASSIVE)')
  }

  // -- deriving again

  derivablesAfter(args: { after: number; limit: number }): Derivable[] {
    return derivablesAfter(this.#db, args.after, args.limit)
  }

  derivablesDue(args: { now: number; limit: number }): Derivable[] {
    return derivablesDue(this.#db, args.now, args.limit)
  }

  beginStops(): void {
    beginStops(this.#db)
  }

  addStops(rows: readonly Rederived[]): void {
    inTransaction(this.#db, () => addStops(this.#db, rows))
  }

  countStops(): Stops {
    return countStops(this.#db)
  }

  rederive(args: { rows: readonly Rederived[]; now: number; why: string }): void {
    if (!this.#staging) this.beginStaging()
    rederive(this.#db, this.#stage(), args)
  }

  getMeta(key: string): string | null {
    return getMeta(this.#db, key)
  }

  setMeta(key: string, value: string): void {
    setMeta(this.#db, key, value)
  }

  // -- holds by hand

  addHold(args: { hold: NewHold; now: number }): { hold: Hold; touched: number } {
    return addHold(this.#db, args.hold, args.now)
  }

  endHolds(args: { ids: readonly number[]; by: string; now: number }): number {
    return endHolds(this.#db, args)
  }

  expireHolds(now: number): number[] {
    return expireHolds(this.#db, now)
  }

  // -- sinks

  moveCursor(cursor: Cursor): void {
    moveCursor(this.#db, cursor)
  }

  setSinkAside(entries: readonly SinkAside[]): void {
    inTransaction(this.#db, () => setSinkAside(this.#db, entries))
  }

  clearSinkAside(args: { sink: string; items: readonly string[] | null }): void {
    clearSinkAside(this.#db, args)
  }

  /** Forgets what nobody needs any more: passed changes, old history. */
  prune(args: { sinks: readonly string[]; historyBefore: number }): {
    changes: number
    history: number
  } {
    return inTransaction(this.#db, () => ({
      changes: pruneChanges(this.#db, args.sinks),
      history: pruneHistory(this.#db, args.historyBefore),
    }))
  }

  #stage(): Staging {
    if (!this.#staging) throw new Error('no pull is being staged')
    return this.#staging
  }
}

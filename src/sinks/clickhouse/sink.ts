/** The ClickHouse sink: a row of `iocs` for each attribute that carries an address or a net. */
import { randomUUID } from 'node:crypto'
import type { ClickHouse } from '../../clickhouse/client.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { nameOf, openClickHouse, tablesOf } from '../../clickhouse/open.js'
import { prepare } from '../../clickhouse/prepare.js'
import { batchName, sinkTables, stateName, type Tables } from '../../clickhouse/schema.js'
import { ClickHouseError, SinkUnavailable } from '../../errors.js'
import { fingerprint } from '../layout/fingerprint.js'
import type {
  Health,
  Heartbeat,
  KeyState,
  Position,
  Sink,
  SinkDeps,
  Verification,
} from '../sink.js'
import { examine } from './doctor.js'
import { type LiveOptions, openLive, rebuildLive, refreshLive, seen } from './live.js'
import { BATCH_VALUES, isMatchable, type Row, type RowOptions, rowsOf } from './row.js'
import { type ClickHouseSinkSettings, tellingOf } from './settings.js'
import { statementsFor } from './statements.js'

const NAME = 'clickhouse'
/** Part of the fingerprint: grows when the same settings write something else. */
const LAYOUT = 3
/** A batch that is older was left behind by a process that is no more. */
const STALE_SECONDS = 86_400

export function clickhouseSink(settings: ClickHouseSinkSettings, deps: SinkDeps): Sink {
  return new ClickHouseSink(settings, deps)
}

/** One batch on its way. */
interface Job {
  readonly db: ClickHouse
  readonly batch: string
  /** Whether what is not in the batch is to go. */
  readonly everything: boolean
  readonly signal: AbortSignal
}

class ClickHouseSink implements Sink {
  readonly name = NAME
  readonly settings: string
  readonly #config: ClickHouseSinkSettings
  readonly #deps: SinkDeps
  readonly #tables: Tables
  readonly #iocs: TableName
  #db: ClickHouse | null = null

  constructor(config: ClickHouseSinkSettings, deps: SinkDeps) {
    this.#config = config
    this.#deps = deps
    this.#tables = tablesOf(config)
    this.#iocs = this.#tables.iocs
    this.settings = fingerprint([LAYOUT, config.tables.iocs, config.weak, config.keep_old])
  }

  async open(signal: AbortSignal): Promise<Position | null> {
    await this.close()
    return await this.#telling(async () => {
      const { dataDir, log, metrics } = this.#deps
      const db = await openClickHouse(this.#config, { dataDir, log, metrics, signal })
      this.#db = db
      await prepare(db, sinkTables({ iocs: this.#iocs }), signal)
      await openLive(this.#live(db, signal))
      await this.#dropStale(db)
      return await this.#readPosition(db)
    })
  }

  async apply(states: readonly KeyState[], signal: AbortSignal): Promise<void> {
    const wanted = states.filter(isMatchable)
    signal.throwIfAborted()
    if (wanted.length === 0) return void this.#open()
    await this.#batch({ everything: false, signal }, async (job) => {
      await this.#put(job, rowsIn(wanted, this.#rowOptions(job, 0)))
      await this.#reconcile(job)
    })
  }

  async remember(position: Position): Promise<void> {
    await this.#write(this.#stateKey('position'), JSON.stringify(position))
  }

  async beat(heartbeat: Heartbeat): Promise<void> {
    await this.#write(this.#stateKey('heartbeat'), JSON.stringify(heartbeat))
    await this.#telling(() => seen(this.#live(this.#open())))
  }

  async rebuild(states: AsyncIterable<readonly KeyState[]>, signal: AbortSignal): Promise<void> {
    // In the place of the position, which is void from here on.
    await this.#write(this.#stateKey('position'), '')
    await this.#batch({ everything: true, signal }, async (job) => {
      const seen = { any: false }
      await this.#put(job, this.#allRows(job, states, seen))
      if (seen.any) await this.#reconcile(job)
    })
  }

  async verify(states: readonly KeyState[]): Promise<Verification> {
    const wanted = states.filter(isMatchable)
    const result = { checked: states.length, missing: 0, different: 0 }
    if (wanted.length === 0) return result
    const { signal } = new AbortController()
    await this.#batch({ everything: false, signal }, async (job) => {
      await this.#put(job, rowsIn(wanted, this.#rowOptions(job, 0)))
      const found = await job.db.row<{ missing: string; different: string }>(
        this.#statements(job).verify,
        { params: this.#params(job) },
      )
      result.missing = Number(found.missing)
      result.different = Number(found.different)
    })
    return result
  }

  check(ledger?: string): Promise<Health> {
    const { dataDir, log, metrics, clock, keepHits } = this.#deps
    return examine({
      connect: () => openClickHouse(this.#config, { dataDir, log, metrics }),
      tables: this.#tables,
      stateKey: (what) => this.#stateKey(what),
      settings: this.settings,
      sources: this.#sources(),
      now: clock(),
      ledger,
      keepHits,
    })
  }

  async close(): Promise<void> {
    const db = this.#db
    this.#db = null
    await db?.close()
  }

  #open(): ClickHouse {
    if (this.#db) return this.#db
    throw new SinkUnavailable({ sink: NAME, what: `${nameOf(this.#config)} is not connected` })
  }

  async #batch(
    { everything, signal }: Pick<Job, 'everything' | 'signal'>,
    work: (job: Job) => Promise<void>,
  ): Promise<void> {
    const db = this.#open()
    const batch = `${String(this.#deps.clock()).padStart(12, '0')}-${randomUUID()}`
    const job = { db, batch, everything, signal }
    await this.#telling(async () => {
      try {
        await work(job)
      } finally {
        await this.#dropBatch(job)
      }
    })
  }

  /** ClickHouse finds what differs; what is new is there before what is old goes. */
  async #reconcile(job: Job): Promise<void> {
    const { db, signal } = job
    const { add, count, moved, remove, removeDoubles } = this.#statements(job)
    const batch = { params: this.#params(job), signal }
    const [ips] = await Promise.all([
      job.everything ? [] : db.row<{ ips: string[] }>(moved, batch).then(({ ips }) => ips),
      db.command(add, batch),
    ])
    const asking = { ...batch, params: { ...batch.params, moved: ips } }
    const { old, doubles } = await db.row<{ old: string; doubles: string }>(count, asking)
    if (Number(old) > 0) await db.command(remove, asking)
    if (Number(doubles) > 0) {
      // A write whose answer was lost had come through, and was then repeated.
      await db.command(removeDoubles, asking)
      await db.command(add, asking)
    }
    this.#deps.metrics.count('tipline_sink_removed_total', { sink: NAME }, Number(old))
    await this.#matchAnew(job, ips)
  }

  /** What flows are matched with follows at once. */
  async #matchAnew(
    { db, batch, everything, signal }: Job,
    moved: readonly string[],
  ): Promise<void> {
    const live = this.#live(db, signal)
    if (everything) return await rebuildLive(live)
    const ips = `SELECT ip FROM ${quoted(batchName(this.#iocs))} WHERE batch = {batch:String}
      UNION ALL SELECT arrayJoin({moved:Array(String)}) AS ip`
    await refreshLive(live, { ips, params: { batch, moved } })
  }

  #live(db: ClickHouse, signal?: AbortSignal): LiveOptions {
    const { log, networks = {}, keepHits } = this.#deps
    const telling = tellingOf(this.#config, networks)
    return { db, tables: this.#tables, log, telling, keepSeconds: keepHits, signal }
  }

  async #put({ db, signal }: Job, rows: Iterable<Row> | AsyncIterable<Row>): Promise<void> {
    const table = quoted(batchName(this.#iocs))
    await db.insert({ table, columns: BATCH_VALUES, rows, signal })
  }

  async *#allRows(
    job: Job,
    states: AsyncIterable<readonly KeyState[]>,
    seen: { any: boolean },
  ): AsyncGenerator<Row> {
    let turn = 0
    for await (const batch of states) {
      seen.any ||= batch.length > 0
      yield* rowsIn(batch.filter(isMatchable), this.#rowOptions(job, turn++))
    }
  }

  async #readPosition(db: ClickHouse): Promise<Position | null> {
    const { readState } = statementsFor(this.#iocs, { everything: false, keepOld: false })
    const name = this.#stateKey('position')
    const { value } = await db.row<{ value: string }>(readState, { params: { name } })
    return value === '' ? null : (JSON.parse(value) as Position)
  }

  async #write(name: string, value: string): Promise<void> {
    const db = this.#open()
    const table = quoted(stateName(this.#iocs))
    await this.#telling(() =>
      db.insert({ table, columns: ['name', 'value'], rows: [[name, value]] }),
    )
  }

  async #dropBatch(job: Job): Promise<void> {
    try {
      const { dropBatch } = this.#statements(job)
      await job.db.command(dropBatch, { params: { batch: job.batch } })
    } catch (error) {
      if (!(error instanceof ClickHouseError)) throw error
      this.#deps.log.debug({ err: error }, 'a batch was left behind; the next run drops it')
    }
  }

  async #dropStale(db: ClickHouse): Promise<void> {
    const statements = statementsFor(this.#iocs, { everything: false, keepOld: false })
    const before = String(this.#deps.clock() - STALE_SECONDS).padStart(12, '0')
    const params = { ...batchName(this.#iocs), before }
    for (const { batch } of await db.rows<{ batch: string }>(statements.oldBatches, { params })) {
      await db.command(statements.dropBatch, { params: { batch } })
    }
  }

  #statements({ everything }: Job) {
    return statementsFor(this.#iocs, { everything, keepOld: this.#config.keep_old })
  }

  #params({ batch }: Job) {
    return { batch, ours: this.#sources() }
  }

  #rowOptions({ batch }: Job, turn: number): RowOptions {
    return { batch, turn, weak: this.#config.weak }
  }

  /** The only rows that are ours to take away: those of the sources in the config. */
  #sources(): readonly string[] {
    return this.#deps.sourceNames
  }

  /** Several ledgers may share a table, each with its own sources. */
  #stateKey(what: string): string {
    return `${what} of ${[...this.#sources()].sort().join(',')}`
  }

  async #telling<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ClickHouseError)) throw error
      // It may come back empty, or as another one.
      await this.close()
      const { message: what, hint } = error
      throw new SinkUnavailable({ sink: NAME, what, ...(hint && { hint }), cause: error })
    }
  }
}

function* rowsIn(states: readonly KeyState[], options: RowOptions): Generator<Row> {
  for (const state of states) yield* rowsOf(state, options)
}

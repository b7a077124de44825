/**
 * From the ledger to a sink. One loop for all sinks: read the full present state of each key touched
 * since the cursor, apply it, move the cursor. A sink that belongs to another ledger, is ahead of this
 * one, was set up otherwise or remembers nothing is rebuilt from the ledger.
 *
 * The caller holds the ship lock.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { SinkRejected, SinkUnavailable } from '../errors.js'
import { readCursors } from '../ledger/changes.js'
import { liveKeyCounts, netLengths } from '../ledger/knowledge.js'
import type { Ledger } from '../ledger/ledger.js'
import { hasSinkAside, readSinkAside } from '../ledger/sink-aside.js'
import { readSources } from '../ledger/sources.js'
import { MOST_SPELLED, unspelledNets } from '../ledger/spelled.js'
import type { Batch, StateReader } from '../ledger/states.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { retry, type Sleep } from '../retry.js'
import type { Heartbeat, Position, Sink } from '../sinks/sink.js'
import { Latency } from './latency.js'

export interface ShipOptions {
  readonly ledger: Ledger
  readonly sink: Sink
  /** Epoch seconds. */
  readonly clock: () => number
  readonly log: Logger
  readonly metrics: Metrics
  readonly progress: (keys: number) => void
  /** Tries before a sink that is down is given up; default: some. */
  readonly attempts?: number | undefined
  /** How to wait between two tries. */
  readonly sleep?: Sleep | undefined
  readonly signal: AbortSignal
}

export interface ShipReport {
  readonly sink: string
  readonly ok: boolean
  readonly keys: number
  /** Why it was rebuilt, or null. */
  readonly rebuilt: string | null
  /** Why parts of it were repaired, or null. */
  readonly repaired: string | null
  /** What the user has to see to, a line each. */
  readonly alarms: readonly string[]
  readonly setAside: number
  readonly error: SinkUnavailable | null
}

/** Changes a batch; large enough for the pipeline, small enough to keep the thread free. */
const BATCH = 1000
/** Indicators of a page where all is read: each costs two messages between threads. */
const PAGE = 2000
const PAUSE_MS = 50
/** Live keys compared with the sink in every cycle: a loss of one in a hundred shows in 99 of 100 cycles. */
const SAMPLE = 500
const RETRY = { attempts: 4, baseMs: 500, maxMs: 5000 }

/** Tells a shipper that runs beside a pull when there is more, and when that is all. */
export class Feedline {
  #open = true
  #wake: (() => void)[] = []

  get open(): boolean {
    return this.#open
  }

  /** There may be new changes. */
  poke(): void {
    for (const wake of this.#wake.splice(0)) wake()
  }

  /** No more changes will come. */
  close(): void {
    this.#open = false
    this.poke()
  }

  /** Until the next poke, or a little while. */
  async more(): Promise<void> {
    if (!this.#open) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, PAUSE_MS * 20)
      this.#wake.push(() => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
}

/** Brings one sink up to the ledger and follows it until the line is closed. Never throws but on abort. */
export async function ship(options: ShipOptions, line: Feedline): Promise<ShipReport> {
  const shipment = new Shipment(options, line)
  try {
    await retry(() => shipment.run(), {
      ...RETRY,
      ...(options.attempts !== undefined && { attempts: options.attempts }),
      signal: options.signal,
      sleep: options.sleep,
      isRetryable: (error) => (error instanceof SinkUnavailable ? {} : false),
      onRetry: ({ error, delayMs }) => {
        const { message } = error as Error
        options.log.warn({ sink: options.sink.name, delayMs }, `${message}; trying again`)
      },
    })
    return shipment.report(null)
  } catch (error) {
    if (!(error instanceof SinkUnavailable)) throw error
    options.metrics.count('tipline_sink_errors_total', { sink: options.sink.name })
    return shipment.report(error)
  } finally {
    shipment.close()
  }
}

class Shipment {
  readonly #options: ShipOptions
  readonly #line: Feedline
  readonly #states: StateReader
  #keys = 0
  #setAside = 0
  #rebuilt: string | null = null
  #repaired: string | null = null
  #alarms: readonly string[] = []

  constructor(options: ShipOptions, line: Feedline) {
    this.#options = options
    this.#line = line
    const { blind = false, spellsNets = false } = options.sink
    this.#states = options.ledger.openStates({ spelled: spellsNets, retired: blind })
  }

  close(): void {
    this.#states.close()
  }

  async run(): Promise<void> {
    const { ledger, sink, signal, clock } = this.#options
    const here = readCursors(ledger.db).find((cursor) => cursor.sink === sink.name)
    const there = await sink.open(signal, { ledger: ledger.id, seq: here?.seq ?? null })
    const why = reasonToRebuild({
      there,
      here: here ?? null,
      ledger: ledger.id,
      settings: sink.settings,
    })
    const from = here?.seq ?? 0
    const seq = why === null ? await this.#follow(from, here?.at ?? 0) : await this.#rebuild(why)
    await this.#check(seq)
    await sink.beat(heartbeat(ledger, { at: clock(), spelled: this.#states.spelledAddresses() }))
    this.#alarm()
    this.#tellUnspelled()
    this.#options.metrics.gauge(
      'tipline_sink_lag_changes',
      { sink: sink.name },
      this.#states.head() - seq,
    )
  }

  report(error: SinkUnavailable | null): ShipReport {
    return {
      sink: this.#options.sink.name,
      ok: error === null,
      keys: this.#keys,
      rebuilt: this.#rebuilt,
      repaired: this.#repaired,
      alarms: this.#alarms,
      setAside: this.#setAside,
      error,
    }
  }

  /** Ships what was touched after `cursor`, moved there at `since`; answers where it ended. */
  async #follow(cursor: number, since: number): Promise<number> {
    const { sink, signal, ledger, metrics, clock } = this.#options
    const latency = new Latency({ db: ledger.db, metrics, sink: sink.name, since, clock })
    let seq = cursor
    for await (const batch of this.#touched(cursor)) {
      await this.#forgetAside(batch)
      await this.#settingAside(() => sink.apply(batch.states, signal))
      seq = batch.seq
      await this.#remember(seq)
      this.#count(batch)
      latency.observe(batch.states)
    }
    return seq
  }

  /**
   * From nothing: all live keys, then what is touched while that goes on. The cursor moves only at the
   * end: a rebuild that breaks off starts again.
   */
  async #rebuild(why: string): Promise<number> {
    const { sink, signal, log, metrics, ledger } = this.#options
    log.info({ sink: sink.name }, `rebuilding the sink: ${why}`)
    metrics.count('tipline_sink_rebuilds_total', { sink: sink.name, reason: why })
    this.#rebuilt = why
    this.#keys = 0
    const end = { seq: 0 }
    await ledger.writer.clearSinkAside({ sink: sink.name, items: null })
    await this.#settingAside(() => sink.rebuild(this.#everything(end), signal))
    await this.#remember(end.seq)
    return end.seq
  }

  /** A sample of what the sink is to hold at `seq`; where it has lost something, that is repaired. */
  async #check(seq: number): Promise<void> {
    const { sink, metrics } = this.#options
    const sample = this.#states.sample(SAMPLE).filter(this.#notAside())
    // Somebody wrote to the ledger meanwhile: what is new there is no loss here.
    const comparable = this.#states.head() === seq
    const { checked, missing, different } = await sink.verify(comparable ? sample : [])
    const labels = { sink: sink.name }
    const found = { missing, different, same: checked - missing - different }
    for (const [result, count] of Object.entries(found)) {
      metrics.count('tipline_sink_sampled_total', { ...labels, result }, count)
    }
    const lost =
      missing + different > 0 ? `${missing + different} of ${checked} sampled keys` : null
    const why = sink.strays ? sink.strays() : lost
    // What was written a moment ago and is not there will not stay by writing it again.
    if (why !== null && this.#rebuilt === null) await this.#repair(why, seq)
  }

  /** What the sink does not take is not missing. */
  #notAside(): (state: Batch['states'][number]) => boolean {
    const { ledger, sink } = this.#options
    if (!hasSinkAside(ledger.db, sink.name)) return () => true
    const all = readSinkAside(ledger.db, Number.MAX_SAFE_INTEGER)
    const aside = new Set(all.flatMap((entry) => (entry.sink === sink.name ? entry.item : [])))
    return ({ space, value }) => !aside.has(`${space}:${value}`)
  }

  /** What is touched meanwhile is shipped by the next cycle, as to the parts that lost nothing. */
  async #repair(why: string, seq: number): Promise<void> {
    const { sink, signal, log, metrics } = this.#options
    log.warn({ sink: sink.name }, `repairing the sink: ${why}`)
    metrics.count('tipline_sink_repairs_total', { sink: sink.name })
    this.#repaired = why
    const states = this.#live()
    await this.#settingAside(() =>
      sink.repair ? sink.repair(states, signal) : sink.rebuild(states, signal),
    )
    await this.#remember(seq)
  }

  async *#live(): AsyncGenerator<Batch['states']> {
    const { ledger } = this.#options
    for await (const batch of this.#states.everythingOf(ledger.pages, PAGE)) {
      yield batch.states
      this.#count(batch)
    }
  }

  #alarm(): void {
    const { sink, log } = this.#options
    this.#alarms = sink.alarms?.() ?? []
    for (const alarm of this.#alarms) log.error({ sink: sink.name }, alarm)
  }

  #tellUnspelled(): void {
    const { sink, ledger, metrics, log } = this.#options
    if (!sink.spellsNets) return
    const nets = unspelledNets(ledger.db)
    metrics.gauge('tipline_sink_nets_unspelled', { sink: sink.name }, nets)
    if (nets === 0) return
    const what = `there is no room to spell out more nets as addresses (${MOST_SPELLED} in all)`
    log.warn({ sink: sink.name, nets }, `${what}: readers find these by their misp-net: keys only`)
  }

  async *#everything(end: { seq: number }): AsyncGenerator<Batch['states']> {
    const { ledger } = this.#options
    end.seq = this.#states.head()
    for await (const batch of this.#states.everythingOf(ledger.pages, PAGE)) {
      end.seq = batch.seq
      yield batch.states
      this.#count(batch)
    }
    for await (const batch of this.#touched(end.seq)) {
      yield batch.states
      end.seq = batch.seq
      this.#count(batch)
    }
  }

  async *#touched(cursor: number): AsyncGenerator<Batch> {
    const { signal } = this.#options
    for (let seq = cursor; ; ) {
      signal.throwIfAborted()
      // Asked before reading: what is written between the two is read by the next round.
      const { open } = this.#line
      const batch = this.#states.touchedAfter(seq, BATCH)
      if (batch) {
        yield batch
        seq = batch.seq
        // A sink that has room answers at once. Without a turn of the event loop the ledger's writer
        // would wait, until all of this is shipped, to be told to apply the next batch.
        await turn()
      } else if (open) await this.#line.more()
      else return
    }
  }

  /** What these keys hold now is tried anew. */
  async #forgetAside({ states }: Batch): Promise<void> {
    const { ledger, sink } = this.#options
    if (!hasSinkAside(ledger.db, sink.name)) return
    const items = states.map(({ space, value }) => `${space}:${value}`)
    await ledger.writer.clearSinkAside({ sink: sink.name, items })
  }

  async #settingAside(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof SinkRejected)) throw error
      const { ledger, sink, clock, log, metrics } = this.#options
      const at = clock()
      this.#setAside += error.items.length
      const labels = { sink: sink.name }
      metrics.count('tipline_sink_set_aside_total', labels, error.items.length)
      await ledger.writer.setSinkAside(
        error.items.map(({ item, reason }) => ({ sink: sink.name, item, reason, at })),
      )
      log.warn({ sink: sink.name, items: error.items.length }, error.message)
    }
  }

  #count(batch: Batch): void {
    this.#keys += batch.states.length
    this.#options.progress(this.#keys)
  }

  /** First there, then here: a sink that is behind its cursor has lost writes. */
  async #remember(seq: number): Promise<void> {
    const { ledger, sink, clock } = this.#options
    await sink.remember({ ledger: ledger.id, seq, settings: sink.settings })
    await ledger.writer.moveCursor({ sink: sink.name, seq, settings: sink.settings, at: clock() })
  }
}

interface Standing {
  readonly there: Position | null
  readonly here: { readonly seq: number; readonly settings: string } | null
  readonly ledger: string
  /** The sink's present settings. */
  readonly settings: string
}

/** Why the sink can't be trusted to hold the ledger's state up to the cursor; null: it can. */
export function reasonToRebuild(standing: Standing): string | null {
  const { there, here, settings } = standing
  if (here === null) return 'new'
  if (there === null) return 'it remembers nothing'
  if (there.ledger !== standing.ledger) return 'it holds the state of another ledger'
  if (there.seq < here.seq) return 'it has lost what was written last'
  // After a power cut, or between the two halves of `#remember`: what it holds more is unknown here.
  if (there.seq > here.seq) return 'it is ahead of the ledger'
  if (there.settings !== settings || here.settings !== settings) return 'its settings changed'
  return null
}

function heartbeat(ledger: Ledger, { at, spelled }: { at: number; spelled: number }): Heartbeat {
  const { db } = ledger
  const keys = liveKeyCounts(db)
  return {
    at,
    sources: readSources(db)
      .filter(({ place }) => place >= 0)
      .map(({ name, lastGood }) => ({ name, lastGoodSync: lastGood })),
    keys: spelled === 0 ? keys : { ...keys, ip: (keys.ip ?? 0) + spelled },
    netLengths: { v4: netLengths(db, 4), v6: netLengths(db, 6) },
  }
}

/**
 * One cycle: every source into the ledger, the ledger into every sink. Sinks follow while sources are
 * pulled. One source or sink that fails holds up no other.
 */
import { EXIT, type ExitStatus, SourceError } from '../errors.js'
import type { Ledger } from '../ledger/ledger.js'
import { acquireLock } from '../ledger/lock.js'
import { readWithheld, type SourceRow } from '../ledger/sources.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Sleep } from '../retry.js'
import type { Sink } from '../sinks/sink.js'
import type { Deriver } from './derive.js'
import { type PullReport, pull } from './pull.js'
import { type RejudgeReport, rejudgeDue, rejudgeIfChanged } from './rejudge.js'
import type { GuardSettings } from './settings.js'
import { Feedline, type ShipReport, ship } from './ship.js'
import type { Source } from './source.js'
import { Turns } from './turns.js'

export interface SyncOptions {
  readonly dataDir: string
  readonly ledger: Ledger
  readonly sources: readonly Source[]
  readonly sinks: readonly Sink[]
  readonly deriver: Deriver
  readonly guard: GuardSettings
  /** Ids of withheld changes that the user accepts. */
  readonly accept: ReadonlySet<string>
  /** Seconds an event may be missing; 0 in a one-shot sync. */
  readonly absentGrace: number
  /** How long history is kept; Infinity: for ever. */
  readonly historySeconds: number
  /** Epoch seconds. */
  readonly clock: () => number
  readonly log: Logger
  readonly metrics: Metrics
  readonly onProgress: (progress: SyncProgress) => void
  /** How to wait before a sink is tried again. */
  readonly sleep?: Sleep
  readonly signal: AbortSignal
}

export type SyncProgress =
  | {
      readonly phase: 'pull'
      readonly source: string
      readonly done: number
      readonly total: number
    }
  | { readonly phase: 'ship'; readonly sink: string; readonly keys: number }

export interface SyncReport {
  readonly status: ExitStatus
  readonly sources: readonly SourceReport[]
  readonly policy: RejudgeReport
  readonly sinks: readonly ShipReport[]
}

export type SourceReport =
  | ({ readonly ok: true } & PullReport)
  | { readonly ok: false; readonly source: string; readonly error: SourceError }

/** A hold by hand ships too, and takes seconds. */
const SHIP_LOCK_MS = 60_000

/** The caller holds the sync lock. @throws LedgerError, or the signal's reason when aborted */
export async function sync(options: SyncOptions): Promise<SyncReport> {
  const shipping = new Shipping(options)
  try {
    const { policy, sources } = await pullAll(options, shipping)
    // The ledger would else be tidied up when it is closed, with nothing else left to do.
    const [sinks] = await Promise.all([shipping.finish(), options.ledger.writer.checkpoint()])
    await options.ledger.writer.prune({
      sinks: options.sinks.map(({ name }) => name),
      historyBefore: options.clock() - options.historySeconds,
    })
    return { status: statusOf({ policy, sources, sinks }), policy, sources, sinks }
  } finally {
    await shipping.end()
  }
}

/**
 * Ships beside the applying of the last source: not earlier, since a sink that is rebuilt half-way
 * through would lose what the next source is about to bring, and the ship lock would keep a hold by
 * hand waiting through a long pull.
 */
class Shipping {
  readonly #options: SyncOptions
  readonly #line = new Feedline()
  #running: Promise<ShipReport[]> | undefined

  constructor(options: SyncOptions) {
    this.#options = options
  }

  start(): void {
    this.#running ??= withShipLock(this.#options, () => shipAll(this.#options, this.#line))
    // Awaited in finish or end; until then a failure must not count as unhandled.
    this.#running.catch(() => undefined)
  }

  poke(): void {
    this.#line.poke()
  }

  async finish(): Promise<ShipReport[]> {
    this.start()
    this.#line.close()
    return (await this.#running) ?? []
  }

  /** Whatever happened: nothing of it runs on. */
  async end(): Promise<void> {
    this.#line.close()
    await this.#running?.catch(() => undefined)
  }
}

async function withShipLock<T>(
  { dataDir, signal }: Pick<SyncOptions, 'dataDir' | 'signal'>,
  work: () => Promise<T>,
): Promise<T> {
  const lock = await acquireLock({ dataDir, name: 'ship', waitMs: SHIP_LOCK_MS, signal })
  try {
    return await work()
  } finally {
    lock.release()
  }
}

type ShipOptions = Pick<
  SyncOptions,
  'dataDir' | 'ledger' | 'sinks' | 'clock' | 'log' | 'metrics' | 'sleep' | 'signal'
> &
  Partial<Pick<SyncOptions, 'onProgress'>>

async function shipAll(options: ShipOptions, line: Feedline): Promise<ShipReport[]> {
  const { sinks, onProgress, sleep, ...rest } = options
  const shipments = sinks.map((sink) => {
    const progress = (keys: number) => onProgress?.({ phase: 'ship', sink: sink.name, keys })
    return ship({ ...rest, sleep, sink, progress }, line)
  })
  // What is thrown is a bug of one sink; the others must not run on behind our back.
  await Promise.allSettled(shipments)
  return Promise.all(shipments)
}

async function pullAll(
  options: SyncOptions,
  shipping: Shipping,
): Promise<Pick<SyncReport, 'policy' | 'sources'>> {
  const { ledger, clock, log } = options
  const rows = await ledger.writer.registerSources(options.sources.map(({ name }) => name))
  warnOfForsaken(rows, log)
  await ledger.writer.expireHolds(clock())
  const turns = new Turns()
  const judging = {
    writer: ledger.writer,
    turns,
    deriver: options.deriver,
    guard: options.guard,
    accept: options.accept,
    withheld: readWithheld(ledger.db).filter(({ source }) => source === null),
    now: clock(),
    log,
    signal: options.signal,
  }
  const policy = await rejudgeIfChanged(judging)
  await rejudgeDue(judging)
  const sources: SourceReport[] = []
  for (const source of options.sources) {
    const row = rows.find(({ name }) => name === source.name)
    const last = source === options.sources.at(-1)
    const onApplying = () => (last ? shipping.start() : undefined)
    const onApplied = () => shipping.poke()
    if (row) sources.push(await pullOne(options, { source, row, turns, onApplying, onApplied }))
  }
  return { policy, sources }
}

export function warnOfForsaken(rows: readonly SourceRow[], log: Logger): void {
  for (const { name, place } of rows) {
    if (place >= 0) continue
    log.warn(
      { source: name },
      `the source ${name} is no longer in the config: what it brought stays as it is until \`tipline forget ${name}\``,
    )
  }
}

interface One {
  readonly source: Source
  readonly row: SourceRow
  readonly turns: Turns
  readonly onApplying: () => void
  readonly onApplied: () => void
}

async function pullOne(options: SyncOptions, one: One): Promise<SourceReport> {
  const { ledger, log, metrics, onProgress, signal } = options
  const { source } = one
  try {
    const report = await pull({
      ...one,
      writer: ledger.writer,
      deriver: options.deriver,
      guard: options.guard,
      accept: options.accept,
      withheld: readWithheld(ledger.db).filter((entry) => entry.source === source.name),
      absentGrace: options.absentGrace,
      now: options.clock(),
      log,
      metrics,
      progress: (done, total) => onProgress({ phase: 'pull', source: source.name, done, total }),
      signal,
    })
    for (const warning of report.warnings) log.warn({ source: source.name }, warning)
    return { ok: true, ...report }
  } catch (error) {
    if (!(error instanceof SourceError)) throw error
    log.error({ source: source.name, err: error }, error.message)
    return { ok: false, source: source.name, error }
  }
}

export function statusOf({ policy, sources, sinks }: Omit<SyncReport, 'status'>): ExitStatus {
  const frozen = policy.withheld !== null || sources.some((s) => s.ok && s.withheld.length > 0)
  if (frozen) return EXIT.frozen
  const failed =
    sources.some((source) => !source.ok) || sinks.some((sink) => !sink.ok || sink.alarms.length > 0)
  return failed ? EXIT.outside : EXIT.done
}

/** Only the second half: what is in the ledger into the sinks. For holds by hand and restores. */
export async function shipOnly(options: Omit<ShipOptions, 'onProgress'>): Promise<ShipReport[]> {
  const line = new Feedline()
  line.close()
  return withShipLock(options, () => shipAll(options, line))
}

/** Keeps one source: pulls it on its schedule, and at once when asked to. */
import { SourceError } from '../errors.js'
import { readSources, readWithheld } from '../ledger/sources.js'
import type { MispSourceSettings } from '../misp/settings.js'
import { parseDuration } from '../policy/duration.js'
import type { SourceSettings } from '../sync/open-source.js'
import { type PullReport, pull } from '../sync/pull.js'
import type { Source } from '../sync/source.js'
import type { SourceReport } from '../sync/sync.js'
import { Bell } from './bell.js'
import { clockwork } from './clockwork.js'
import { Outage } from './outage.js'
import { withOwnSignal } from './rota.js'
import { epoch, type Works } from './works.js'

export interface SourceKeeperOptions {
  readonly works: Works
  readonly settings: SourceSettings
  readonly source: Source
  /** Called when the ledger may hold something new. */
  readonly onApplied: () => void
  /** Called after a pull that brought new indicators. */
  readonly onAdded: () => void
}

/** A pull that somebody waits for. */
interface Wish {
  readonly accept: readonly string[]
  readonly resolve: (report: SourceReport | null) => void
}

export class SourceKeeper {
  readonly name: string
  readonly outage: Outage
  readonly #options: SourceKeeperOptions
  readonly #bell = new Bell()
  #wishes: Wish[] = []
  #tried: () => void = () => undefined
  /** It has been pulled once, or could not be. */
  readonly tried = new Promise<void>((resolve) => {
    this.#tried = resolve
  })
  #isPulling = false
  #hasTried = false
  #hasEnded = false

  constructor(options: SourceKeeperOptions) {
    const { works, settings } = options
    this.name = settings.name
    this.outage = new Outage({ source: settings.name }, works.log, works.clocks)
    this.#options = options
  }

  /** It has been pulled once, or could not be. */
  get hasTried(): boolean {
    return this.#hasTried
  }

  get isPulling(): boolean {
    return this.#isPulling
  }

  /**
   * Pulls it whole, as soon as a pull that is under way has ended. `accept`: ids of withheld changes.
   * null: it was stopped before.
   */
  pullNow(accept: readonly string[]): Promise<SourceReport | null> {
    return new Promise((resolve) => {
      if (this.#hasEnded) return resolve(null)
      this.#wishes.push({ accept, resolve })
      this.#bell.ring()
    })
  }

  /** Until the abort; then no pull is left half-done. @throws LedgerError, or a bug */
  async run(signal: AbortSignal): Promise<void> {
    const { works, settings } = this.#options
    const clock = clockwork(settings.every, works.clocks, this.#row().lastGood)
    while (!signal.aborted) {
      await this.#bell.wait(clock.waitMs(), signal)
      const wishes = this.#wishes.splice(0)
      if (signal.aborted || (wishes.length === 0 && clock.waitMs() > 0)) continue
      clock.begun()
      const report = await withOwnSignal(signal, (own) => this.#pull(wishes, own))
      for (const { resolve } of wishes) resolve(report)
    }
    this.#hasEnded = true
    for (const { resolve } of this.#wishes) resolve(null)
  }

  /** null: it was told to stop. */
  async #pull(wishes: readonly Wish[], signal: AbortSignal): Promise<SourceReport | null> {
    this.#isPulling = true
    try {
      const report = await pull({ ...this.#request(), accept: acceptedBy(wishes), signal })
      this.outage.over()
      for (const warning of report.warnings) this.#log.warn({ source: this.name }, warning)
      if (!report.unchanged) this.#log.info(factsOf(report), 'pulled')
      if (report.added + report.changed > 0) this.#options.onAdded()
      return { ok: true, ...report }
    } catch (error) {
      if (signal.aborted) return null
      if (!(error instanceof SourceError)) throw error
      this.outage.failed(error)
      return { ok: false, source: this.name, error }
    } finally {
      this.#isPulling = false
      this.#hasTried = true
      this.#tried()
      this.#options.onApplied()
    }
  }

  #request() {
    const { works, source, settings, onApplied } = this.#options
    const { ledger, deriver, turns, guard, log, metrics } = works
    return {
      source,
      row: this.#row(),
      writer: ledger.writer,
      turns,
      deriver,
      guard,
      withheld: readWithheld(ledger.db).filter((entry) => entry.source === this.name),
      absentGrace: graceOf(settings),
      now: epoch(works),
      log,
      metrics,
      progress: () => undefined,
      onApplying: () => undefined,
      onApplied,
    }
  }

  #row() {
    const row = readSources(this.#options.works.ledger.db).find(({ name }) => name === this.name)
    if (!row) throw new Error(`the source ${this.name} is not registered`)
    return row
  }

  get #log() {
    return this.#options.works.log
  }
}

function acceptedBy(wishes: readonly Wish[]): ReadonlySet<string> {
  return new Set(wishes.flatMap(({ accept }) => accept))
}

/** A feed says itself what it has; there is nothing to wait for. */
function graceOf(settings: SourceSettings): number {
  const { absent_grace } = settings as Partial<MispSourceSettings>
  return absent_grace === undefined ? 0 : (parseDuration(absent_grace) ?? 0)
}

function factsOf(report: PullReport) {
  const { source, attributes, added, changed, removed } = report
  return { source, attributes, added, changed, removed }
}

/** Keeps one source: pulls it on its schedule, and at once when asked to. */
import { SourceError } from '../errors.js'
import { readSources, readWithheld } from '../ledger/sources.js'
import type { MispSourceSettings } from '../misp/settings.js'
import type { Outage } from '../outage.js'
import { parseDuration } from '../policy/duration.js'
import { LargeEvents } from '../sync/large-events.js'
import type { SourceSettings } from '../sync/open-source.js'
import { type PullReport, pull } from '../sync/pull.js'
import type { Pass, Source } from '../sync/source.js'
import type { SourceReport } from '../sync/sync.js'
import { Bell } from './bell.js'
import { clockwork } from './clockwork.js'
import { nextPasses, type Reread, sliceOf, WHOLE } from './passes.js'
import { withOwnSignal } from './rota.js'
import { epoch, type Works } from './works.js'

export interface SourceKeeperOptions {
  readonly works: Works
  readonly settings: SourceSettings
  readonly source: Source
  /** Called when the ledger may hold something new. */
  readonly onApplied: () => void
}

/** Edits come in bursts: one look for all. */
const HINT_PAUSE_MS = 1000
const MOST_HINTS = 500

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
  readonly #large: LargeEvents
  readonly #hints = new Set<string>()
  #isHinted = false
  /** Up to when MISP was asked for all that moved, by its clock. */
  #lastAt: number | null = null
  /** When everything was compared last, by ours, which never jumps. */
  #wholeAt = Number.NEGATIVE_INFINITY
  #wishes: Wish[] = []
  #tried: () => void = () => undefined
  /** It has been pulled once, or could not be. */
  readonly tried = new Promise<void>((resolve) => {
    this.#tried = resolve
  })
  #rereadAt = Number.NEGATIVE_INFINITY
  #isPulling = false
  #hasTried = false
  #hasEnded = false

  constructor(options: SourceKeeperOptions) {
    const { works, settings } = options
    this.name = settings.name
    this.outage = works.outages.of({ source: settings.name })
    this.#large = new LargeEvents(works.clocks.monotonic)
    this.#options = options
  }

  /** This event is said to have changed; null: something has. It is looked at within seconds. */
  hint(uuid: string | null): void {
    this.#options.works.metrics.count('tipline_zmq_hints_total', { source: this.name })
    // Whoever tells of more has the schedule to wait for.
    if (uuid !== null && this.#hints.size < MOST_HINTS) this.#hints.add(uuid)
    if (this.#isHinted) return
    this.#isHinted = true
    setTimeout(() => this.#bell.ring(), HINT_PAUSE_MS).unref()
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
      if (signal.aborted) break
      const wishes = this.#wishes.splice(0)
      if (wishes.length === 0 && !this.#isHinted && clock.waitMs() > 0) continue
      const isDue = clock.waitMs() === 0
      // A hint must not put off what is due.
      if (isDue || wishes.length > 0) clock.begun()
      let report: SourceReport | null = null
      for (const pass of this.#nextPasses(wishes, isDue)) {
        report = await withOwnSignal(signal, (own) => this.#pull(pass, wishes, own))
        if (!report?.ok) break
      }
      if (report?.ok) await withOwnSignal(signal, (own) => this.#readAgain(own))
      for (const { resolve } of wishes) resolve(report)
    }
    this.#hasEnded = true
    // Whoever waits for it must not wait for ever.
    this.#tried()
    this.outage.forget()
    for (const { resolve } of this.#wishes) resolve(null)
  }

  /** null: it was told to stop. */
  async #pull(
    pass: Pass,
    wishes: readonly Wish[],
    signal: AbortSignal,
  ): Promise<SourceReport | null> {
    this.#isPulling = true
    try {
      const report = await pull({ ...this.#request(), pass, accept: acceptedBy(wishes), signal })
      // Who was asked for some events has said nothing of the others.
      if (pass.kind !== 'named') this.#lastAt = report.at
      if (pass.kind === 'whole') this.#wholeAt = this.#options.works.clocks.monotonic()
      this.outage.over()
      for (const warning of report.warnings) this.#log.warn({ source: this.name }, warning)
      if (!report.unchanged) this.#log.info(factsOf(report), 'pulled')
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

  #nextPasses(wishes: readonly Wish[], isDue: boolean): readonly Pass[] {
    const hints = [...this.#hints]
    this.#hints.clear()
    this.#isHinted = false
    if (!this.#options.source.knowsPasses) return [WHOLE]
    return nextPasses({
      isAsked: wishes.length > 0,
      isFrozen: this.#withheld().length > 0,
      isDue,
      hints,
      lastAt: this.#lastAt,
      sinceWholeMs: this.#options.works.clocks.monotonic() - this.#wholeAt,
      absentGrace: graceOf(this.#options.settings),
    })
  }

  /**
   * Some changes move nothing that can be asked for (local tags, sharing groups): each event is read again
   * once a day, a slice after each whole comparison, and what that finds is counted.
   */
  async #readAgain(signal: AbortSignal): Promise<void> {
    const { works, source } = this.#options
    const { writer } = works.ledger
    if (!source.knowsPasses || this.#wholeAt === this.#rereadAt) return
    this.#rereadAt = this.#wholeAt
    const request = this.#request()
    if (request.withheld.length > 0) return
    const key = `reread:${this.name}`
    const kept = await writer.getMeta(key)
    const before: Reread = kept ? JSON.parse(kept) : { after: '', at: epoch(works) }
    const known = await writer.knownEvents(request.row.id)
    const { events, next } = sliceOf(known, before, epoch(works))
    if (events.length > 0 && !(await this.#pullAgain(events, signal))) return
    await writer.setMeta(key, JSON.stringify(next))
  }

  /** Whether it could be read. */
  async #pullAgain(events: readonly string[], signal: AbortSignal): Promise<boolean> {
    const pass: Pass = { kind: 'again', events }
    try {
      const report = await pull({ ...this.#request(), pass, accept: new Set(), signal })
      const gone = Object.values(report.removed).reduce((sum, n) => sum + n, 0)
      const missed = report.added + report.changed + gone
      const { metrics } = this.#options.works
      metrics.count('tipline_pull_missed_total', { source: this.name }, missed)
      const facts = { source: this.name, events: events.length, missed }
      if (missed > 0) this.#log.info(facts, 'read again, and found what nothing had told of')
      return true
    } catch (error) {
      if (!signal.aborted && !(error instanceof SourceError)) throw error
      return false
    } finally {
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
      large: this.#large,
      guard,
      withheld: this.#withheld(),
      absentGrace: graceOf(settings),
      now: epoch(works),
      log,
      metrics,
      progress: () => undefined,
      onApplying: () => undefined,
      onApplied,
    }
  }

  #withheld() {
    const { db } = this.#options.works.ledger
    return readWithheld(db).filter((entry) => entry.source === this.name)
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

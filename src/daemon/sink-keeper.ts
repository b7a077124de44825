/**
 * Keeps one sink in step with the ledger. A round opens the sink, follows the ledger's changes for half a
 * minute, then looks whether the sink still holds what it was given, and tells it the heartbeat. What
 * others write to the ledger meanwhile (a hold by hand) is followed too, within a second.
 */

import type { Outage } from '../outage.js'
import type { Sink } from '../sinks/sink.js'
import { Feedline, type ShipReport, ship } from '../sync/ship.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import { epoch, type Works } from './works.js'

const ROUND_MS = 30_000
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000

export interface SinkKeeperOptions {
  readonly works: Works
  readonly sink: Sink
  /** How long a round follows the ledger; default: half a minute. */
  readonly roundMs?: number
}

export class SinkKeeper {
  readonly name: string
  readonly outage: Outage
  readonly #options: SinkKeeperOptions
  readonly #bell = new Bell()
  #line = new Feedline()
  #last: ShipReport | null = null
  /** Those who wait for a round that ends after they asked. */
  #waiting: ((report: ShipReport | null) => void)[] = []
  #hasEnded = false

  constructor(options: SinkKeeperOptions) {
    const { works, sink } = options
    this.name = sink.name
    this.outage = works.outages.of({ sink: sink.name })
    this.#options = options
  }

  /** What came of the last round; null: none has ended yet. */
  get last(): ShipReport | null {
    return this.#last
  }

  /** The ledger may hold something new. */
  poke(): void {
    this.#line.poke()
  }

  /**
   * Brings the sink up to the ledger as it is now, and looks it over; answers what came of it. null: it
   * was stopped before.
   */
  settle(): Promise<ShipReport | null> {
    return new Promise((resolve) => {
      if (this.#hasEnded) return resolve(null)
      this.#waiting.push(resolve)
      this.#line.close()
      this.#bell.ring()
    })
  }

  /** Until the abort. @throws LedgerError, or a bug */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const report = await withOwnSignal(signal, (own) => this.#round(own))
      if (report && !report.ok) await this.#bell.wait(this.#pauseMs(), signal)
    }
    this.#hasEnded = true
    this.outage.forget()
    for (const resolve of this.#waiting) resolve(null)
  }

  /** null: it was told to stop. */
  async #round(signal: AbortSignal): Promise<ShipReport | null> {
    const line = new Feedline()
    this.#line = line
    const waiting = this.#waiting.splice(0)
    // The first round is a short one: whether all is well is to be known soon.
    const { roundMs = ROUND_MS } = this.#options
    const long = this.#last?.ok === true && waiting.length === 0
    const end = setTimeout(() => line.close(), long ? roundMs : 0)
    signal.addEventListener('abort', () => line.close())
    try {
      const report = await this.#ship(line, signal)
      this.#note(report)
      for (const resolve of waiting) resolve(report)
      return report
    } catch (error) {
      if (!signal.aborted) throw error
      for (const resolve of waiting) resolve(null)
      return null
    } finally {
      clearTimeout(end)
    }
  }

  #ship(line: Feedline, signal: AbortSignal): Promise<ShipReport> {
    const { works, sink } = this.#options
    const { ledger, log, metrics } = works
    return ship(
      {
        ledger,
        sink,
        clock: () => epoch(works),
        log,
        metrics,
        progress: () => undefined,
        // Waiting between tries is done here, for as long as it takes.
        attempts: 1,
        signal,
      },
      line,
    )
  }

  #note(report: ShipReport): void {
    this.#last = report
    if (report.error) this.outage.failed(report.error)
    else this.outage.over()
  }

  #pauseMs(): number {
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (this.outage.tries - 1))
    return longest * (0.5 + Math.random() / 2)
  }
}

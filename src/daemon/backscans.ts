/**
 * Looks for new indicators in the flows of the past: one at a time, and behind everything else. A
 * ClickHouse that is down is no misfortune: what was not looked for now is looked for the next time.
 */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import type { LoadedConfig } from '../config/load.js'
import { ClickHouseError, RequestRefused, UsageError } from '../errors.js'
import type { BackscanRequest } from '../http/backend.js'
import { type BackscanReport, backscan } from '../match/backscan/backscan.js'
import { parseDuration } from '../policy/duration.js'
import { tellingOf } from '../sinks/clickhouse/settings.js'
import { Bell } from './bell.js'
import { Outage } from './outage.js'
import { withOwnSignal } from './rota.js'
import { epoch, type Works } from './works.js'

/** After new indicators: the sinks get them first, and more may follow. */
const PAUSE_MS = 5000

export class Backscans {
  readonly #works: Works
  readonly #config: () => LoadedConfig
  readonly #bell = new Bell()
  readonly #outage: Outage
  #isBusy = false

  constructor(works: Works, config: () => LoadedConfig) {
    this.#works = works
    this.#config = config
    this.#outage = new Outage({ part: 'backscan' }, works.log, works.clocks)
  }

  /** There are new indicators. */
  wake(): void {
    if (this.#seconds() !== null) this.#bell.ring()
  }

  /** Until the abort: after new indicators, what the config asks for. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const isNew = await this.#bell.wait(Number.POSITIVE_INFINITY, signal)
      if (!isNew) continue
      await new Bell().wait(PAUSE_MS, signal)
      const seconds = this.#seconds()
      if (seconds === null || signal.aborted) continue
      await withOwnSignal(signal, (own) => this.#try(seconds, own))
    }
  }

  /** @throws RequestRefused while another is under way; UsageError, ClickHouseError */
  async now({ seconds, value }: BackscanRequest, signal: AbortSignal): Promise<BackscanReport> {
    if (this.#isBusy) {
      throw new RequestRefused({ refusal: 'busy', what: 'a backscan is under way' })
    }
    return await this.#scan({ seconds, value }, signal)
  }

  async #try(seconds: number, signal: AbortSignal): Promise<void> {
    try {
      const report = await this.#scan({ seconds, value: null }, signal)
      this.#outage.over()
      const { log } = this.#works
      log.info({ ...report }, 'looked for new indicators in the flows of the past')
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof ClickHouseError)) throw error
      this.#outage.failed(error)
    }
  }

  async #scan({ seconds, value }: BackscanRequest, signal: AbortSignal): Promise<BackscanReport> {
    const { sinks, dataDir, networks } = this.#config()
    const { log } = this.#works
    if (!sinks.clickhouse) throw new UsageError(NO_CLICKHOUSE)
    this.#isBusy = true
    try {
      const db = await openClickHouse(sinks.clickhouse, { dataDir, log, signal })
      try {
        const until = epoch(this.#works) + 1
        const since = Math.max(until - seconds, 0)
        const tables = tablesOf(sinks.clickhouse)
        return await backscan({
          db,
          tables,
          since,
          until,
          value,
          telling: tellingOf(sinks.clickhouse, networks),
          progress: () => undefined,
          signal,
        })
      } finally {
        await db.close()
      }
    } finally {
      this.#isBusy = false
    }
  }

  #seconds(): number | null {
    return parseDuration(this.#config().sinks.clickhouse?.backscan ?? '')
  }
}

const NO_CLICKHOUSE = {
  what: 'the config has no ClickHouse',
  hint: 'add `clickhouse: {}` under `sinks` for the embedded one',
}

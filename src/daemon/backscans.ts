/**
 * Looks for new indicators in the flows of the past: one at a time, and behind everything else. A
 * ClickHouse that is down is no misfortune: what has been looked for stands there, so it is tried again
 * until nothing is left, also after a kill.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import type { LoadedConfig } from '../config/load.js'
import { ClickHouseError, LedgerError, UsageError } from '../errors.js'
import type { BackscanRequest } from '../http/backend.js'
import { headSeq, readCursors } from '../ledger/changes.js'
import type { LockOptions } from '../ledger/lock.js'
import { alone } from '../match/backscan/alone.js'
import { type BackscanReport, backscan } from '../match/backscan/backscan.js'
import type { Outage } from '../outage.js'
import { parseDuration } from '../policy/duration.js'
import {
  type ClickHouseSinkSettings,
  NO_CLICKHOUSE,
  tellingOf,
} from '../sinks/clickhouse/settings.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import { epoch, type Works } from './works.js'

/** After new indicators: the sinks get them first, and more may follow. */
const PAUSE_MS = 5000
const FIRST_RETRY_MS = 5000
const LONGEST_RETRY_MS = 5 * 60_000

/** For another backscan. */
type Waiting = Pick<LockOptions, 'waitMs'> & { readonly signal: AbortSignal }

interface Looking {
  readonly clickhouse: ClickHouseSinkSettings
  readonly request: BackscanRequest
  readonly signal: AbortSignal
}

export class Backscans {
  readonly #works: Works
  readonly #config: () => LoadedConfig
  readonly #bell = new Bell()
  readonly #outage: Outage
  /** The ledger's change up to which all has been looked for by this process. */
  #done = -1

  constructor(works: Works, config: () => LoadedConfig) {
    this.#works = works
    this.#config = config
    this.#outage = works.outages.of({ part: 'backscan' })
  }

  /** The ledger may hold something new. */
  wake(): void {
    if (this.#seconds() !== null) this.#bell.ring()
  }

  /** Until the abort: after each change, what the config asks for. */
  async run(signal: AbortSignal): Promise<void> {
    // The last process may not have come to its end.
    this.wake()
    while (!signal.aborted) {
      if (!(await this.#bell.wait(Number.POSITIVE_INFINITY, signal))) continue
      const head = headSeq(this.#works.ledger.db)
      if (head === this.#done) continue
      await this.#untilShipped(head, signal)
      const seconds = this.#seconds()
      if (signal.aborted) continue
      if (seconds === null) {
        // A reload has taken it out of the config.
        this.#outage.forget()
        continue
      }
      const isDone = await withOwnSignal(signal, (own) => this.#try(seconds, own))
      if (isDone) this.#done = head
      else await this.#pause(signal)
    }
  }

  /** @throws LedgerBusy while another is under way; UsageError, ClickHouseError */
  async now(request: BackscanRequest, signal: AbortSignal): Promise<BackscanReport> {
    return await this.#scan(request, { waitMs: 0, signal })
  }

  /** What ClickHouse has not got can't be looked for. */
  async #untilShipped(head: number, signal: AbortSignal): Promise<void> {
    const { db } = this.#works.ledger
    const isBehind = () => (readCursors(db).find(({ sink }) => sink === SINK)?.seq ?? -1) < head
    do await new Bell().wait(PAUSE_MS, signal)
    while (!signal.aborted && this.#seconds() !== null && isBehind())
  }

  /** Before it is tried again; a reload or new indicators do not hurry it. */
  async #pause(signal: AbortSignal): Promise<void> {
    this.#bell.ring()
    const ms = FIRST_RETRY_MS * 2 ** (this.#outage.tries - 1)
    await new Bell().wait(Math.min(ms, LONGEST_RETRY_MS), signal)
  }

  /** Whether it is done. */
  async #try(seconds: number, signal: AbortSignal): Promise<boolean> {
    try {
      const waiting = { waitMs: Number.POSITIVE_INFINITY, signal }
      const report = await this.#scan({ seconds, value: null }, waiting)
      this.#outage.over()
      const isNews = report.indicators > 0 || report.gaps > 0
      const level = isNews ? 'info' : 'debug'
      this.#works.log[level]({ ...report }, 'looked for new indicators in the flows of the past')
      return true
    } catch (error) {
      if (signal.aborted) return false
      // A full disk passes, too: the lock could not be taken.
      if (!(error instanceof ClickHouseError || error instanceof LedgerError)) throw error
      this.#outage.failed(error)
      return false
    }
  }

  async #scan(request: BackscanRequest, waiting: Waiting): Promise<BackscanReport> {
    const { sinks, dataDir } = this.#config()
    const { clickhouse } = sinks
    if (!clickhouse) throw new UsageError(NO_CLICKHOUSE)
    const { signal } = waiting
    const { log, metrics } = this.#works
    return await alone({ dataDir, ...waiting }, async () => {
      const db = await openClickHouse(clickhouse, { dataDir, log, metrics, signal })
      try {
        return await this.#look(db, { clickhouse, request, signal })
      } finally {
        await db.close()
      }
    })
  }

  async #look(
    db: ClickHouse,
    { clickhouse, request: { seconds, value }, signal }: Looking,
  ): Promise<BackscanReport> {
    const until = epoch(this.#works) + 1
    return await backscan({
      db,
      tables: tablesOf(clickhouse),
      since: Math.max(until - seconds, 0),
      until,
      value,
      telling: tellingOf(clickhouse, this.#config().networks),
      progress: () => undefined,
      signal,
    })
  }

  #seconds(): number | null {
    return parseDuration(this.#config().sinks.clickhouse?.backscan ?? '')
  }
}

/** Its name among the sinks. */
const SINK = 'clickhouse'

/**
 * Counts hits of flows. ClickHouse itself finds them, and whoever backscans writes them: they are counted
 * where they show up, by the second in which they were written, and again for a while after it.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import { quoted } from '../clickhouse/names.js'
import { ClickHouseError } from '../errors.js'
import type { Metrics } from '../metrics.js'
import { FLOW_HIT } from './flow-hits.js'
import { clockOf, LATE_SECONDS } from './follow.js'
import type { FlowStore } from './stores.js'

interface Second {
  /** By ClickHouse's clock, epoch seconds. */
  readonly at: number
  readonly way: 'live' | 'backscan'
  readonly hits: string
}

export class FlowHitCounter {
  readonly #metrics: Metrics
  /** How many hits of a second have been counted; null: what is there now is the beginning. */
  #counted: Map<string, number> | null = null
  /** Up to when it was looked, by ClickHouse's clock. */
  #seen = 0

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  /** Adds what came since the last call. @throws ClickHouseError: nothing is lost, the next call adds it */
  async count(flows: FlowStore, signal: AbortSignal): Promise<void> {
    const db = await flows.open()
    const now = await clockOf(db, signal)
    const after = Math.max(0, Math.min(this.#seen || now, now) - LATE_SECONDS)
    this.#add(await secondsOf(db, { flows, after, signal }))
    this.#seen = now
  }

  /** A merge that puts doubles together makes a second smaller: that is no news. */
  #add(seconds: readonly Second[]): void {
    const before = this.#counted
    const counted = new Map<string, number>()
    for (const { at, way, hits } of seconds) {
      const second = `${at} ${way}`
      const known = before?.get(second) ?? 0
      counted.set(second, Math.max(known, Number(hits)))
      if (before === null) continue
      this.#metrics.count('tipline_flow_hits_total', { way }, Math.max(0, Number(hits) - known))
    }
    this.#counted = counted
  }
}

/** None where the table is not there yet: it comes with the first sync, and what comes into it is new. */
async function secondsOf(
  db: ClickHouse,
  { flows, after, signal }: { flows: FlowStore; after: number; signal: AbortSignal },
): Promise<Second[]> {
  try {
    return await db.rows<Second>(
      `SELECT toUnixTimestamp(insert_ts) AS at, if(via = 'backscan', 'backscan', 'live') AS way,
         uniqExact(${FLOW_HIT}) AS hits
       FROM ${quoted(flows.tables.hits)} WHERE insert_ts >= toDateTime({after:UInt32})
       GROUP BY at, way`,
      { params: { after }, signal },
    )
  } catch (error) {
    if (error instanceof ClickHouseError && error.fault === 'missing') return []
    throw error
  }
}

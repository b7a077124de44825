/** How long it takes from the publication of an event in its MISP to its being in a sink. */
import type { Database, Statement } from '../ledger/sqlite.js'
import type { State } from '../ledger/state.js'
import type { Metrics } from '../metrics.js'

export interface LatencyOptions {
  readonly db: Database
  readonly metrics: Metrics
  readonly sink: string
  /** Epoch seconds: when the sink was last written to. */
  readonly since: number
  /** Epoch seconds. */
  readonly clock: () => number
}

/** What was published longer ago than this before the last write is an old event, not a slow one. */
const NEWS_SECONDS = 86_400

export class Latency {
  readonly #options: LatencyOptions
  readonly #published: Statement
  readonly #seen = new Set<string>()

  constructor(options: LatencyOptions) {
    this.#options = options
    this.#published = options.db.prepare(
      `SELECT e.publish_timestamp AS at FROM event e JOIN source s ON s.id = e.source
       WHERE s.name = ? AND e.uuid = ?`,
    )
  }

  /** These are in the sink now. Each event counts once, with the first of it that arrives. */
  observe(states: readonly State[]): void {
    const { metrics, sink, since, clock } = this.#options
    for (const { carriers } of states) {
      for (const { source, eventUuid, liveSince } of carriers) {
        if (liveSince < since || this.#isSeen(source, eventUuid)) continue
        const row = this.#published.get(source, eventUuid) as { at: number } | undefined
        if (row === undefined || row.at < since - NEWS_SECONDS) continue
        // MISP's clock may be ahead of ours.
        metrics.observe('tipline_publish_to_live_seconds', { sink }, Math.max(0, clock() - row.at))
      }
    }
  }

  #isSeen(source: string, event: string): boolean {
    const key = `${source}/${event}`
    if (this.#seen.has(key)) return true
    this.#seen.add(key)
    return false
  }
}

/** How long it takes from the publication of an event in its MISP to its being in a sink. */
import type { Database, Statement } from '../ledger/sqlite.js'
import type { State, StateCarrier } from '../ledger/state.js'
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
  readonly #news: Statement
  /** Publications that were counted. */
  readonly #seen = new Set<string>()

  constructor(options: LatencyOptions) {
    this.#options = options
    // What somebody held and has released, or a policy now serves, was not slow to come.
    this.#news = options.db.prepare(
      `SELECT e.publish_timestamp AS at
       FROM source s JOIN event e ON e.source = s.id AND e.uuid = :event
       JOIN attribute a ON a.event = e.id AND a.uuid = :attribute
       WHERE s.name = :source AND a.added_at > :since AND e.publish_timestamp >= :oldest`,
    )
  }

  /** These are in the sink now. Each publication counts once, with the first of it that arrives. */
  observe(states: readonly State[]): void {
    const { metrics, sink, since, clock } = this.#options
    const inBatch = new Set<string>()
    for (const { carriers } of states) {
      for (const carrier of carriers) {
        const event = `${carrier.source}/${carrier.eventUuid}`
        if (carrier.liveSince <= since || inBatch.has(event)) continue
        const at = this.#publicationOf(carrier)
        if (at === null) continue
        inBatch.add(event)
        if (this.#seen.has(`${event}/${at}`)) continue
        this.#seen.add(`${event}/${at}`)
        // MISP's clock may be ahead of ours.
        metrics.observe('tipline_publish_to_live_seconds', { sink }, Math.max(0, clock() - at))
      }
    }
  }

  /** Epoch seconds by MISP's clock; null: this attribute is no news. */
  #publicationOf({ source, eventUuid, attributeUuid }: StateCarrier): number | null {
    const { since } = this.#options
    const oldest = since - NEWS_SECONDS
    const row = this.#news.get({
      source,
      event: eventUuid,
      attribute: attributeUuid,
      since,
      oldest,
    })
    return (row as { at: number } | undefined)?.at ?? null
  }
}

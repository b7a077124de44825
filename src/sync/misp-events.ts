/**
 * The incremental pull: MISP's event index tells which events are new, changed or gone; the changed
 * ones are read whole.
 */
import type { KnownEvent } from '../ledger/sources.js'
import type { Metrics } from '../metrics.js'
import type { EventIndex, MispClient } from '../misp/client.js'
import type { IndexRow } from '../misp/rows.js'
import { EVENTS_A_LIST, EventReader, type Wanted } from './event-reader.js'
import type { CompiledFilters } from './filters.js'
import type { Answer, Pass, ReadRequest, Source } from './source.js'

export interface MispEventsOptions {
  readonly name: string
  readonly client: MispClient
  readonly settings: string
  readonly filters: CompiledFilters
  readonly types: readonly string[]
  /** Only published events count; an edit unpublishes an event until someone publishes it again. */
  readonly publishedOnly: boolean
  /** Loads only what was changed or published since then; what is loaded stays. */
  readonly since: Since | null
  /** Groups of events that are read at once. */
  readonly requests: number
  readonly metrics: Metrics
}

export interface Since {
  /** Seconds before now, or epoch seconds. */
  readonly ago?: number
  readonly at?: number
}

export function mispEvents(options: MispEventsOptions): Source {
  const { name, settings, filters, types, client } = options
  return {
    name,
    settings,
    filters,
    types,
    knowsPasses: true,
    read: (request) => new Reading(options, request).run(),
    identity: async (signal) => {
      const { roleId, roleName, orgId } = await client.me(signal)
      return `role ${roleId} (${roleName}), organisation ${orgId}`
    },
    close: async () => undefined,
  }
}

class Reading {
  readonly #options: MispEventsOptions
  readonly #request: ReadRequest
  readonly #known: ReadonlyMap<string, KnownEvent>
  #serverTime = 0

  constructor(options: MispEventsOptions, request: ReadRequest) {
    this.#options = options
    this.#request = request
    this.#known = new Map(request.known.map((event) => [event.uuid, event]))
  }

  async run(): Promise<Answer> {
    const { pass } = this.#request
    const index = await this.#index(pass)
    this.#serverTime = index.serverTime
    const changed = (await this.#inWindow(index.rows)).filter((row) => this.#isWanted(row))
    // A row that names no event may be any: then none is gone.
    const isWhole = pass.kind === 'whole' && index.refused === 0
    const unlisted = isWhole ? this.#unlisted(index) : []
    const emptied = await this.#emptied(unlisted)
    const wanted = [...changed, ...emptied]
    const options = this.#options
    const reader = new EventReader({
      ...options,
      request: this.#request,
      serverTime: index.serverTime,
    })
    const unreadable = await reader.read(wanted)
    const there = new Set(emptied.map(({ uuid }) => uuid))
    const missing = unlisted.filter(({ uuid }) => !there.has(uuid))
    const gone = missing.filter((event) => this.#graceIsOver(event)).map(({ uuid }) => uuid)
    if (gone.length > 0) await this.#request.stage.departures(gone)
    return {
      at: index.serverTime,
      unchanged: wanted.length === 0 && gone.length === 0,
      missing: isWhole ? missing.map(({ uuid }) => uuid) : null,
      whole: false,
      warnings: warningsOf({
        events: index.refused + index.unread.length,
        attributes: unreadable,
      }),
    }
  }

  async #index(pass: Pass): Promise<EventIndex> {
    const { client } = this.#options
    const { signal } = this.#request
    if (pass.kind === 'whole') return client.eventIndex({}, signal)
    if (pass.kind === 'recent') {
      const { since } = pass
      const edited = await client.eventIndex({ timestamp: since }, signal)
      // An event that comes from another MISP keeps its old timestamp.
      return together([edited, await client.eventIndex({ publish_timestamp: since }, signal)])
    }
    const parts: EventIndex[] = []
    for (let from = 0; from < pass.events.length; from += EVENTS_A_LIST) {
      const eventid = pass.events.slice(from, from + EVENTS_A_LIST)
      parts.push(await client.eventIndex({ eventid }, signal))
    }
    return together(parts)
  }

  /** What differs is the other passes' business, where it is read again for all that does not show. */
  #isWanted(row: IndexRow): boolean {
    return this.#request.pass.kind === 'again' ? !this.#differs(row) : this.#differs(row)
  }

  /** What is known stays known; of the rest only what moved within `since` is loaded. */
  async #inWindow(rows: readonly IndexRow[]): Promise<readonly IndexRow[]> {
    const { since, client } = this.#options
    if (since === null) return rows
    const from = since.at ?? this.#serverTime - (since.ago ?? 0)
    // The index tells no publish_timestamp, and a synced event keeps its old timestamp.
    const published = await client.eventIndex({ publish_timestamp: from }, this.#request.signal)
    const recent = new Set(published.rows.map(({ uuid }) => uuid))
    return rows.filter(
      ({ uuid, timestamp }) => timestamp >= from || recent.has(uuid) || this.#known.has(uuid),
    )
  }

  #differs(row: IndexRow): boolean {
    const known = this.#known.get(row.uuid)
    if (!known || this.#request.settingsChanged) return true
    // A large event that is to be read again is read when it may be.
    if (known.recheck && this.#request.large?.isDue(row.uuid) !== false) return true
    // A MISP that was set up anew may number its events otherwise.
    if (known.mispId !== row.id) return true
    return known.timestamp !== row.timestamp || known.published !== row.published
  }

  #unlisted({ rows, unread }: EventIndex): KnownEvent[] {
    const present = new Set([...rows.map(({ uuid }) => uuid), ...unread])
    return this.#request.known.filter(({ uuid }) => !present.has(uuid))
  }

  /**
   * The minimal index leaves out an event whose last attribute was deleted. Such an event is not gone:
   * its deletions are told. When many vanish at once, that is not why.
   */
  async #emptied(unlisted: readonly KnownEvent[]): Promise<Wanted[]> {
    const had = unlisted.filter(({ attributes }) => attributes > 0)
    if (had.length === 0 || had.length > EVENTS_A_LIST) return []
    const ids = had.map(({ mispId }) => mispId)
    const metas = await this.#options.client.eventMeta(ids, this.#request.signal)
    const uuids = new Set(had.map(({ uuid }) => uuid))
    return metas.filter(({ uuid }) => uuids.has(uuid))
  }

  #graceIsOver(event: KnownEvent): boolean {
    // MISP's clock may have been put back since.
    const since = Math.min(event.absentSince ?? this.#serverTime, this.#serverTime)
    return this.#serverTime - since >= this.#request.absentGrace
  }
}

function warningsOf(unreadable: { events: number; attributes: number }): string[] {
  const warnings: string[] = []
  const { events, attributes } = unreadable
  if (events > 0) warnings.push(`${events} rows of the event index were unreadable`)
  if (attributes > 0) {
    warnings.push(`${attributes} attributes were unreadable; what is known of them stays`)
  }
  return warnings
}

/** The time of the first: what changed since is seen by the next pass. */
function together(parts: readonly EventIndex[]): EventIndex {
  const rows = new Map(parts.flatMap((part) => part.rows.map((row) => [row.uuid, row] as const)))
  return {
    rows: [...rows.values()],
    serverTime: Math.min(...parts.map(({ serverTime }) => serverTime)),
    unread: parts.flatMap(({ unread }) => unread),
    refused: parts.reduce((sum, { refused }) => sum + refused, 0),
  }
}

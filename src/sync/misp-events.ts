/**
 * The incremental pull: MISP's event index tells which events are new, changed or gone; the changed
 * ones are read whole. See DESIGN "Pull" and MISP-WIRE for the traps.
 */
import type { KnownEvent } from '../ledger/sources.js'
import type { StagedEvent } from '../ledger/staging.js'
import type { Metrics } from '../metrics.js'
import type { MispClient } from '../misp/client.js'
import type { EventMeta, IndexRow, Refusal } from '../misp/rows.js'
import type { CompiledFilters } from './filters.js'
import type { Answer, ReadRequest, Source } from './source.js'

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
  readonly metrics: Metrics
}

export interface Since {
  /** Seconds before now, or epoch seconds. */
  readonly ago?: number
  readonly at?: number
}

/** Two edits within a second look alike: what changed this late is read once more next time. */
const SETTLE_SECONDS = 2
const EVENTS_A_LIST = 500
const ROWS_A_LIST = 50_000
/** An event that moves all the time is taken as it is and read again next time. */
const MOST_ROUNDS = 3

export function mispEvents(options: MispEventsOptions): Source {
  const { name, settings, filters, types, client } = options
  return {
    name,
    settings,
    filters,
    types,
    read: (request) => new Reading(options, request).run(),
    identity: async (signal) => {
      const { roleId, roleName, orgId } = await client.me(signal)
      return `role ${roleId} (${roleName}), organisation ${orgId}`
    },
    close: async () => undefined,
  }
}

interface Wanted {
  readonly id: string
  readonly uuid: string
}

class Reading {
  readonly #options: MispEventsOptions
  readonly #request: ReadRequest
  readonly #known: ReadonlyMap<string, KnownEvent>
  readonly #warnings: string[] = []
  #serverTime = 0
  #done = 0
  #total = 0

  constructor(options: MispEventsOptions, request: ReadRequest) {
    this.#options = options
    this.#request = request
    this.#known = new Map(request.known.map((event) => [event.uuid, event]))
  }

  async run(): Promise<Answer> {
    const { client } = this.#options
    const index = await client.eventIndex({}, this.#request.signal)
    this.#serverTime = index.serverTime
    const wanted = (await this.#inWindow(index.rows)).filter((row) => this.#differs(row))
    // A row that could not be read may be any event: then none is gone.
    const missing = index.refused > 0 ? [] : this.#missing(index.rows)
    if (index.refused > 0)
      this.#warnings.push(`${index.refused} rows of the event index were unreadable`)
    this.#total = wanted.length
    await this.#readAll(wanted)
    const gone = missing.filter((event) => this.#graceIsOver(event)).map(({ uuid }) => uuid)
    if (gone.length > 0) await this.#request.stage.departures(gone)
    return {
      at: index.serverTime,
      unchanged: wanted.length === 0 && gone.length === 0,
      missing: missing.map(({ uuid }) => uuid),
      whole: false,
      warnings: this.#warnings,
    }
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
    if (!known || this.#request.settingsChanged || known.recheck) return true
    return known.timestamp !== row.timestamp || known.published !== row.published
  }

  #missing(rows: readonly IndexRow[]): KnownEvent[] {
    const present = new Set(rows.map(({ uuid }) => uuid))
    return this.#request.known.filter(({ uuid }) => !present.has(uuid))
  }

  #graceIsOver(event: KnownEvent): boolean {
    const since = event.absentSince ?? this.#serverTime
    return this.#serverTime - since >= this.#request.absentGrace
  }

  async #readAll(wanted: readonly Wanted[]): Promise<void> {
    for (let from = 0; from < wanted.length; from += EVENTS_A_LIST) {
      let list = wanted.slice(from, from + EVENTS_A_LIST)
      for (let round = 1; list.length > 0; round += 1) {
        list = await this.#readList(list, round === MOST_ROUNDS)
        if (round === MOST_ROUNDS) break
        this.#options.metrics.count(
          'tipline_pull_events_refetched_total',
          { source: this.#options.name },
          list.length,
        )
      }
    }
  }

  /** Reads these events whole; answers the ones that moved meanwhile, for another round. */
  async #readList(list: readonly Wanted[], last: boolean): Promise<Wanted[]> {
    const { client } = this.#options
    const { signal, stage } = this.#request
    const metas = await client.eventMeta(
      list.map(({ id }) => id),
      signal,
    )
    await stage.events(metas.map((meta) => this.#toStaged(meta, last)))
    for (const group of this.#groups(metas.filter((meta) => this.#hasRows(meta)))) {
      await this.#readRows(group)
    }
    this.#done += metas.length
    this.#request.progress(Math.min(this.#done, this.#total), this.#total)
    return last ? [] : this.#moved(metas)
  }

  #toStaged(meta: EventMeta, last: boolean): StagedEvent {
    return {
      uuid: meta.uuid,
      mispId: meta.id,
      timestamp: meta.timestamp,
      published: meta.published,
      publishTimestamp: meta.publishTimestamp,
      info: meta.info,
      orgc: meta.orgcName,
      tags: meta.tags,
      removalsOnly: this.#options.publishedOnly && !meta.published,
      recheck: last || meta.timestamp >= this.#serverTime - SETTLE_SECONDS,
    }
  }

  /** An unpublished event that we have nothing of has nothing to take away. */
  #hasRows(meta: EventMeta): boolean {
    if (meta.attributeCount === 0 && !this.#known.has(meta.uuid)) return false
    return !this.#options.publishedOnly || meta.published || this.#known.has(meta.uuid)
  }

  #groups(metas: readonly EventMeta[]): EventMeta[][] {
    const groups: EventMeta[][] = []
    let rows = ROWS_A_LIST
    for (const meta of metas) {
      if (rows + meta.attributeCount > ROWS_A_LIST) {
        groups.push([])
        rows = 0
      }
      groups.at(-1)!.push(meta)
      rows += meta.attributeCount
    }
    return groups
  }

  async #readRows(metas: readonly EventMeta[]): Promise<void> {
    const { client, types } = this.#options
    const { stage, signal } = this.#request
    const uuidOf = new Map(metas.map((meta) => [meta.id, meta.uuid]))
    const unread: { eventUuid: string; uuid: string }[] = []
    const onRefused = (refusal: Refusal) => {
      const eventUuid = uuidOf.get(refusal.eventId ?? '')
      if (eventUuid && refusal.uuid) unread.push({ eventUuid, uuid: refusal.uuid })
    }
    // No filter on anything that can change while the pages are read: it would shift them.
    const query = { eventid: [...uuidOf.keys()], type: types, deleted: [0, 1] }
    for await (const rows of client.attributes(query, { onRefused }, signal)) {
      await stage.attributes(rows)
      this.#request.progress(this.#done, this.#total)
    }
    await stage.unread(unread)
  }

  /** Which of these are not any more as they were when their reading began? */
  async #moved(metas: readonly EventMeta[]): Promise<Wanted[]> {
    if (metas.length === 0) return []
    const { rows } = await this.#options.client.eventIndex(
      { eventid: metas.map(({ id }) => id) },
      this.#request.signal,
    )
    const now = new Map(rows.map((row) => [row.uuid, row]))
    const moved = metas.filter((meta) => {
      const row = now.get(meta.uuid)
      // Gone from the index meanwhile, or without attributes: the next pull's business.
      if (!row) return false
      return row.timestamp !== meta.timestamp || row.published !== meta.published
    })
    if (moved.length > 0) await this.#request.stage.drop(moved.map(({ uuid }) => uuid))
    return moved
  }
}

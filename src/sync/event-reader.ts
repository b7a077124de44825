/**
 * Reads MISP's events whole, in lists: what they are, their rows, and whether any of it moved meanwhile.
 * What may not be what it seems is staged as doubtful, so that nothing is revoked for it.
 */
import type { KnownEvent } from '../ledger/sources.js'
import type { StagedEvent } from '../ledger/staging.js'
import type { Metrics } from '../metrics.js'
import type { MispClient } from '../misp/client.js'
import type { AttributeRow, EventMeta, IndexRow, Refusal } from '../misp/rows.js'
import { inLanes } from './lanes.js'
import { LARGE_ATTRIBUTES } from './large-events.js'
import type { ReadRequest } from './source.js'

export interface EventReaderOptions {
  readonly name: string
  readonly client: MispClient
  readonly types: readonly string[]
  readonly publishedOnly: boolean
  /** Groups of events that are read at once. */
  readonly requests: number
  readonly metrics: Metrics
  readonly request: ReadRequest
  /** MISP's clock when the events were listed, epoch seconds. */
  readonly serverTime: number
}

export interface Wanted {
  readonly id: string
  readonly uuid: string
}

/** So many events are asked for by id at once. */
export const EVENTS_A_LIST = 500
/** Two edits within a second look alike: what changed this late is read once more next time. */
const SETTLE_SECONDS = 2
/** Later than any clock may go wrong: this date comes from another MISP, not from an edit. */
const FUTURE_SECONDS = 3600
/** MISP writes an edit a little after the second that it bears. */
const DELTA_OVERLAP_SECONDS = 300
const ROWS_A_GROUP = 20_000
/** An event that moves all the time is taken as it is and read again next time. */
const MOST_ROUNDS = 3
/** What MISP may make of a deleted attribute (`Security.sanitise_attribute_on_delete`). */
const SANITISED_TYPE = 'comment'

export class EventReader {
  readonly #options: EventReaderOptions
  readonly #request: ReadRequest
  readonly #known: ReadonlyMap<string, KnownEvent>
  #done = 0
  /** Events of the present list that rows have come of. */
  readonly #begun = new Set<string>()
  #total = 0
  #unreadable = 0

  constructor(options: EventReaderOptions) {
    this.#options = options
    this.#request = options.request
    this.#known = new Map(options.request.known.map((event) => [event.uuid, event]))
  }

  /** Stages them; tells how many attributes were unreadable. @throws what the client throws */
  async read(wanted: readonly Wanted[]): Promise<number> {
    this.#total = wanted.length
    for (let from = 0; from < wanted.length; from += EVENTS_A_LIST) {
      let list = wanted.slice(from, from + EVENTS_A_LIST)
      for (let round = 1; list.length > 0; round += 1) {
        list = await this.#readList(list, round === MOST_ROUNDS)
        this.#options.metrics.count(
          'tipline_pull_events_refetched_total',
          { source: this.#options.name },
          list.length,
        )
      }
    }
    return this.#unreadable
  }

  /** Reads these events whole; answers the ones that have to be read again. */
  async #readList(list: readonly Wanted[], last: boolean): Promise<Wanted[]> {
    const { client, requests } = this.#options
    const { signal, stage } = this.#request
    const asked = new Set(list.map(({ uuid }) => uuid))
    const ids = list.map(({ id }) => id)
    const metas = (await client.eventMeta(ids, signal)).filter(({ uuid }) => asked.has(uuid))
    await stage.events(metas.map((meta) => this.#toStaged(meta)))
    const filled = metas.filter((meta) => this.#hasRows(meta))
    for (const meta of filled.filter((meta) => this.#goesByDelta(meta))) await this.#readDelta(meta)
    const groups = this.#groups(filled.filter((meta) => !this.#goesByDelta(meta)))
    await inLanes(groups, { lanes: requests, signal }, (group, stop) => this.#readRows(group, stop))
    const unsteady = await this.#unsteady(metas)
    this.#done += metas.length
    this.#begun.clear()
    this.#request.progress(Math.min(this.#done, this.#total), this.#total)
    if (!last) await stage.drop(unsteady.map(({ uuid }) => uuid))
    else await this.#doubt(unsteady, { incomplete: true, recheck: true })
    return last ? [] : unsteady
  }

  #toStaged(meta: EventMeta): StagedEvent {
    return {
      uuid: meta.uuid,
      mispId: meta.id,
      timestamp: meta.timestamp,
      published: meta.published,
      publishTimestamp: meta.publishTimestamp,
      info: meta.info,
      orgc: meta.orgcName,
      tags: meta.tags,
      threatLevel: meta.threatLevel,
      removalsOnly: this.#options.publishedOnly && !meta.published,
      recheck:
        meta.timestamp >= this.#options.serverTime - SETTLE_SECONDS &&
        meta.timestamp <= this.#options.serverTime + FUTURE_SECONDS,
    }
  }

  #hasRows(meta: EventMeta): boolean {
    const isKnown = this.#known.has(meta.uuid)
    if (meta.attributeCount === 0 && !isKnown) return false
    if (!this.#options.publishedOnly || meta.published) return true
    // What was taken of a draft that nobody has published leaves when only published ones are wanted.
    const isFirstDraft = meta.publishTimestamp === 0 && this.#request.settingsChanged
    // An unpublished event that we have nothing of has nothing to take away.
    return isKnown && !isFirstDraft
  }

  #groups(metas: readonly EventMeta[]): EventMeta[][] {
    const groups: EventMeta[][] = []
    let rows = 0
    for (const meta of metas) {
      if (groups.length === 0 || rows + meta.attributeCount > ROWS_A_GROUP) {
        groups.push([])
        rows = 0
      }
      groups.at(-1)!.push(meta)
      rows += meta.attributeCount
    }
    return groups
  }

  #goesByDelta({ uuid, attributeCount }: EventMeta): boolean {
    const { large, settingsChanged } = this.#request
    const known = this.#known.get(uuid)
    if (!large || attributeCount <= LARGE_ATTRIBUTES || large.isDue(uuid)) return false
    return known !== undefined && !settingsChanged && known.publishTimestamp > 0
  }

  /** What was edited since it was last published as we know it; what is missing is not gone. */
  async #readDelta(meta: EventMeta): Promise<void> {
    const { timestamp, publishTimestamp } = this.#known.get(meta.uuid)!
    const since = Math.min(timestamp, publishTimestamp) - DELTA_OVERLAP_SECONDS
    await this.#doubt([meta], { incomplete: true, recheck: true })
    await this.#readRows([meta], this.#request.signal, { timestamp: since })
  }

  async #readRows(
    metas: readonly EventMeta[],
    signal: AbortSignal,
    delta: { readonly timestamp: number } | null = null,
  ): Promise<void> {
    const { client } = this.#options
    const { stage } = this.#request
    const refusals: Refusal[] = []
    const onRefused = (refusal: Refusal) => void refusals.push(refusal)
    // No filter on anything that can change while the pages are read: it would shift them.
    const eventid = metas.map(({ id }) => id)
    const query = { eventid, type: this.#typesFor(metas), deleted: [0, 1], ...delta }
    let count = 0
    for await (const rows of client.attributes(query, { onRefused }, signal)) {
      count += rows.length
      await stage.attributes(rows.filter((row) => this.#wasAskedFor(row)))
      // Rows come event by event, so the progress moves within a list too.
      for (const { eventUuid } of rows) this.#begun.add(eventUuid)
      this.#request.progress(Math.min(this.#done + this.#begun.size, this.#total), this.#total)
    }
    await this.#doubtUnread(metas, refusals)
    if (delta) return
    if (count === 0) await this.#doubtEmpty(metas)
    for (const { uuid, attributeCount } of metas) {
      if (attributeCount > LARGE_ATTRIBUTES) this.#request.large?.note(uuid)
    }
  }

  /** Of what is known, a deletion may come in the guise of a comment. */
  #typesFor(metas: readonly EventMeta[]): readonly string[] {
    const { types } = this.#options
    return metas.some(({ uuid }) => this.#known.has(uuid)) ? [...types, SANITISED_TYPE] : types
  }

  #wasAskedFor({ type, deleted }: AttributeRow): boolean {
    return deleted || type !== SANITISED_TYPE || this.#options.types.includes(SANITISED_TYPE)
  }

  /** A row that is there but could not be read must not look like one that is gone. */
  async #doubtUnread(metas: readonly EventMeta[], refusals: readonly Refusal[]): Promise<void> {
    if (refusals.length === 0) return
    this.#unreadable += refusals.length
    const byId = new Map(metas.map((meta) => [meta.id, meta]))
    const { unread, doubtful } = sortRefusals(refusals, byId)
    await this.#request.stage.unread(unread)
    await this.#doubt(doubtful, { incomplete: true })
    const named = unread.map(({ event }) => event)
    await this.#doubt(named, { incomplete: false })
  }

  /** Events with attributes, and not one comes: of whatever type? If so, it is believed the second time. */
  async #doubtEmpty(metas: readonly EventMeta[]): Promise<void> {
    const fresh = metas.filter(({ uuid }) => !this.#known.get(uuid)?.recheck)
    if (!fresh.some(({ attributeCount }) => attributeCount > 0)) return
    const query = { eventid: fresh.map(({ id }) => id), deleted: [0, 1] }
    const { empty } = await this.#options.client.count(query, this.#request.signal)
    if (empty) await this.#doubt(fresh, { incomplete: true })
  }

  /** By default looked at once more; where it costs little, until it can be read. */
  async #doubt(
    metas: readonly Wanted[],
    doubt: { incomplete: boolean; recheck?: boolean },
  ): Promise<void> {
    const { stage, persists = false } = this.#request
    await stage.doubts(
      metas.map(({ uuid }) => ({
        event: uuid,
        incomplete: doubt.incomplete,
        recheck: doubt.recheck ?? (persists || !this.#known.get(uuid)?.recheck),
      })),
    )
  }

  /**
   * Which of these may not be what was read? Those that moved since their reading began; and those
   * behind them, for what goes from an early page lets a row of a later one slip through unseen.
   */
  async #unsteady(metas: readonly EventMeta[]): Promise<EventMeta[]> {
    if (metas.length === 0) return []
    const { stage, signal } = this.#request
    const query = { eventid: metas.map(({ id }) => id) }
    const { rows, unread, refused } = await this.#options.client.eventIndex(query, signal)
    const now = new Map(rows.map((row) => [row.uuid, row]))
    const untold = new Set(unread)
    const lost = metas.filter(
      ({ uuid, attributeCount }) => attributeCount > 0 && !now.has(uuid) && !untold.has(uuid),
    )
    const moved = metas.filter(
      (meta) => untold.has(meta.uuid) || hasMoved(meta, now.get(meta.uuid)),
    )
    const first = Math.min(...[...lost, ...moved].map(({ id }) => Number(id)))
    const unsteady = metas.filter(({ id }) => Number(id) >= first)
    // One of the rows that could not be read may be theirs.
    if (refused > 0) return unsteady
    await stage.drop(lost.map(({ uuid }) => uuid))
    return unsteady.filter((meta) => !lost.includes(meta))
  }
}

function hasMoved(meta: EventMeta, row: IndexRow | undefined): boolean {
  if (!row) return false
  return row.timestamp !== meta.timestamp || row.published !== meta.published
}

/** Rows that can be named, and the events of those that can't: all of them, if need be. */
function sortRefusals(refusals: readonly Refusal[], byId: ReadonlyMap<string, EventMeta>) {
  const unread: { event: EventMeta; eventUuid: string; uuid: string }[] = []
  const doubtful = new Set<EventMeta>()
  for (const { eventId, uuid } of refusals) {
    const event = byId.get(eventId ?? '')
    if (event && uuid) unread.push({ event, eventUuid: event.uuid, uuid })
    else for (const each of event ? [event] : byId.values()) doubtful.add(each)
  }
  return { unread, doubtful: [...doubtful] }
}

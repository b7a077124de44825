/**
 * The way from a source's rows into the staging: filtered, derived and handed to the ledger's writer
 * in batches. The writer works beside us; we wait for it only when it falls behind.
 */
import type { AsyncWriter } from '../ledger/ledger.js'
import type { StagedAttribute, StagedDoubt, StagedEvent } from '../ledger/staging.js'
import type { Metrics } from '../metrics.js'
import type { AttributeRow } from '../misp/rows.js'
import type { Deriver } from './derive.js'
import { type CompiledFilters, goneBy } from './filters.js'

export interface StageOptions {
  readonly source: string
  /** Begins the staging in the ledger. Called once, before the first row: a pull that finds nothing has none. */
  readonly begin: () => Promise<void>
  readonly writer: AsyncWriter
  readonly deriver: Deriver
  readonly filters: CompiledFilters
  /** The types asked for; a row of another one is refused. */
  readonly types: ReadonlySet<string>
  readonly metrics: Metrics
  /** Epoch seconds. */
  readonly now: number
}

/** Batches that the writer may be behind; each is about a thousand rows. */
const MOST_BEHIND = 4

export class Stage {
  readonly #options: StageOptions
  readonly #eventTags = new Map<string, readonly string[]>()
  readonly #behind: Promise<unknown>[] = []
  #begun: Promise<void> | undefined
  #rows = 0

  constructor(options: StageOptions) {
    this.#options = options
  }

  /** Rows taken so far. */
  get rows(): number {
    return this.#rows
  }

  /** Uuids of the staged events. */
  get staged(): readonly string[] {
    return [...this.#eventTags.keys()]
  }

  has(eventUuid: string): boolean {
    return this.#eventTags.has(eventUuid)
  }

  /** From here on there is a staging, be it empty. */
  begin(): Promise<void> {
    this.#begun ??= this.#options.begin()
    return this.#begun
  }

  async events(events: readonly StagedEvent[]): Promise<void> {
    await this.begin()
    for (const event of events) this.#eventTags.set(event.uuid, event.tags)
    await this.#hand(this.#options.writer.stageEvents(events))
  }

  /**
   * Rows of events that are not staged, or of other types, are not what was asked for; but a deleted
   * attribute may have lost its type.
   */
  async attributes(rows: readonly AttributeRow[]): Promise<void> {
    const staged: StagedAttribute[] = []
    for (const row of rows) {
      const eventTags = this.#eventTags.get(row.eventUuid)
      if (!eventTags) this.#refuse('event')
      else if (!row.deleted && !this.#options.types.has(row.type)) this.#refuse('type')
      else staged.push(this.#toStaged(row, eventTags))
    }
    this.#rows += staged.length
    if (staged.length > 0) await this.#hand(this.#options.writer.stageAttributes(staged))
  }

  /** A row that is there but could not be read must not look like one that is gone. */
  async unread(rows: readonly { eventUuid: string; uuid: string }[]): Promise<void> {
    const staged = rows.filter((row) => this.has(row.eventUuid)).map(toUnread)
    if (staged.length > 0) await this.#hand(this.#options.writer.stageAttributes(staged))
  }

  /** Of these staged events not everything is known. */
  async doubts(doubts: readonly StagedDoubt[]): Promise<void> {
    if (doubts.length > 0) await this.#hand(this.#options.writer.stageDoubts(doubts))
  }

  /** Forgets what is staged of these events. */
  async drop(eventUuids: readonly string[]): Promise<void> {
    for (const uuid of eventUuids) this.#eventTags.delete(uuid)
    await this.#hand(this.#options.writer.dropStaged(eventUuids))
  }

  async departures(eventUuids: readonly string[]): Promise<void> {
    await this.begin()
    await this.#hand(this.#options.writer.stageDepartures(eventUuids))
  }

  /** Everything handed over is in the staging. */
  async settle(): Promise<void> {
    await Promise.all(this.#behind.splice(0))
  }

  #toStaged(row: AttributeRow, eventTags: readonly string[]): StagedAttribute {
    const gone = goneBy(row, eventTags, this.#options.filters)
    const { aside, meanings } =
      gone === null
        ? this.#options.deriver.derive({ ...pick(row), eventTags }, this.#options.now)
        : NOTHING
    return {
      event: row.eventUuid,
      ...pick(row),
      uuid: row.uuid,
      firstSeen: row.firstSeen,
      aside,
      gone,
      meanings,
    }
  }

  #refuse(reason: string): void {
    const { metrics, source } = this.#options
    metrics.count('tipline_pull_rows_refused_total', { source, reason })
  }

  async #hand(work: Promise<unknown>): Promise<void> {
    this.#behind.push(work)
    // An error surfaces at the await below or in settle(), not as an unhandled rejection before.
    work.catch(() => undefined)
    if (this.#behind.length > MOST_BEHIND) await this.#behind.shift()
  }
}

const NOTHING = { aside: null, meanings: [] }

function pick(row: AttributeRow) {
  const { type, value, timestamp, lastSeen, tags } = row
  return { type, value, timestamp, lastSeen, tags }
}

function toUnread({ eventUuid, uuid }: { eventUuid: string; uuid: string }): StagedAttribute {
  return {
    event: eventUuid,
    uuid,
    type: '',
    value: '',
    timestamp: 0,
    firstSeen: null,
    lastSeen: null,
    tags: [],
    aside: null,
    gone: 'unread',
    meanings: [],
  }
}

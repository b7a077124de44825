/**
 * What carries a lookup key, for whoever looks up many: what a lookup tells and no more, in one question a
 * key. What this does not tell as `Finder` would, it leaves to it.
 */
import {
  Finder,
  heldByRule,
  type KnownCarrier,
  type KnownIndicator,
  MOST_CARRIERS,
  tagsOf,
  type WantedKey,
} from './knowledge.js'
import type { Database, Statement } from './sqlite.js'

/** What a lookup tells of an indicator. */
export interface MetIndicator
  extends Pick<KnownIndicator, 'space' | 'value' | 'port' | 'liveSince'> {
  readonly carriers: readonly MetCarrier[]
  /** Closed intervals, oldest first; only where nothing carries it. */
  readonly history: readonly { readonly why: string }[]
}

export type MetCarrier = Pick<
  KnownCarrier,
  'source' | 'eventId' | 'eventUuid' | 'eventInfo' | 'type' | 'tags' | 'held'
>

const CARRIED = `
  SELECT i.port, i.live_since, a.event, a.type, a.tags, c.held_rule, c.held_why, c.hold
  FROM indicator i LEFT JOIN carrier c ON c.indicator = i.id LEFT JOIN attribute a ON a.id = c.attribute
  WHERE i.space = ? AND i.value = ? ORDER BY i.port, a.timestamp DESC, a.uuid LIMIT ${MOST_CARRIERS}`

const EVENT = `
  SELECT s.name AS source, e.misp_id AS eventId, e.uuid AS eventUuid, e.info AS eventInfo, e.tags
  FROM event e JOIN source s ON s.id = e.source WHERE e.id = ?`

type Row = [
  port: number,
  liveSince: number | null,
  event: number | null,
  type: string,
  tags: string,
  heldRule: string | null,
  heldWhy: string | null,
  hold: number | null,
]

interface Event extends Pick<KnownCarrier, 'source' | 'eventId' | 'eventUuid' | 'eventInfo'> {
  /** Each once. */
  readonly tags: readonly string[]
}

type EventRow = Omit<Event, 'tags'> & { readonly tags: string }

/** In JSON. */
const NO_TAGS = '[]'

/** Events whose words are kept. */
const MOST_EVENTS = 10_000

export class Carried {
  readonly #carried: Statement
  readonly #event: Statement
  readonly #finder: Finder
  readonly #events = new Map<number, Event>()

  constructor(db: Database) {
    this.#carried = db.prepare(CARRIED)
    this.#carried.setReturnArrays(true)
    this.#event = db.prepare(EVENT)
    this.#finder = new Finder(db)
  }

  /** Somebody has written to the ledger. */
  forget(): void {
    this.#events.clear()
  }

  /** In the order of the keys; none twice. */
  of(keys: readonly WantedKey[]): MetIndicator[] {
    return keys.flatMap((key) => this.#under(key))
  }

  #under(key: WantedKey): readonly MetIndicator[] {
    const rows = this.#carried.all(key.space, key.value) as unknown as Row[]
    const isPlain = rows.length < MOST_CARRIERS && rows.every((row) => this.#isPlain(row))
    return isPlain ? this.#indicatorsOf(key, rows) : this.#finder.of([key])
  }

  /** Not held by hand, nor of the past; nor gone since. */
  #isPlain([, , event, , , , , hold]: Row): boolean {
    return event !== null && hold === null && this.#eventOf(event) !== undefined
  }

  #indicatorsOf({ space, value, port: wanted }: WantedKey, rows: readonly Row[]): MetIndicator[] {
    const found: (MetIndicator & { readonly carriers: MetCarrier[] })[] = []
    for (const row of rows) {
      const [port, liveSince] = row
      if (wanted > 0 && port > 0 && port !== wanted) continue
      // Those of one port stand together.
      if (found.at(-1)?.port !== port) {
        found.push({ space, value, port, liveSince, carriers: [], history: [] })
      }
      found.at(-1)!.carriers.push(this.#carrierOf(row))
    }
    return found
  }

  #carrierOf([, , event, type, tags, heldRule, heldWhy]: Row): MetCarrier {
    const { source, eventId, eventUuid, eventInfo, tags: eventTags } = this.#eventOf(event!)!
    const held = heldByRule(heldRule, heldWhy)
    // Most attributes have none of their own.
    const all = tags === NO_TAGS ? eventTags : tagsOf(tags, eventTags)
    return { source, eventId, eventUuid, eventInfo, type, tags: all, held }
  }

  /** undefined: it has gone since it was named. */
  #eventOf(id: number): Event | undefined {
    const known = this.#events.get(id)
    if (known) return known
    const row = this.#event.get(id) as unknown as EventRow | undefined
    if (row === undefined) return undefined
    const event = { ...row, tags: tagsOf(NO_TAGS, JSON.parse(row.tags) as string[]) }
    if (this.#events.size >= MOST_EVENTS) this.#events.clear()
    this.#events.set(id, event)
    return event
  }
}

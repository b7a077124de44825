/**
 * What ship reads: which lookup keys were touched since a cursor, and the full present state of each, in
 * one snapshot.
 */
import { type CarrierEvent, carriersOf, type StateRow } from './carriers.js'
import { headSeq } from './changes.js'
import { inJson, type Page, type PageOptions, pagesOf, rowsOfIndicators } from './pages.js'
import { LiveIndicators } from './sampling.js'
import { SpelledNets } from './spelled.js'
import { addressesByNetsAlone, Spelling } from './spelling.js'
import type { Database, Statement } from './sqlite.js'
import type { State, StateCarrier } from './state.js'

type Key = Pick<State, 'space' | 'value'>

export interface Batch {
  readonly states: readonly State[]
  /** The cursor after this batch. */
  readonly seq: number
}

/** A key that is shared is read by `ONE`. */
const TOUCHED = rowsOfIndicators(
  'SELECT DISTINCT indicator FROM change WHERE seq > :after AND seq <= :upTo',
)

/** All of one key. */
const ONE = `
  SELECT ${inJson('0')} AS rows
  FROM indicator i
  JOIN carrier c ON c.indicator = i.id AND c.held_rule IS NULL AND c.hold IS NULL
  JOIN attribute a ON a.id = c.attribute
  WHERE i.space = ? AND i.value = ?`

const EVENT = `
  SELECT e.misp_id AS mispId, e.uuid, e.info, e.tags, e.threat_level AS threatLevel, s.name AS source, s.place
  FROM event e JOIN source s ON s.id = e.source WHERE e.id = ?`

export interface ReaderOptions {
  /** Small nets also as addresses. */
  readonly spelled?: boolean
  /** `everything` also gives what was live once, without carriers. */
  readonly retired?: boolean
}

/** Reads states; the connection is its own, one call at a time. */
export class StateReader {
  readonly #db: Database
  readonly #touched: Statement
  readonly #retired: boolean
  readonly #one: Statement
  readonly #event: Statement
  readonly #key: Statement
  readonly #version: Statement
  readonly #live: LiveIndicators
  #seen = -1
  #events = new Map<number, CarrierEvent>()
  readonly #nets: SpelledNets
  readonly #spelling: Spelling | null

  constructor(db: Database, { spelled = false, retired = false }: ReaderOptions = {}) {
    this.#db = db
    this.#touched = db.prepare(TOUCHED)
    this.#retired = retired
    this.#nets = new SpelledNets(db)
    const carriersOf = (space: string, value: string) => this.#stateOf({ space, value }).carriers
    this.#spelling = spelled ? new Spelling({ nets: this.#nets, carriersOf }) : null
    this.#one = db.prepare(ONE)
    this.#event = db.prepare(EVENT)
    this.#key = db.prepare('SELECT space, value FROM indicator WHERE id = ?')
    this.#version = db.prepare('PRAGMA data_version')
    this.#live = new LiveIndicators(db)
  }

  close(): void {
    this.#db.close()
  }

  /** The last change's number, 0 where there has been none. */
  head(): number {
    return headSeq(this.#db)
  }

  /** The states of the keys that up to `limit` changes after the cursor touched; null: none. */
  touchedAfter(cursor: number, limit: number): Batch | null {
    return this.#snapshot(() => {
      const upTo = Math.min(this.head(), cursor + limit)
      if (upTo <= cursor) return null
      const rows = rowsOf(this.#touched.get({ after: cursor, upTo }))
      const states = this.#states(rows)
      return { states: this.#spelling?.expand(states) ?? states, seq: upTo }
    })
  }

  /**
   * All live keys in pages, in one snapshot that stays open until the iteration ends: what changes
   * meanwhile is in the change log after `seq`.
   */
  *everything(size: number): Generator<Batch> {
    const pages = pagesOf(this.#db, { size, retired: this.#retired })
    let last: Page | null = null
    for (const page of pages) {
      if (last === null) this.#forgetIfChanged()
      last = page
      yield this.#batch(page)
    }
    if (last) yield* this.#addressesOfNets(last)
  }

  /**
   * The same from pages that a thread reads. Its snapshot is older than what is read here besides; what
   * changed between the two is in the change log after `seq` too.
   */
  async *everythingOf(
    read: (options: PageOptions) => AsyncIterable<Page>,
    size: number,
  ): AsyncGenerator<Batch> {
    let last: Page | null = null
    for await (const page of read({ size, retired: this.#retired })) {
      if (last === null) this.#forgetIfChanged()
      last = page
      yield this.#batch(page)
    }
    if (last) yield* this.#addressesOfNets(last)
  }

  #batch({ rows, seq }: Page): Batch {
    const states = this.#states(JSON.parse(rows) as StateRow[])
    return { states: this.#spelling?.complete(states) ?? states, seq }
  }

  *#addressesOfNets({ seq }: Page): Generator<Batch> {
    for (const states of this.#spelling?.everything() ?? []) yield { states, seq }
  }

  /** Events are kept from snapshot to snapshot, as long as nobody has written to the ledger. */
  #forgetIfChanged(): void {
    const { data_version: version } = this.#version.get() as { data_version: number }
    if (version !== this.#seen) this.#events = new Map()
    this.#seen = version
    this.#spelling?.refresh()
  }

  /** The present states of these keys. */
  of(keys: readonly Key[]): State[] {
    return this.#snapshot(() => {
      const states = keys.map((key) => this.#stateOf(key))
      return this.#spelling?.complete(states) ?? states
    })
  }

  /** Addresses that are live through spelled-out nets alone; 0 where nets are not spelled out. */
  spelledAddresses(): number {
    if (!this.#spelling) return 0
    return this.#snapshot(() => addressesByNetsAlone(this.#db, this.#nets.live))
  }

  /** Up to `count` live keys, spread over all of them. */
  sample(count: number): State[] {
    const keys = new Map<string, Key>()
    for (const id of this.#live.sample(count)) {
      const key = this.#key.get(id) as Key | undefined
      if (key) keys.set(`${key.space}:${key.value}`, key)
      const address = key && this.#spelling?.anyAddressOf(key)
      if (address) keys.set(`ip:${address}`, { space: 'ip', value: address })
    }
    return this.of([...keys.values()])
  }

  #snapshot<T>(work: () => T): T {
    this.#db.exec('BEGIN')
    try {
      this.#forgetIfChanged()
      return work()
    } finally {
      this.#db.exec('COMMIT')
    }
  }

  /** Each key once. */
  #states(rows: readonly StateRow[]): State[] {
    const states: State[] = []
    const shared = new Map<string, Key>()
    for (let from = 0, to = 0; from < rows.length; from = to) {
      const first = rows[from]!
      for (to = from + 1; to < rows.length && isOfKey(rows[to]!, first); to += 1);
      const [space, value] = first
      if (first[11]) shared.set(`${space}:${value}`, { space, value })
      else states.push({ space, value, carriers: this.#carriers(rows, from, to) })
    }
    for (const key of shared.values()) states.push(this.#stateOf(key))
    return states
  }

  #stateOf({ space, value }: Key): State {
    const rows = rowsOf(this.#one.get(space, value))
    return { space, value, carriers: this.#carriers(rows, 0, rows.length) }
  }

  #carriers(rows: readonly StateRow[], from: number, to: number): StateCarrier[] {
    // Of what was live once there is a row without any.
    const first = rows[from]
    if (!first || first[3] === null) return []
    return carriersOf(rows, this.#eventOf, { from, to })
  }

  /** null: it has gone since the row was read. */
  readonly #eventOf = ({ 10: id }: StateRow): CarrierEvent | null => {
    const known = this.#events.get(id)
    if (known) return known
    type Row = Omit<CarrierEvent, 'tags'> & { tags: string }
    const told = this.#event.get(id) as Row | undefined
    if (!told) return null
    const event = { ...told, tags: JSON.parse(told.tags) as string[] }
    this.#events.set(id, event)
    return event
  }
}

function isOfKey(row: StateRow, other: StateRow): boolean {
  return row[1] === other[1] && row[0] === other[0]
}

function rowsOf(answer: unknown): StateRow[] {
  return JSON.parse((answer as { rows: string }).rows) as StateRow[]
}

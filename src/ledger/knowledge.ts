/** What the ledger knows of a value, for lookup, explain and status. Reads only. */
import { activeHolds, type Hold } from './holds.js'
import type { Database, Statement } from './sqlite.js'

export interface KnownCarrier {
  readonly source: string
  readonly sourceInConfig: boolean
  readonly eventUuid: string
  readonly eventId: string
  readonly eventInfo: string
  readonly orgc: string
  readonly published: boolean
  readonly attributeUuid: string
  readonly type: string
  readonly rawValue: string
  readonly timestamp: number
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  readonly tags: readonly string[]
  readonly alias: boolean
  readonly since: number
  readonly labels: readonly string[]
  /** null: it is served. */
  readonly held: { readonly rule: string; readonly why: string } | null
}

export interface Interval {
  readonly from: number
  readonly until: number
  readonly why: string
  readonly detail: Readonly<Record<string, string>> | null
}

export interface KnownIndicator {
  readonly id: number
  readonly space: string
  readonly value: string
  readonly port: number
  readonly knownSince: number
  readonly liveSince: number | null
  readonly carriers: readonly KnownCarrier[]
  /** Closed intervals, oldest first. */
  readonly history: readonly Interval[]
}

interface IndicatorRow {
  id: number
  space: string
  value: string
  port: number
  knownSince: number | null
  liveSince: number | null
}

const INDICATOR = `
  SELECT i.id, i.space, i.value, i.port, i.known_since AS knownSince, i.live_since AS liveSince
  FROM json_each(?) k CROSS JOIN indicator i
  ON i.space = k.value ->> 0 AND i.value = k.value ->> 1 ORDER BY k.key, i.port`

const CARRIERS = `
  SELECT s.name AS source, s.place, e.uuid AS eventUuid, e.misp_id AS eventId, e.info AS eventInfo,
         e.orgc, e.published, e.tags AS eventTags, a.uuid AS attributeUuid, a.type, a.value AS rawValue,
         a.timestamp, a.first_seen AS firstSeen, a.last_seen AS lastSeen, a.tags, c.alias, c.since,
         c.held_rule AS heldRule, c.held_why AS heldWhy, c.hold, c.labels
  FROM carrier c JOIN attribute a ON a.id = c.attribute JOIN event e ON e.id = a.event
  JOIN source s ON s.id = e.source
  WHERE c.indicator = ? ORDER BY a.timestamp DESC, a.uuid LIMIT ?`

const HISTORY = `
  SELECT live_from AS "from", live_until AS "until", why, detail FROM history
  WHERE indicator = ? ORDER BY id`

/** Carriers of one indicator that are read at most; a value in more events than this tells enough. */
export const MOST_CARRIERS = 1000

export interface WantedKey {
  readonly space: string
  readonly value: string
  /** 0: any. */
  readonly port: number
}

/** Finds indicators by their keys: statements are prepared once, and all keys asked for at once. */
export class Finder {
  readonly #db: Database
  readonly #find: Statement
  readonly #carriers: Statement
  readonly #history: Statement

  constructor(db: Database) {
    this.#db = db
    this.#find = db.prepare(INDICATOR)
    this.#carriers = db.prepare(CARRIERS)
    this.#history = db.prepare(HISTORY)
  }

  /** In the order of the keys. */
  of(keys: readonly WantedKey[]): KnownIndicator[] {
    if (keys.length === 0) return []
    const rows = this.#find.all(JSON.stringify(keys.map(({ space, value }) => [space, value])))
    const found = new Map<number, KnownIndicator>()
    for (const row of rows as unknown as IndicatorRow[]) {
      if (found.has(row.id) || !keys.some((key) => fits(row, key))) continue
      const known = this.#describe(row)
      // A pull that is being staged, or was not applied, may have left nothing but the word.
      if (known.carriers.length > 0 || known.history.length > 0) found.set(row.id, known)
    }
    return [...found.values()]
  }

  #describe(row: IndicatorRow): KnownIndicator {
    const carriers = this.#carriersOf(row.id)
    return {
      ...row,
      knownSince: row.knownSince ?? Math.min(...carriers.map(({ since }) => since)),
      carriers,
      history: this.#historyOf(row.id),
    }
  }

  #carriersOf(indicator: number): KnownCarrier[] {
    const rows = this.#carriers.all(indicator, MOST_CARRIERS) as unknown as CarrierRow[]
    const isHeld = rows.some(({ hold }) => hold !== null)
    const holds = new Map((isHeld ? activeHolds(this.#db) : []).map((hold) => [hold.id, hold]))
    return rows.map((row) => toCarrier(row, holds))
  }

  #historyOf(indicator: number): Interval[] {
    const rows = this.#history.all(indicator) as unknown as (Omit<Interval, 'detail'> & {
      detail: string | null
    })[]
    return rows.map((row) => ({
      ...row,
      detail: row.detail === null ? null : (JSON.parse(row.detail) as Record<string, string>),
    }))
  }
}

function fits(row: IndicatorRow, { space, value, port }: WantedKey): boolean {
  const isKey = row.space === space && row.value === value
  return isKey && (port === 0 || row.port === 0 || row.port === port)
}

/** All indicators under these keys. */
export function findIndicators(db: Database, keys: readonly WantedKey[]): KnownIndicator[] {
  return new Finder(db).of(keys)
}

/** Prefix lengths of the live nets, rising. */
export function netLengths(db: Database, version: 4 | 6): number[] {
  const rows = db
    .prepare(
      `SELECT DISTINCT CAST(substr(value, instr(value, '/') + 1) AS INTEGER) AS length
       FROM indicator WHERE space = 'net' AND live_since IS NOT NULL AND (instr(value, ':') > 0) = ?
       ORDER BY length`,
    )
    .all(Number(version === 6)) as { length: number }[]
  return rows.map((row) => row.length)
}

/** Live lookup keys by space that a plain memcached key can hold. */
export function liveKeyCounts(db: Database): Record<string, number> {
  const rows = db.prepare('SELECT space, plain FROM live_keys').all() as {
    space: string
    plain: number
  }[]
  return Object.fromEntries(rows.map(({ space, plain }) => [space, plain]))
}

interface CarrierRow {
  source: string
  place: number
  eventUuid: string
  eventId: string
  eventInfo: string
  orgc: string
  published: number
  eventTags: string
  attributeUuid: string
  type: string
  rawValue: string
  timestamp: number
  firstSeen: number | null
  lastSeen: number | null
  tags: string
  alias: number
  since: number
  heldRule: string | null
  heldWhy: string | null
  hold: number | null
  labels: string | null
}

function toCarrier(row: CarrierRow, holds: ReadonlyMap<number, Hold>): KnownCarrier {
  const { place, eventTags, heldRule, heldWhy, hold, labels, published, alias, tags, ...rest } = row
  return {
    ...rest,
    sourceInConfig: place >= 0,
    published: published === 1,
    alias: alias === 1,
    tags: tagsOf(tags, JSON.parse(eventTags) as string[]),
    labels: labels === null ? [] : (JSON.parse(labels) as string[]),
    held: heldBy({ heldRule, heldWhy, hold: hold === null ? undefined : holds.get(hold) }),
  }
}

function heldBy(row: {
  heldRule: string | null
  heldWhy: string | null
  hold: Hold | undefined
}): KnownCarrier['held'] {
  if (row.hold) return { rule: 'hand', why: `held by ${row.hold.author}: ${row.hold.why}` }
  return heldByRule(row.heldRule, row.heldWhy)
}

export function heldByRule(rule: string | null, why: string | null): KnownCarrier['held'] {
  return rule === null ? null : { rule, why: why ?? '' }
}

/** The attribute's, which are JSON, and the event's, each once. */
export function tagsOf(own: string, event: readonly string[]): readonly string[] {
  return [...new Set([...(JSON.parse(own) as string[]), ...event])]
}

/** Number of the last change that touched it and is still in the log; 0: none. */
export function lastChangeOf(db: Database, indicator: number): number {
  // The log has no index by indicator: it is short (pruned behind the slowest sink), explain is rare.
  const row = db
    .prepare('SELECT coalesce(max(seq), 0) AS seq FROM change WHERE indicator = ?')
    .get(indicator)
  return (row as { seq: number }).seq
}

export interface SetAside {
  readonly source: string
  readonly eventUuid: string
  readonly eventId: string
  readonly attributeUuid: string
  readonly type: string
  readonly value: string
  readonly reason: string
}

const ASIDE = `
  SELECT s.name AS source, e.uuid AS eventUuid, e.misp_id AS eventId, a.uuid AS attributeUuid, a.type,
         a.value, a.aside AS reason
  FROM attribute a JOIN event e ON e.id = a.event JOIN source s ON s.id = e.source
  WHERE a.aside IS NOT NULL`

/** Attributes that could not be read, whose raw value is exactly this. */
export function findSetAside(db: Database, value: string): SetAside[] {
  return db.prepare(`${ASIDE} AND a.value = ? LIMIT 100`).all(value) as unknown as SetAside[]
}

export function listSetAside(db: Database, limit: number): SetAside[] {
  return db.prepare(`${ASIDE} ORDER BY a.id LIMIT ?`).all(limit) as unknown as SetAside[]
}

export interface KnownAttribute {
  readonly source: string
  readonly eventId: string
  readonly eventInfo: string
  readonly type: string
  readonly value: string
}

/** What the ledger has of an attribute, in the first source that has it; null: nothing. */
export function findAttribute(
  db: Database,
  { event, attribute }: { event: string; attribute: string },
): KnownAttribute | null {
  const row = db
    .prepare(
      `SELECT s.name AS source, e.misp_id AS eventId, e.info AS eventInfo, a.type, a.value
       FROM source s CROSS JOIN event e ON e.source = s.id AND e.uuid = :event
       CROSS JOIN attribute a ON a.event = e.id AND a.uuid = :attribute ORDER BY s.place LIMIT 1`,
    )
    .get({ event, attribute })
  return (row as unknown as KnownAttribute | undefined) ?? null
}

/** An event by MISP's id or uuid, in every source that has it. */
export function findEvents(
  db: Database,
  idOrUuid: string,
): { uuid: string; mispId: string; info: string; source: string; attributes: number }[] {
  return db
    .prepare(
      `SELECT e.uuid, e.misp_id AS mispId, e.info, s.name AS source, e.attributes
       FROM event e JOIN source s ON s.id = e.source WHERE e.uuid = :key OR e.misp_id = :key
       ORDER BY s.place LIMIT 100`,
    )
    .all({ key: idOrUuid }) as never
}

export interface Totals {
  readonly liveKeys: Readonly<Record<string, { keys: number; plain: number }>>
  readonly held: Readonly<Record<string, number>>
  readonly setAside: readonly { source: string; reason: string; count: number }[]
  readonly sources: readonly { name: string; events: number; attributes: number }[]
}

/** Counts for status; those that grow with the ledger go by an index. */
export function totals(db: Database): Totals {
  const keys = db
    .prepare('SELECT space, keys, plain FROM live_keys WHERE keys > 0 ORDER BY space')
    .all() as {
    space: string
    keys: number
    plain: number
  }[]
  const held = db
    .prepare(
      `SELECT held_rule AS rule, count(*) AS n FROM carrier WHERE held_rule IS NOT NULL GROUP BY held_rule
       UNION ALL SELECT 'hand', count(*) FROM carrier WHERE hold IS NOT NULL`,
    )
    .all() as { rule: string; n: number }[]
  const setAside = db
    .prepare(
      `SELECT s.name AS source, a.aside AS reason, count(*) AS count
       FROM attribute a JOIN event e ON e.id = a.event JOIN source s ON s.id = e.source
       WHERE a.aside IS NOT NULL GROUP BY s.id, a.aside ORDER BY count DESC`,
    )
    .all() as { source: string; reason: string; count: number }[]
  const sources = db
    .prepare(
      `SELECT s.name, count(e.id) AS events, coalesce(sum(e.attributes), 0) AS attributes
       FROM source s LEFT JOIN event e ON e.source = s.id GROUP BY s.id ORDER BY s.place, s.id`,
    )
    .all() as { name: string; events: number; attributes: number }[]
  return {
    liveKeys: Object.fromEntries(keys.map(({ space, ...rest }) => [space, rest])),
    held: Object.fromEntries(held.filter(({ n }) => n > 0).map(({ rule, n }) => [rule, n])),
    setAside,
    sources,
  }
}

/**
 * Rows of indicators with what serves them, a page after the other, as JSON text: taking them out column
 * by column took longer than finding them, and text crosses threads cheaply.
 */
import { headSeq } from './changes.js'
import { SHARED } from './settle.js'
import type { Database } from './sqlite.js'

export interface Page {
  /** Of `STATE_COLUMNS`, and whether the key is shared; the rows of one indicator together. */
  readonly rows: string
  /** The last change that the snapshot holds. */
  readonly seq: number
}

export interface PageOptions {
  /** Indicators of a page. */
  readonly size: number
  /** Also what was live once. */
  readonly retired: boolean
}

/** Of an indicator `i`, its carrier `c` and that one's attribute `a`. */
export const STATE_COLUMNS = `
  i.space, i.value, i.port, a.uuid, a.type, a.tags, a.timestamp, a.first_seen, a.last_seen,
  max(c.since, coalesce(i.live_since, 0)), a.event`

/** All rows of a query as one text. */
export const inJson = (shared: string) =>
  `json_group_array(json_array(${STATE_COLUMNS}, ${shared}))`

const SERVED_CARRIERS = `
  LEFT JOIN carrier c ON c.indicator = i.id AND c.held_rule IS NULL AND c.hold IS NULL
  LEFT JOIN attribute a ON a.id = c.attribute`

/**
 * What some indicators tell of their keys. Where a key is shared this is not the whole of it. To join the
 * others of each key here took longer than all the rest, and read a key of many ports as many times.
 */
export const rowsOfIndicators = (indicators: string) => `
  SELECT ${inJson(SHARED)} AS rows
  FROM (${indicators}) t CROSS JOIN indicator i ON i.id = t.indicator ${SERVED_CARRIERS}`

/** Of a key's indicators that are (or were) live the first, so that the key comes once. */
const firstOfKeys = (since: 'live_since' | 'known_since') =>
  rowsOfIndicators(`
    SELECT i.id AS indicator FROM indicator i
    WHERE i.id > :after AND i.id <= :upTo AND i.${since} IS NOT NULL
      AND NOT (${SHARED} AND EXISTS (
        SELECT 1 FROM indicator o WHERE o.space = i.space AND o.value = i.value
          AND o.${since} IS NOT NULL AND o.id < i.id))`)

/** All live keys in one snapshot, which stays open until the iteration ends. */
export function* pagesOf(db: Database, { size, retired }: PageOptions): Generator<Page> {
  const read = db.prepare(firstOfKeys(retired ? 'known_since' : 'live_since'))
  db.exec('BEGIN')
  try {
    const seq = headSeq(db)
    const last = lastIndicator(db)
    for (let after = 0; after < last; after += size) {
      const { rows } = read.get({ after, upTo: after + size }) as { rows: string }
      if (rows !== '[]') yield { rows, seq }
    }
  } finally {
    db.exec('COMMIT')
  }
}

export function lastIndicator(db: Database): number {
  const row = db.prepare('SELECT coalesce(max(id), 0) AS id FROM indicator').get()
  return (row as { id: number }).id
}

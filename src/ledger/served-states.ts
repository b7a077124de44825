/**
 * The served states of single keys, for whoever meets one now and then. One statement reads all of one:
 * so it is of one moment without a transaction, and takes a third of the time of one for the key, one for
 * each event and what keeps them together.
 */
import { type CarrierEvent, carriersOf, type StateRow } from './carriers.js'
import { STATE_COLUMNS } from './pages.js'
import type { Database, Statement } from './sqlite.js'
import type { State } from './state.js'

const KEY = `
  SELECT json_group_array(json_array(${STATE_COLUMNS}, 0, json_object(
    'mispId', e.misp_id, 'uuid', e.uuid, 'info', e.info, 'tags', json(e.tags),
    'threatLevel', e.threat_level, 'source', s.name, 'place', s.place))) AS rows
  FROM indicator i
  JOIN carrier c ON c.indicator = i.id AND c.held_rule IS NULL AND c.hold IS NULL
  JOIN attribute a ON a.id = c.attribute
  JOIN event e ON e.id = a.event
  JOIN source s ON s.id = e.source
  WHERE i.space = ? AND i.value = ?`

export class ServedStates {
  readonly #key: Statement

  constructor(db: Database) {
    this.#key = db.prepare(KEY)
  }

  /** Without carriers, where nothing is served under that key. */
  of(space: string, value: string): State {
    const { rows } = this.#key.get(space, value) as { rows: string }
    return { space, value, carriers: carriersOf(JSON.parse(rows) as StateRow[], eventIn) }
  }
}

function eventIn(row: StateRow): CarrierEvent {
  return row[12] as CarrierEvent
}

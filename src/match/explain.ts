/** All that the ledger knows of a value. Reads only. */
import { exactCandidates } from '../indicators/observable.js'
import { type Cursor, readCursors } from '../ledger/changes.js'
import { type Hold, holdsOn } from '../ledger/holds.js'
import { findSetAside, lastChangeOf, type SetAside } from '../ledger/knowledge.js'
import type { Database } from '../ledger/sqlite.js'
import { ALL_NET_LENGTHS, type Found, type Lookup, lookup } from './lookup.js'

export type ValueState = Lookup['state'] | 'set_aside'

export interface Explained extends Found {
  /** Number of the last change of it that not every sink had got; 0: all have. */
  readonly lastChange: number
}

export interface Knowledge {
  readonly value: string
  readonly state: ValueState
  readonly found: readonly Explained[]
  /** Attributes with just this value that could not be read. */
  readonly setAside: readonly SetAside[]
  /** Holds by hand on the value itself; those on its events show in its carriers. */
  readonly holds: readonly Hold[]
  /** How far each sink has got. */
  readonly cursors: readonly Cursor[]
}

export function explain(db: Database, value: string): Knowledge {
  const { state, found } = lookup(db, value, ALL_NET_LENGTHS)
  const setAside = findSetAside(db, value)
  return {
    value,
    state: state === 'unknown' && setAside.length > 0 ? 'set_aside' : state,
    found: found.map((each) => ({ ...each, lastChange: lastChangeOf(db, each.indicator.id) })),
    setAside,
    holds: holdsOn(db, { event: null, targets: exactCandidates(value) }),
    cursors: readCursors(db),
  }
}

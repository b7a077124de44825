/** Served states as the ledger has them now, kept until somebody writes to it. */
import { headSeq } from '../../ledger/changes.js'
import { openForReading } from '../../ledger/database.js'
import { ServedStates } from '../../ledger/served-states.js'
import type { Database } from '../../ledger/sqlite.js'
import type { State } from '../../ledger/state.js'

/** Keys that are kept: the busiest indicators of a bad day. */
const MOST_KEPT = 10_000

export class States {
  readonly db: Database
  readonly #served: ServedStates
  readonly #version: { get(): unknown }
  #seen = -1
  #kept = new Map<string, State>()

  /** Opens a connection of its own. @throws LedgerError */
  constructor(dataDir: string) {
    this.db = openForReading(dataDir)
    this.#served = new ServedStates(this.db)
    this.#version = this.db.prepare('PRAGMA data_version')
  }

  close(): void {
    this.db.close()
  }

  head(): number {
    return headSeq(this.db)
  }

  /** Forgets what may have changed; whether somebody has written since the last time. */
  refresh(): boolean {
    const { data_version: version } = this.#version.get() as { data_version: number }
    if (version === this.#seen) return false
    this.#seen = version
    this.#kept.clear()
    return true
  }

  /** What was seen could not be followed: the next `refresh` tells of it again. */
  unsee(): void {
    this.#seen = -1
  }

  of(space: string, value: string): State {
    const key = `${space}:${value}`
    const kept = this.#kept.get(key)
    if (kept) return kept
    const state = this.#served.of(space, value)
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear()
    this.#kept.set(key, state)
    return state
  }
}

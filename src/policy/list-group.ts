/**
 * Many lists asked as one. Nearly every indicator is on none of them, so the union of their entries
 * is asked first, and the lists themselves only where the union knows something: thirty lists cost
 * as much as one.
 */
import { Scope } from './scope.js'
import type { Probe } from './subject.js'
import type { WarningList } from './warninglist.js'

const NONE: readonly never[] = []

export class ListGroup {
  readonly fingerprints: readonly string[]
  readonly #all: readonly WarningList[]
  /** Those that the union does not speak for. */
  readonly #asked: readonly WarningList[]
  readonly #union: Scope

  constructor(lists: readonly WarningList[]) {
    this.fingerprints = lists.map(({ fingerprint }) => fingerprint)
    this.#all = lists
    this.#asked = lists.filter(({ hosts }) => hosts === null)
    // Reads every entry in the widest way, so that it never misses what a list would find.
    this.#union = new Scope(
      lists.flatMap(({ hosts }) => hosts ?? NONE),
      { below: true, nets: true },
    )
  }

  /** The lists that the subject may be on, in the order in which they were given. */
  candidates(probe: Probe): readonly WarningList[] {
    const lists = this.#union.touching(probe) === null ? this.#asked : this.#all
    if (lists.length === 0) return NONE
    const { type } = probe.subject
    return lists.filter((list) => list.appliesTo(type))
  }
}

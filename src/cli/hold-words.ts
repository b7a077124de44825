/** A hold by hand, for eyes and as JSON. */
import type { Hold } from '../ledger/holds.js'
import { printable } from '../log.js'
import { iso, moment } from './words.js'

export function holdDocument(hold: Hold): object {
  const { id, target, event, author, why, at, until, endedAt, endedBy } = hold
  return {
    id,
    target,
    event,
    author,
    why,
    at: iso(at),
    until: iso(until),
    ended_at: iso(endedAt),
    ended_by: endedBy,
  }
}

/** `#3 198.51.100.7, by alice since ... until ...: why` */
export function holdLine({ id, target, author, why, at, until }: Hold): string {
  const end = until === null ? 'until it is released' : `until ${moment(until)}`
  return printable(`#${id} ${target}, by ${author} since ${moment(at)}, ${end}: ${why}`)
}

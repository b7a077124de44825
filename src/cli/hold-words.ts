/** A hold by hand, for eyes. */
import type { Hold } from '../ledger/holds.js'
import { printable } from '../log.js'
import { moment } from './words.js'

/** `#3 198.51.100.7, by alice since ... until ...: why` */
export function holdLine({ id, target, author, why, at, until }: Hold): string {
  const end = until === null ? 'until it is released' : `until ${moment(until)}`
  return printable(`#${id} ${target}, by ${author} since ${moment(at)}, ${end}: ${why}`)
}

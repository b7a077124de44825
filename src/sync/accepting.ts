/** What a user lets through has to be there: an id that is mistyped would let nothing through, unnoticed. */
import { UsageError } from '../errors.js'
import { readWithheld } from '../ledger/sources.js'
import type { Database } from '../ledger/sqlite.js'
import { printable } from '../log.js'

/** Before anything is done. @throws UsageError for an id under which nothing is withheld */
export function checkAccepted(accept: readonly string[], db: Database): void {
  if (accept.length === 0) return
  const withheld = readWithheld(db).map(({ id }) => id)
  const unknown = accept.find((id) => !withheld.includes(id))
  if (unknown === undefined) return
  const hint =
    withheld.length === 0
      ? 'nothing is withheld at all'
      : `what is withheld: ${withheld.join(', ')}; tipline status tells more`
  throw new UsageError({ what: `nothing is withheld under the id ${printable(unknown)}`, hint })
}

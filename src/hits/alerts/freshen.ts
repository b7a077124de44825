/**
 * What the ledger says of a message's indicators at the moment it is sent: what was revoked, held or has
 * expired since is told no more, and a TLP that was raised counts.
 */
import type { AttributeReader } from '../../ledger/attributes.js'
import { strictestTlp, strictness, type Tlp } from '../../policy/tlp.js'
import type { Alert, Sight, SightEvent } from './alert.js'

/** null: nothing of it is left to tell. Tests and the word of a flood have no indicators. */
export function freshened(alert: Alert, ledger: AttributeReader | null): Alert | null {
  if (alert.sights.length === 0 || ledger === null) return alert
  const sights = alert.sights.flatMap((sight) => freshSight(sight, ledger))
  return sights.length === 0 && alert.more === 0 ? null : { ...alert, sights }
}

function freshSight(sight: Sight, ledger: AttributeReader): Sight[] {
  const events = sight.events.flatMap((event) => freshEvent(event, ledger))
  return events.length === 0 ? [] : [{ ...sight, events }]
}

function freshEvent(event: SightEvent, ledger: AttributeReader): SightEvent[] {
  const { source, uuid, attribute, tlp } = event
  // Of another tool's source nobody can say; what was known when it was met stands.
  if (!ledger.knows(source)) return [event]
  const now = ledger.read({ source, event: uuid, attribute: attribute.uuid })
  return now?.isServed ? [{ ...event, tlp: stricter(tlp, now.tags) }] : []
}

/** What had once been told to be strict stays so. */
function stricter(before: Tlp | null, tags: readonly string[]): Tlp | null {
  const { level, tag } = strictestTlp([tags], 'clear')
  if (tag === null || before === null) return tag === null ? before : level
  return strictness(level) > strictness(before) ? level : before
}

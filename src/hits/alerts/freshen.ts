/**
 * What is known of a message's indicators at the moment it is sent: what was revoked, held, has expired
 * or was called false since is told no more, and a TLP that was raised counts.
 */
import type { AttributeReader } from '../../ledger/attributes.js'
import { strictestTlp, strictness, type Tlp } from '../../policy/tlp.js'
import type { Alert, Sight, SightEvent } from './alert.js'

export interface Present {
  /** null: there is none yet. */
  readonly ledger: AttributeReader | null
  /** Whether somebody calls this hit false by now. */
  readonly isFalse: (hit: string) => boolean
}

/** null: nothing of it is left to tell. Tests and the word of a flood have no indicators. */
export function freshened(alert: Alert, present: Present): Alert | null {
  if (alert.sights.length === 0) return alert
  const sights = alert.sights.flatMap((sight) => freshSight(sight, present))
  return sights.length === 0 && alert.more === 0 ? null : { ...alert, sights }
}

function freshSight(sight: Sight, present: Present): Sight[] {
  const { ledger } = present
  const events = standing(sight, present).flatMap((event) =>
    ledger === null ? [event] : freshEvent(event, ledger),
  )
  return events.length === 0 ? [] : [{ ...sight, events }]
}

/** Of several meetings only the newest is known by its id: the others may be real. */
function standing({ count, events }: Sight, { isFalse }: Present): readonly SightEvent[] {
  return count === 1 ? events.filter(({ hit }) => !isFalse(hit)) : events
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

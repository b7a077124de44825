/** Entries of the ledger as JSON, as the command line and the API answer them. */
import { iso } from '../time.js'
import type { Hold } from './holds.js'
import type { SetAside } from './knowledge.js'

export function holdDocument(hold: Hold) {
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

/** An attribute whose value can not be an indicator of its type. */
export function setAsideDocument(aside: SetAside) {
  const { source, eventId, eventUuid, attributeUuid, type, value, reason } = aside
  const event = { event: eventId, event_uuid: eventUuid, attribute_uuid: attributeUuid }
  return { source, ...event, type, value, reason }
}

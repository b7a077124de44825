/** An attribute whose value can not be an indicator of its type, as JSON. */
import type { SetAside } from '../ledger/knowledge.js'

export function setAsideDocument(aside: SetAside): object {
  const { source, eventId, eventUuid, attributeUuid, type, value, reason } = aside
  const event = { event: eventId, event_uuid: eventUuid, attribute_uuid: attributeUuid }
  return { source, ...event, type, value, reason }
}

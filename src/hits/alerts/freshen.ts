/**
 * What is known of a message's indicators at the moment it is sent: what was revoked, held, has expired
 * or was called false since is told no more, and a TLP that was raised counts.
 */
import type { AttributeReader } from '../../ledger/attributes.js'
import { strictestTlp, strictness, type Tlp } from '../../policy/tlp.js'
import type { Alert, Meeting, Sight, SightEvent } from './alert.js'

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
  const standing = withoutFalse(sight, present)
  if (standing === null || ledger === null) return standing === null ? [] : [standing]
  const events = standing.events.flatMap((event) => freshEvent(event, ledger))
  return events.length === 0 ? [] : [{ ...standing, events }]
}

/** What is left of it without what is called false; null: nothing. */
function withoutFalse(sight: Sight, { isFalse }: Present): Sight | null {
  const known = sight.meetings ?? []
  const meetings = known.flatMap((meeting) => standing(meeting, isFalse))
  const count = sight.count - (known.length - meetings.length)
  if (count === 0) return null
  const events = sight.events.flatMap((event) => eventIn({ event, meetings, count, isFalse }))
  const told = isFalse(sight.hit) ? newest(meetings) : {}
  return events.length === 0 ? null : { ...sight, ...told, count, events, meetings }
}

function standing(meeting: Meeting, isFalse: Present['isFalse']): Meeting[] {
  const hits = meeting.hits.filter(({ id }) => !isFalse(id))
  return hits.length === 0 ? [] : [{ ...meeting, hits }]
}

/** With the newest hit on it that stands. Where not every meeting is known each, others may be real. */
function eventIn({
  event,
  meetings,
  count,
  isFalse,
}: {
  event: SightEvent
  meetings: readonly Meeting[]
  count: number
  isFalse: Present['isFalse']
}): SightEvent[] {
  const hits = meetings.flatMap(({ hits }) => hits)
  if (!isFalse(event.hit)) return [event]
  const hit = hits.find(({ attribute }) => attribute === event.attribute.uuid)
  if (hit) return [{ ...event, hit: hit.id }]
  return meetings.length < count ? [event] : []
}

/** What a sight tells of the newest meeting; as it was told where none is known. */
function newest(meetings: readonly Meeting[]): Partial<Sight> {
  const [meeting] = meetings
  if (!meeting) return {}
  const { inside, network, observable, field, label, last, hits } = meeting
  return { inside, network, observable, field, label, last, hit: hits[0]!.id }
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

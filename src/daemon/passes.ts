/**
 * What is asked of a MISP next: everything, or only what moved lately. A whole comparison with its index is
 * dear and sees all but the changes that move nothing; for these, every event is read again once a day, a
 * slice at a time.
 */
import type { KnownEvent } from '../ledger/sources.js'
import type { Pass } from '../sync/source.js'

const WHOLE_MS = 15 * 60_000
/** MISP writes an edit a little after the second that it bears. */
const OVERLAP_SECONDS = 300
const DAY_SECONDS = 86_400

export const WHOLE: Pass = { kind: 'whole' }

export interface Situation {
  /** Somebody waits for it, or asks to accept what was withheld. */
  readonly isAsked: boolean
  /** Something of the source is withheld: only what has seen all of it can settle that. */
  readonly isFrozen: boolean
  /** The schedule says that it is time. */
  readonly isDue: boolean
  /** Uuids of events that are said to have changed. */
  readonly hints: readonly string[]
  /** By MISP's clock, up to when it was asked for all that moved; null: not since the daemon was started. */
  readonly lastAt: number | null
  /** Milliseconds since the last whole comparison. */
  readonly sinceWholeMs: number
  /** Seconds that an event may be missing; only a whole comparison tells that it is. */
  readonly absentGrace: number
}

/** One after the other; never none. */
export function nextPasses(situation: Situation): readonly Pass[] {
  const { isAsked, isFrozen, isDue, hints, lastAt, sinceWholeMs, absentGrace } = situation
  const wholeMs = Math.min(WHOLE_MS, absentGrace * 1000)
  if (isAsked || isFrozen || lastAt === null || sinceWholeMs >= wholeMs) return [WHOLE]
  const recent: Pass = { kind: 'recent', since: lastAt - OVERLAP_SECONDS }
  if (hints.length === 0) return [recent]
  const named: Pass = { kind: 'named', events: hints }
  // Hints that come all the time must not keep from looking for what no hint tells of.
  return isDue ? [named, recent] : [named]
}

/** How far the daily reading has come: after this event, at this time (epoch seconds). */
export interface Reread {
  readonly after: string
  readonly at: number
}

/** The events whose turn it is, in the order of their uuids, so that all have theirs within a day. */
export function sliceOf(
  known: readonly KnownEvent[],
  before: Reread,
  now: number,
): { readonly events: readonly string[]; readonly next: Reread } {
  const uuids = known.map(({ uuid }) => uuid).sort()
  const share = Math.min(1, Math.max(0, now - before.at) / DAY_SECONDS)
  const count = Math.ceil(share * uuids.length)
  const from = uuids.findIndex((uuid) => uuid > before.after)
  const turned = from < 0 ? uuids : [...uuids.slice(from), ...uuids.slice(0, from)]
  const events = turned.slice(0, count)
  return { events, next: { after: events.at(-1) ?? before.after, at: now } }
}

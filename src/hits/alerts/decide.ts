/**
 * Whether a sight is told at once or in the digest. The invariants are numbered in docs/spec/alerts.md.
 * Pure; times are epoch milliseconds.
 */
import type { Sight } from './alert.js'
import type { Pace } from './settings.js'

export interface Decision {
  readonly when: 'now' | 'digest'
  /** The pair is known from now on: what comes next of it is counted. */
  readonly remember: boolean
  /** The limit of the hour keeps it from being told at once. */
  readonly flood: boolean
}

export interface Standing {
  /** When the channel last heard of this pair; null: never. */
  readonly last: number | null
  /** First sights that it was told within the last hour. */
  readonly toldInHour: number
  readonly now: number
}

export function decide(sight: Sight, pace: Pace, { last, toldInHour, now }: Standing): Decision {
  if (isOld(sight, pace, now)) return { when: 'digest', remember: false, flood: false }
  const isKnown = last !== null && now - last < pace.againAfter
  if (isKnown) return { when: 'digest', remember: true, flood: false }
  const flood = toldInHour >= pace.maxPerHour
  return { when: flood ? 'digest' : 'now', remember: true, flood }
}

export function isOld({ last }: Sight, { maxAge }: Pace, now: number): boolean {
  return now - last > maxAge
}

/** The digest of a channel whose oldest waiting sight came `since`. */
export function isDigestDue(since: number | null, { digest }: Pace, now: number): boolean {
  return since !== null && now - since >= digest
}

/**
 * What of the ledger is served. Pure: the same subject, time, settings and lists give the same verdict.
 * Holds by hand are the ledger's and beat whatever is said here, `allow` included (see rules.ts).
 */
import { Rulebook } from './rulebook.js'
import { ageEnd, type Question, RULES, type RuleName, validityEnd } from './rules.js'
import type { PolicySettings } from './settings.js'
import { probeOf, type Subject } from './subject.js'
import type { WarningList } from './warninglist.js'

export interface Held {
  readonly rule: RuleName
  /** As in "192.168.0.1 touches private addresses (192.168.0.0/16)". Holds foreign text. */
  readonly reason: string
}

export interface Verdict {
  /** Null: served. */
  readonly held: Held | null
  /** Names of the lists that only label and that the subject, or its host, is on. */
  readonly labels: readonly string[]
  /** Epoch seconds at which the verdict may change by itself; null if it never will. */
  readonly until: number | null
}

export interface Policy {
  /** Never throws. `now` in epoch seconds. */
  judge(subject: Subject, now: number): Verdict
  /** SHA-256 in hex over all that can change a verdict, the content of the lists included. */
  readonly fingerprint: string
  /** What of the settings has no effect; what of a list could not be used, the list itself says. */
  readonly warnings: readonly string[]
}

export function createPolicy(settings: PolicySettings, lists: readonly WarningList[]): Policy {
  const book = new Rulebook(settings, lists)
  return {
    judge: (subject, now) => judge({ probe: probeOf(subject), now, book }),
    fingerprint: book.fingerprint,
    warnings: book.warnings,
  }
}

const NO_LABELS: readonly string[] = []

function judge(question: Question): Verdict {
  const labels = labelsOf(question)
  for (const { name, effect, judge } of RULES) {
    const reason = judge(question)
    if (reason === null) continue
    if (effect === 'serve') return { held: null, labels, until: null }
    return {
      held: { rule: name, reason },
      labels,
      until: name === 'validity' ? end(question) : null,
    }
  }
  return { held: null, labels, until: end(question) }
}

function labelsOf({ probe, book }: Question): readonly string[] {
  const candidates = book.labelling.candidates(probe)
  if (candidates.length === 0) return NO_LABELS
  return candidates.filter((list) => list.host(probe) !== null).map(({ name }) => name)
}

/** When age or validity next has something else to say: of what is past, nothing changes any more. */
function end(question: Question): number | null {
  const next = Math.min(still(ageEnd(question), question), still(validityEnd(question), question))
  return Number.isFinite(next) ? next : null
}

function still(at: number, { now }: Question): number {
  return at > now ? at : Number.POSITIVE_INFINITY
}

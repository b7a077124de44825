/**
 * Is this change believable? Pure. A feed that vanished, a key that sees less and a flood look like
 * ordinary answers; what they would do to the live indicators tells them apart.
 */
import type { GuardSettings } from './settings.js'

export interface GuardQuestion {
  /** The source has not given a believable answer yet, though a pull may have been broken off. */
  readonly first: boolean
  /** Attributes of the source that carry an indicator, before the pull. */
  readonly live: number
  readonly added: number
  /** Not in the answer any more, though nothing says that they were deleted. */
  readonly absent: number
  /** The most that was live in the last 24 h, and what has vanished since. */
  readonly recent: { readonly most: number; readonly absent: number }
  /** The key's role or organisation is another than at the last accepted pull. */
  readonly identityChanged: boolean
  /** The config asks for something else than at the last pull. */
  readonly settingsChanged: boolean
}

export interface GuardVerdict {
  /** Why the revocations by absence are withheld; null: they are believable. */
  readonly revocations: string | null
  /** Why the additions are withheld. */
  readonly additions: string | null
}

export function guard(question: GuardQuestion, settings: GuardSettings): GuardVerdict {
  // There is nothing yet that it could be compared with.
  if (question.first) return { revocations: null, additions: null }
  return {
    revocations: doubtRevocations(question, settings),
    additions: doubtAdditions(question, settings),
  }
}

function doubtRevocations(question: GuardQuestion, settings: GuardSettings): string | null {
  const { absent, recent } = question
  if (absent === 0) return null
  if (question.identityChanged) {
    return `${absent} attributes vanished, and the key's role or organisation has changed: it may just see less`
  }
  const basis = Math.max(question.live, recent.most)
  const vanished = absent + recent.absent
  if (!tooMany({ vanished, basis, settings })) return null
  const share = percent(vanished, basis)
  const since = recent.absent > 0 ? ` (${recent.absent} of them earlier in the last 24 h)` : ''
  return `${vanished} of ${basis} attributes (${share} %) vanished without being deleted${since}`
}

function tooMany({
  vanished,
  basis,
  settings,
}: {
  vanished: number
  basis: number
  settings: GuardSettings
}): boolean {
  return vanished > settings.revoke_min && vanished * 100 > basis * settings.revoke_percent
}

function doubtAdditions(question: GuardQuestion, settings: GuardSettings): string | null {
  const { live, added } = question
  // Nothing to compare with at first; and who changes the filters wants another amount.
  if (live === 0 || question.settingsChanged) return null
  if (added <= settings.growth_min || added <= live * settings.growth_factor) return null
  return `${added} attributes would be added to ${live}, more than ${settings.growth_factor} times as many`
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '100' : ((part * 100) / whole).toFixed(part * 10 < whole ? 1 : 0)
}

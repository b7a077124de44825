/** What the type table says of one MISP type. */
import type { Kind, Space } from './indicator.js'
import type { NormaliserName } from './normalisers.js'

/** One meaning of a type. */
export interface Half {
  /** Where its values are usually looked up; an `ip` may turn out to be a `net`. */
  readonly space: Space
  readonly normaliser: NormaliserName
  /** More context than indicator. */
  readonly weak: boolean
}

/** Which part of the value goes to the halves. `both`: the first half before `|`, the second behind. */
export type Cut = 'whole' | 'before-pipe' | 'after-pipe' | 'both'

export interface MatchableType {
  readonly matchable: true
  readonly type: string
  readonly cut: Cut
  readonly halves: readonly Half[]
  /** Served only where the config asks for its kind. */
  readonly optIn: boolean
  /** Fields of the Elastic Common Schema that the type may meet; none where ECS has no such field. */
  readonly ecs: readonly string[]
  readonly note?: string
}

export interface UnmatchableType {
  readonly matchable: false
  readonly type: string
  readonly reason: string
}

export type TypeEntry = MatchableType | UnmatchableType

/** Kinds that innocent software may share with malware. */
export const OPT_IN_KINDS: readonly Kind[] = [
  'filename',
  'user-agent',
  'mutex',
  'regkey',
  'named-pipe',
  'ja3',
]

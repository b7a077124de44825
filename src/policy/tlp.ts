/**
 * The Traffic Light Protocol as MISP's tags tell it (TLP 2.0; `tlp:white` is `tlp:clear`). Computed by
 * us, because MISP's own tag filter is case-sensitive: `TLP:RED` would slip through `!tlp:red`.
 */

/** From the widest to the narrowest circle. */
export const TLP_LEVELS = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const
export type Tlp = (typeof TLP_LEVELS)[number]

export interface Marking {
  readonly level: Tlp
  /** The tag that says so, as it was written; null where no tag says anything. */
  readonly tag: string | null
}

/** `ex:chr` limits naming the source, not the circle; `unclear` says that nobody knows. */
const NO_LEVEL = new Set(['ex:chr', 'unclear'])
const LEVEL_OF: ReadonlyMap<string, Tlp> = new Map<string, Tlp>([
  ...TLP_LEVELS.map((level): [string, Tlp] => [level, level]),
  ['white', 'clear'],
  ['amber-strict', 'amber+strict'],
  ['amber_strict', 'amber+strict'],
])

/** Higher is stricter. */
export function strictness(level: Tlp): number {
  return TLP_LEVELS.indexOf(level)
}

/** The strictest of all the tags; `untagged` where none of them is of TLP. */
export function strictestTlp(tags: readonly (readonly string[])[], untagged: Tlp): Marking {
  let strictest: Marking | null = null
  for (const some of tags) {
    for (const tag of some) {
      const level = tlpOf(tag)
      if (level === null) continue
      if (strictest && strictness(level) <= strictness(strictest.level)) continue
      strictest = { level, tag }
    }
  }
  return strictest ?? { level: untagged, tag: null }
}

/**
 * The level a tag sets, null if none. A `tlp:` tag that nobody knows is read as red: someone meant to
 * limit the circle, and to serve what should not have been is worse than to hold it and say why.
 */
function tlpOf(tag: string): Tlp | null {
  const level = AS_USUAL.get(tag)
  if (level !== undefined) return level
  return mayBeTlp(tag) && LOOKS_LIKE_TLP.test(tag) ? readTlp(tag) : null
}

/** Spared the work, as nearly all of them are written this way. */
const AS_USUAL: ReadonlyMap<string, Tlp> = new Map(
  [...LEVEL_OF].map(([name, level]): [string, Tlp] => [`tlp:${name}`, level]),
)

/** Most tags are others; their first letter tells. */
function mayBeTlp(tag: string): boolean {
  const first = tag.charCodeAt(0)
  return (first | 0x20) === 0x74 || first <= 0x20 || first > 0x7e
}

const LOOKS_LIKE_TLP = /^\s*tlp\s*:/i

function readTlp(tag: string): Tlp | null {
  const level = tag
    .slice(tag.indexOf(':') + 1)
    .replace(/[\s"']/g, '')
    .toLowerCase()
  return NO_LEVEL.has(level) ? null : (LEVEL_OF.get(level) ?? 'red')
}

/**
 * What of a source's rows counts, checked here row by row: MISP ignores filters that it does not
 * know, and a tag or `to_ids` that turned must be seen, not filtered away.
 */

export interface RowFilters {
  /** Only attributes with `to_ids`. */
  readonly toIds: boolean
  /** MISP's tag patterns: `%` stands for anything, a leading `!` excludes. */
  readonly tags: readonly string[]
}

export interface FilteredRow {
  readonly deleted: boolean
  readonly toIds: boolean
  readonly tags: readonly string[]
}

/** Why this row is no indicator for us, or null. */
export function goneBy(
  row: FilteredRow,
  eventTags: readonly string[],
  filters: CompiledFilters,
): 'deleted' | 'to_ids' | 'tag' | null {
  if (row.deleted) return 'deleted'
  if (filters.toIds && !row.toIds) return 'to_ids'
  return filters.admits(row.tags, eventTags) ? null : 'tag'
}

export interface CompiledFilters {
  readonly toIds: boolean
  admits(tags: readonly string[], eventTags: readonly string[]): boolean
}

/**
 * Unlike MISP's own filter this one looks past upper and lower case: `!tlp:red` that lets `TLP:RED`
 * through would be worse than the difference.
 */
export function compileFilters({ toIds, tags }: RowFilters): CompiledFilters {
  const wanted = tags.filter((tag) => !tag.startsWith('!')).map(matcher)
  const unwanted = tags.filter((tag) => tag.startsWith('!')).map((tag) => matcher(tag.slice(1)))
  if (tags.length === 0) return { toIds, admits: () => true }
  return {
    toIds,
    admits(own, ofEvent) {
      const has = (matches: (tag: string) => boolean) => own.some(matches) || ofEvent.some(matches)
      if (unwanted.some(has)) return false
      return wanted.length === 0 || wanted.some(has)
    },
  }
}

function matcher(pattern: string): (tag: string) => boolean {
  const parts = pattern.toLowerCase().split('%')
  if (parts.length === 1) return (tag) => tag.toLowerCase() === parts[0]
  return (tag) => matchesParts(tag.toLowerCase(), parts)
}

/** Glob without a regular expression, since the tag is foreign text. */
function matchesParts(text: string, parts: readonly string[]): boolean {
  const first = parts[0]!
  const last = parts.at(-1)!
  if (!text.startsWith(first) || !text.endsWith(last)) return false
  let at = first.length
  const end = text.length - last.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return at <= end
}

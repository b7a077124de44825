/** Free text (file names, user agents, registry keys, ...): as it is but for blanks at the ends. */
import type { Normalisation, Space } from './indicator.js'
import { isBrokenUnicode, MAX_TEXT, means, REASONS, refuse } from './outcome.js'

export function text(space: Space) {
  return (value: string): Normalisation => {
    const trimmed = value.trim()
    if (trimmed === '') return refuse(REASONS.empty)
    if (trimmed.length > MAX_TEXT) return refuse(REASONS.tooLong)
    if (trimmed.includes('\0')) return refuse(REASONS.control)
    return isBrokenUnicode(trimmed) ? refuse(REASONS.brokenUnicode) : means(space, trimmed)
  }
}

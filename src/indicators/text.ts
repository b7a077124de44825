/** Free text (file names, user agents, registry keys, ...): as it is but for blanks at the ends. */
import type { Normalisation, Space } from './indicator.js'
import { isBrokenUnicode, MAX_TEXT, means, REASONS, type Reason, refuse } from './outcome.js'

export function text(space: Space) {
  return (value: string): Normalisation => {
    const trimmed = value.trim()
    const fault = faultOfText(trimmed)
    return fault === undefined ? means(space, trimmed) : refuse(fault)
  }
}

/** Why it can't be free text, of whatever space; `trimmed`: without blanks at the ends. */
export function faultOfText(trimmed: string): Reason | undefined {
  if (trimmed === '') return REASONS.empty
  if (trimmed.length > MAX_TEXT) return REASONS.tooLong
  if (trimmed.includes('\0')) return REASONS.control
  return isBrokenUnicode(trimmed) ? REASONS.brokenUnicode : undefined
}

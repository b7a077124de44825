/**
 * A value as JSON in printable ASCII: third parties' texts reach logs and terminals, and a line whose
 * own bytes are no UTF-8 must not be made worse. Halves of surrogate pairs become U+FFFD.
 */
export function ascii(value: unknown): string {
  return JSON.stringify(value, wellFormed).replace(NOT_ASCII, escapeUnit)
}

const NOT_ASCII = /[^ -~]/g
const LONE_SURROGATES = /\p{Surrogate}/gu

function wellFormed(_: string, part: unknown): unknown {
  return typeof part === 'string' ? part.replace(LONE_SURROGATES, '\ufffd') : part
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

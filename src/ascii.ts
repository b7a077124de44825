/**
 * JSON for places whose readers are not ours: third parties' texts reach caches, logs and terminals, and
 * a client may hand out bytes.
 */

/** As JSON in printable ASCII. Halves of surrogate pairs, which no reader can decode, become U+FFFD. */
export function ascii(value: unknown): string {
  const plain = JSON.stringify(value)
  // JSON.stringify itself writes a lone half as an escape; only then the slow way is worth it.
  const json = plain.includes('\\ud') ? JSON.stringify(value, wellFormed) : plain
  return NOT_ASCII.test(json) ? json.replace(EACH_NOT_ASCII, escapeUnit) : json
}

const LONE_SURROGATES = /\p{Surrogate}/gu
const NOT_ASCII = /[^ -~]/
const EACH_NOT_ASCII = new RegExp(NOT_ASCII, 'g')

function wellFormed(_: string, part: unknown): unknown {
  return typeof part === 'string' ? part.replace(LONE_SURROGATES, '\ufffd') : part
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

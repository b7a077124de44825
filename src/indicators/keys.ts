/**
 * memcached's lookup keys: `misp-<space>:<value>`, the layout of MISP2memcached, and for what may be
 * long or hold blanks also `misp-<space>-sha256:<hex>`, which Logstash's fingerprint filter can build.
 * Nothing that the text protocol could misread ever becomes a key as it is.
 */
import { hash } from 'node:crypto'
import type { Space } from './indicator.js'

/** memcached's limit. */
const MAX_KEY_BYTES = 250

/** A key in base64 must keep within the same limit: 186 bytes become 248. */
const MAX_BASE64_KEY_BYTES = 186

/** Spaces whose values may be long, hold blanks or not be ASCII: they get a hashed key too. */
export const HASHED_SPACES: ReadonlySet<Space> = new Set([
  'url',
  'user-agent',
  'regkey',
  'mutex',
  'named-pipe',
  'filename',
])

/** Every key that a value stands under: none where the value can't be a key and isn't hashed. */
export function lookupKeys(space: Space, value: string): readonly string[] {
  const key = `${namespaceOf(space)}:${value}`
  const plain = isPlainKey(key) && !isTemplate(value)
  if (!HASHED_SPACES.has(space)) return plain ? [key] : []
  const hashed = hashedKey(space, value)
  return plain || (isBase64Key(key) && !isTemplate(value)) ? [key, hashed] : [hashed]
}

export function namespaceOf(space: Space): string {
  return `misp-${space}`
}

/** SHA-256 of the value's UTF-8 bytes, in lower-case hexadecimal. */
export function hashedKey(space: Space, value: string): string {
  return `misp-${space}-sha256:${hash('sha256', value)}`
}

/** Fits every protocol: 1 to 250 bytes of printable ASCII without blanks. */
export function isPlainKey(key: string): boolean {
  return key.length <= MAX_KEY_BYTES && /^[\x21-\x7e]+$/.test(key)
}

/** Holds blanks, so that only the meta protocol's base64 form can name it. For keys of `lookupKeys`. */
export function needsBase64(key: string): boolean {
  return key.includes(' ')
}

/**
 * Logstash asks for the literal `misp-filename:%{[file][name]}` wherever the field is missing: an
 * indicator of that name would meet every such line.
 */
function isTemplate(value: string): boolean {
  return value.includes('%{')
}

function isBase64Key(key: string): boolean {
  return key.length <= MAX_BASE64_KEY_BYTES && /^[\x20-\x7e]+$/.test(key)
}

/** Hexadecimal digests: lower case, right length. */
import type { Normalisation, Space } from './indicator.js'
import { means, REASONS, refuse, refuseText } from './outcome.js'

/** How many hexadecimal digits each hash space holds. */
export const HASH_LENGTHS = {
  md5: [32],
  sha1: [40],
  sha224: [56],
  sha256: [64],
  sha384: [96],
  sha512: [128],
  'sha512-224': [56],
  'sha512-256': [64],
  'sha3-224': [56],
  'sha3-256': [64],
  'sha3-384': [96],
  'sha3-512': [128],
  imphash: [32],
  authentihash: [64],
  pehash: [40],
  // codesign cuts the SHA-256 to 40 digits, some tools tell all of it.
  cdhash: [40, 64],
  ja3: [32],
  hassh: [32],
  jarm: [62],
  x509: [32, 40, 64],
} as const satisfies Record<Space, readonly number[]>

export type HashSpace = keyof typeof HASH_LENGTHS

export function hex(space: HashSpace, lengths: readonly number[]) {
  const [only = 0] = lengths
  const exact = new RegExp(`^[0-9a-f]{${only}}$`)
  return (value: string): Normalisation =>
    exact.test(value) ? means(space, value) : oddHex(value, { space, lengths })
}

/** A fingerprint of a certificate, which tools like to write `AA:BB:...` */
export function fingerprint(length: number) {
  const read = hex('x509', [length])
  const pairs = new RegExp(`^[0-9a-f]{2}(?:[: ][0-9a-f]{2}){${length / 2 - 1}}$`, 'i')
  return (value: string): Normalisation => {
    const text = value.trim()
    return read(pairs.test(text) ? text.replace(/[: ]/g, '') : value)
  }
}

interface Digest {
  readonly space: HashSpace
  readonly lengths: readonly number[]
}

function oddHex(value: string, { space, lengths }: Digest): Normalisation {
  const text = value.trim()
  if (text.length > 256 || !/^[0-9a-f]+$/i.test(text)) return refuseText(text, REASONS.hex)
  return lengths.includes(text.length)
    ? means(space, text.toLowerCase())
    : refuse(REASONS.hashLength)
}

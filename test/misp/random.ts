/**
 * Numbers that look random and are always the same: everything the stand-in makes up is a pure
 * function of (seed, position), so a row can be made again instead of being kept.
 */
const HEX = Array.from({ length: 65_536 }, (_, word) => word.toString(16).padStart(4, '0'))

/** A 32-bit hash of up to three numbers (murmur3's finaliser, chained). */
export function mix(seed: number, a: number, b = 0): number {
  return finalise(finalise(finalise(seed ^ 0x9e3779b9) ^ a) ^ Math.imul(b + 1, 0x85ebca6b))
}

function finalise(value: number): number {
  let h = value | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A whole number from 0 up to, not including, `below`. */
export function pick(word: number, below: number): number {
  return Math.floor((word / 0x1_0000_0000) * below)
}

/** `bytes` (a multiple of 4) bytes in hexadecimal. */
export function hex(seed: number, position: number, bytes: number): string {
  let text = ''
  for (let word = 0; word < bytes / 4; word++) text += hexWord(mix(seed, position, word))
  return text
}

function hexWord(word: number): string {
  return HEX[word >>> 16]! + HEX[word & 0xffff]!
}

/** A version 4 UUID. */
export function uuidOf(seed: number, position: number): string {
  const salt = seed ^ 0x5bd1e995
  const b = mix(salt, position, 1)
  const c = mix(salt, position, 2)
  const middle = `${HEX[b >>> 16]}-${HEX[0x4000 | (b & 0xfff)]}-${HEX[0x8000 | ((c >>> 16) & 0x3fff)]}`
  const end = HEX[c & 0xffff] + hexWord(mix(salt, position, 3))
  return `${hexWord(mix(salt, position, 0))}-${middle}-${end}`
}

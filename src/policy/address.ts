/**
 * Addresses and nets as ranges of numbers. Reads more than normalised values, because lists and the
 * config are written by hand: any spelling of IPv6, host bits that are set, IPv4-mapped IPv6.
 */

/** 32-bit words, most significant first: one for IPv4, four for IPv6. */
export type Words = readonly number[]

export interface Range {
  readonly family: 4 | 6
  readonly from: Words
  readonly to: Words
  /** Length of the prefix; 32 or 128 for a single address. */
  readonly prefix: number
}

const FULL = 0xffff_ffff
/** An IPv6 address with IPv4 at its end has 45 characters, and a prefix four more. */
const LONGEST = 49

/** Reads an address or a net in CIDR form; null for anything else. IPv4-mapped IPv6 becomes IPv4. */
export function parseRange(text: string): Range | null {
  if (text.length > LONGEST) return null
  const slash = text.indexOf('/')
  const words = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (!words) return null
  const bits = words.length * 32
  const prefix = slash < 0 ? bits : parseDecimal(text, slash + 1, text.length, bits)
  return prefix < 0 ? null : unmapped(rangeOf(words, prefix))
}

export function isSingle(range: Range): boolean {
  return range.prefix === (range.family === 4 ? 32 : 128)
}

/**
 * The IPv4 addresses that an IPv6 range carries inside: NAT64 (RFC 6052), 6to4 (RFC 3056) and the
 * IPv4-compatible form (RFC 4291, deprecated, but libraries still read it).
 */
export function embeddedIpv4(range: Range): Range | null {
  if (range.family === 4) return null
  const [a = 0, b = 0, c = 0, d = 0] = range.from
  if (a === 0x64_ff9b && b === 0 && c === 0) return inner(d, Math.max(0, range.prefix - 96))
  if (a === 0 && b === 0 && c === 0 && d > 1 && range.prefix >= 96)
    return inner(d, range.prefix - 96)
  if (a >>> 16 === 0x2002 && range.prefix >= 16) {
    return inner(((a << 16) | (b >>> 16)) >>> 0, Math.min(32, range.prefix - 16))
  }
  return null
}

function inner(word: number, prefix: number): Range {
  return rangeOf([word], prefix)
}

function rangeOf(words: Words, prefix: number): Range {
  if (prefix === words.length * 32) {
    return { family: words.length === 1 ? 4 : 6, from: words, to: words, prefix }
  }
  const from = words.map((word, i) => (word & maskOf(prefix - 32 * i)) >>> 0)
  const to = from.map((word, i) => (word | ~maskOf(prefix - 32 * i)) >>> 0)
  return { family: words.length === 1 ? 4 : 6, from, to, prefix }
}

function maskOf(bits: number): number {
  if (bits <= 0) return 0
  return bits >= 32 ? FULL : (FULL << (32 - bits)) >>> 0
}

function unmapped(range: Range): Range {
  const [a, b, c, d = 0] = range.from
  const mapped = range.family === 6 && a === 0 && b === 0 && c === 0xffff && range.prefix >= 96
  return mapped ? inner(d, range.prefix - 96) : range
}

function parseAddress(text: string): Words | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text, 0)
}

/** Strict: four decimal parts, no leading zeros (`010.1.1.1` means different things to different readers). */
function parseIpv4(text: string, start: number): Words | null {
  let word = 0
  let at = start
  for (let part = 0; part < 4; part++) {
    const end = part === 3 ? text.length : text.indexOf('.', at)
    if (end < 0) return null
    const value = parseDecimal(text, at, end, 255)
    if (value < 0) return null
    word = word * 256 + value
    at = end + 1
  }
  return [word]
}

/** One pass, because every IPv6 indicator and list entry comes through here. */
function parseIpv6(text: string): Words | null {
  const groups: number[] = []
  let gap = -1
  let start = 0
  if (text.startsWith('::')) {
    gap = 0
    start = 2
  }
  while (start < text.length) {
    const end = endOfGroup(text, start)
    if (text[end] === '.') return joinGroups(groups, gap, parseIpv4(text, start))
    const group = parseHex(text, start, end)
    if (group < 0 || groups.length === 8) return null
    groups.push(group)
    if (end === text.length) break
    start = end + 1
    if (text[start] !== ':') {
      if (start === text.length) return null
      continue
    }
    if (gap >= 0) return null
    gap = groups.length
    start += 1
  }
  return joinGroups(groups, gap, NO_TAIL)
}

const NO_TAIL: Words = []

/** Fills the gap with zeros; `tail` is the IPv4 that may stand at the end, null where it can't be read. */
function joinGroups(groups: number[], gap: number, tail: Words | null): Words | null {
  if (!tail) return null
  for (const word of tail) groups.push(word >>> 16, word & 0xffff)
  const missing = 8 - groups.length
  if (gap < 0 ? missing !== 0 : missing < 1) return null
  const words = [0, 0, 0, 0]
  groups.forEach((group, i) => {
    const at = gap >= 0 && i >= gap ? i + missing : i
    words[at >> 1] = (words[at >> 1] ?? 0) + (at % 2 === 0 ? group * 65_536 : group)
  })
  return words
}

/** Where the next `:` or `.` is, or the end. */
function endOfGroup(text: string, start: number): number {
  for (let i = start; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x3a || char === 0x2e) return i
  }
  return text.length
}

/** -1 where the characters are not one to four hex digits. */
function parseHex(text: string, start: number, end: number): number {
  if (end <= start || end - start > 4) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = hexDigit(text.charCodeAt(i))
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

function hexDigit(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 0x30
  const letter = (char | 0x20) - 0x61
  return letter >= 0 && letter < 6 ? letter + 10 : -1
}

/** -1 where the characters are no decimal number from 0 to `max`. */
function parseDecimal(text: string, start: number, end: number, max: number): number {
  if (end <= start || end - start > 3) return -1
  if (text.charCodeAt(start) === 48 && end - start > 1) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value > max ? -1 : value
}

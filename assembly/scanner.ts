/**
 * The fast way through log lines, in AssemblyScript (a dialect of TypeScript that compiles to
 * WebAssembly): it reads each line's bytes once, checks that they are JSON, and finds the lines in
 * which a field that is looked up may hold an indicator. Whatever it finds is examined again, exactly,
 * by src/match/logs/examiner.ts: so the scan may find too much, but never too little.
 *
 * `npm run scanner` compiles it into src/match/logs/scanner-binary.ts. The memory is made by
 * src/match/logs/scan-memory.ts, which knows the same layout; several threads may share it.
 */

// @ts-ignore: decorator
@external("host", "look")
declare function look(kind: u32, at: usize, length: u32): u32

// -- layout, the same in scan-memory.ts

/**
 * u32: address of the key table, its mask, keys in it, 1 where IPv6 nets wider than /32 are known,
 * address of the Bloom filter before it, its mask.
 */
const HEADER: usize = 1024
/** 256 bytes: what a byte may be part of. */
const LETTERS: usize = 2048
/** Records of 128 bytes: how a kind of field is looked up. */
const KINDS: usize = 4096
/** 4096 entries of 16 bytes: names of fields. */
const NAMES: usize = 65536
const NAMES_MASK: u32 = 4095
/** Bits: /16 and /24 nets of IPv4 in which a known net lies, and hashes of /32 nets of IPv6. */
const NETS16: usize = 131072
const NETS6: usize = 139264
const NETS24: usize = 147456

const HOST_LETTER: u8 = 1
const MAIL_LETTER: u8 = 2
const ALNUM: u8 = 4

const LANE_HOST: u32 = 1
const LANE_DIGEST: u32 = 2
const LANE_URL: u32 = 3
const LANE_MAIL: u32 = 4

/** Deeper lines are left to the exact way. */
const DEEPEST: i32 = 200

// -- of this thread: its own stack of open containers

let stack: usize = 0
/** Where scan() stopped. */
export let stopped: usize = 0
export let lines: u32 = 0
export let blanks: u32 = 0
export let longs: u32 = 0

/** `scratch`: 4 KiB of this thread's own. */
export function place(scratch: usize): void {
  stack = scratch
}

// -- hashes

const FOLD: u64 = 0x2020202020202020
const P1: u64 = 0x9e3779b97f4a7c15
const P2: u64 = 0xd6e8feb86659fd93
const P3: u64 = 0xff51afd7ed558ccd

/** Letters count alike in both cases, which at worst finds too much. Reads up to 7 bytes beyond. */
export function textHash(at: usize, length: u32, seed: u64): u64 {
  let hash = seed ^ (u64(length) * P1)
  let left = length
  while (left > 8) {
    hash = (hash ^ (load<u64>(at) | FOLD)) * P2
    hash ^= hash >> 29
    at += 8
    left -= 8
  }
  if (left > 0) {
    const tail = load<u64>(at) & (u64.MAX_VALUE >> u64((8 - left) * 8))
    hash = (hash ^ (tail | FOLD)) * P2
    hash ^= hash >> 29
  }
  return hash
}

function wordsHash(a: u32, b: u32, c: u32, d: u32): u64 {
  const high = ((u64(a) << 32) | u64(b)) * P1
  const low = ((u64(c) << 32) | u64(d)) * P2
  return (high ^ (high >> 31)) * P3 + low
}

function ipv4Hash(address: u32): u64 {
  return wordsHash(0, 0, 0xffff, address)
}

function finished(hash: u64): u64 {
  hash = (hash ^ (hash >> 32)) * P3
  return hash ^ (hash >> 29)
}

// -- the keys that are known

/**
 * A Bloom filter that fits the processor's cache answers for most that is not known; behind it stands a
 * table of fingerprints with open addressing, each look at which costs a walk to main memory.
 * `identity`: of a value, without its space.
 */
function has(identity: u64, seed: u64): bool {
  return hasFinished(finished(identity ^ seed))
}

function hasFinished(hash: u64): bool {
  const bits = bloomBits(hash)
  if ((load<u64>(bloomWord(hash)) & bits) != bits) return false
  const mask = load<u32>(HEADER + 4)
  const table = <usize>load<u32>(HEADER)
  const print = u32(hash >> 32) | 1
  let slot = u32(hash) & mask
  while (true) {
    const found = load<u32>(table + (<usize>slot << 2))
    if (found == 0) return false
    if (found == print) return true
    slot = (slot + 1) & mask
  }
}

/**
 * Keys that the line at hand asks for. They are looked at together at its end: none waits for another's
 * way to memory, which together take hardly longer than one.
 */
const QUEUE: usize = 2112
const MOST_ASKED: u32 = 240
let asked: u32 = 0
/** Of those that had to make room for others, one may be known. */
let metBefore: bool = false

function ask(identity: u64, seed: u64): void {
  if (asked == MOST_ASKED) {
    metBefore = metBefore || answered(0)
    asked = 0
  }
  store<u64>(stack + QUEUE + (<usize>asked << 3), finished(identity ^ seed))
  asked++
}

/** Whether one of those asked for, from the first-th on, may be known. */
function answered(first: u32): bool {
  let met: u32 = 0
  for (let n = first; n < asked; n++) {
    const hash = load<u64>(stack + QUEUE + (<usize>n << 3))
    const bits = bloomBits(hash)
    met |= u32((load<u64>(bloomWord(hash)) & bits) == bits)
  }
  if (met == 0) return false
  for (let n = first; n < asked; n++) {
    if (hasFinished(load<u64>(stack + QUEUE + (<usize>n << 3)))) return true
  }
  return false
}

/**
 * Keys that are to be added. Like those that are asked for they go to memory together: one by one, each
 * would wait for the way there of its own.
 */
function put(identity: u64, seed: u64): void {
  if (asked == MOST_ASKED) putAsked()
  store<u64>(stack + QUEUE + (<usize>asked << 3), finished(identity ^ seed))
  asked++
}

/** Of no use to anybody; without it the compiler would leave the first walk out. */
export let reached: u64 = 0

function putAsked(): void {
  const mask = load<u32>(HEADER + 4)
  const table = <usize>load<u32>(HEADER)
  let seen: u64 = 0
  for (let n: u32 = 0; n < asked; n++) {
    const hash = load<u64>(stack + QUEUE + (<usize>n << 3))
    seen += load<u32>(table + (<usize>(u32(hash) & mask) << 2)) + load<u64>(bloomWord(hash))
  }
  reached = seen
  for (let n: u32 = 0; n < asked; n++) putFinished(load<u64>(stack + QUEUE + (<usize>n << 3)))
  asked = 0
}

function putFinished(hash: u64): void {
  const mask = load<u32>(HEADER + 4)
  const table = <usize>load<u32>(HEADER)
  const print = u32(hash >> 32) | 1
  let slot = u32(hash) & mask
  while (true) {
    const at = table + (<usize>slot << 2)
    const found = load<u32>(at)
    // Perhaps another key's, which has other bits in the filter.
    if (found == print) break
    if (found == 0) {
      store<u32>(at, print)
      store<u32>(HEADER + 8, load<u32>(HEADER + 8) + 1)
      break
    }
    slot = (slot + 1) & mask
  }
  // Last, so that no other thread sees the one without the other.
  const word = bloomWord(hash)
  store<u64>(word, load<u64>(word) | bloomBits(hash))
}

function bloomWord(hash: u64): usize {
  return <usize>load<u32>(HEADER + 16) + (<usize>(u32(hash >> 20) & load<u32>(HEADER + 20)) << 3)
}

function bloomBits(hash: u64): u64 {
  return (u64(1) << ((hash >> 52) & 63)) | (u64(1) << ((hash >> 58) & 63))
}

// -- addresses

let word0: u32 = 0
let word1: u32 = 0
let word2: u32 = 0
let word3: u32 = 0

/** Dotted decimal without leading zeros, into `word3`. */
function readIpv4(at: usize, length: u32): bool {
  if (length < 7 || length > 15) return false
  let address: u32 = 0
  let octet: u32 = 0
  let digits: u32 = 0
  let dots: u32 = 0
  const end = at + length
  for (; at < end; at++) {
    const digit = u32(load<u8>(at)) - 48
    if (digit <= 9) {
      if (digits > 0 && octet == 0) return false
      octet = octet * 10 + digit
      if (octet > 255) return false
      digits++
    } else {
      if (load<u8>(at) != 46 || digits == 0) return false
      address = (address << 8) | octet
      octet = 0
      digits = 0
      dots++
    }
  }
  if (dots != 3 || digits == 0) return false
  word0 = 0
  word1 = 0
  word2 = 0xffff
  word3 = (address << 8) | octet
  return true
}

/** Groups of hexadecimal digits, into `word0` to `word3`; false where it isn't just these. */
function readIpv6(at: usize, length: u32): bool {
  if (length < 2 || length > 39) return false
  const end = at + length
  const groups = stack + 2048
  let count: u32 = 0
  let gap: i32 = -1
  if (load<u8>(at) == 58) {
    if (load<u8>(at + 1) != 58) return false
    gap = 0
    at += 2
  }
  while (at < end) {
    let group: u32 = 0
    let digits: u32 = 0
    while (at < end) {
      const value = hexValue(load<u8>(at))
      if (value > 15) break
      group = (group << 4) | value
      digits++
      at++
    }
    if (digits == 0 || digits > 4 || count == 8) return false
    store<u32>(groups + (<usize>count << 2), group)
    count++
    if (at == end) break
    if (load<u8>(at) != 58) return false
    at++
    if (at == end) return false
    if (load<u8>(at) == 58) {
      if (gap >= 0) return false
      gap = i32(count)
      at++
    }
  }
  if (gap < 0 ? count != 8 : count > 7) return false
  const missing = 8 - count
  word0 = pair(0, gap, missing)
  word1 = pair(2, gap, missing)
  word2 = pair(4, gap, missing)
  word3 = pair(6, gap, missing)
  return true
}

function pair(index: u32, gap: i32, missing: u32): u32 {
  return (groupAt(index, gap, missing) << 16) | groupAt(index + 1, gap, missing)
}

function groupAt(index: u32, gap: i32, missing: u32): u32 {
  if (gap < 0 || index < u32(gap)) return load<u32>(stack + 2048 + (<usize>index << 2))
  if (index < u32(gap) + missing) return 0
  return load<u32>(stack + 2048 + (<usize>(index - missing) << 2))
}

function hexValue(letter: u8): u32 {
  const digit = u32(letter) - 48
  if (digit <= 9) return digit
  const high = (u32(letter) | 32) - 97
  return high <= 5 ? high + 10 : 255
}

function isIpv4Mapped(): bool {
  return word0 == 0 && word1 == 0 && word2 == 0xffff
}

function bit(bits: usize, index: u32): bool {
  return ((load<u8>(bits + <usize>(index >> 3)) >> u8(index & 7)) & 1) != 0
}

function setBit(bits: usize, index: u32): void {
  const at = bits + <usize>(index >> 3)
  store<u8>(at, load<u8>(at) | (1 << u8(index & 7)))
}

function mayLieInNet(): bool {
  if (isIpv4Mapped()) return bit(NETS16, word3 >> 16) && bit(NETS24, word3 >> 8)
  return load<u32>(HEADER + 12) != 0 || bit(NETS6, netHash(word0))
}

function netHash(top: u32): u32 {
  return (top * 0x9e3779b1) >> 16
}

/** Asks for `word0` to `word3`; whether they may lie in a net. */
function askAddress(record: usize): bool {
  const identity = wordsHash(word0, word1, word2, word3)
  ask(identity, load<u64>(record + 16))
  if (load<u32>(record + 4) != 0) ask(identity, load<u64>(record + 40))
  if (mayLieInNet()) return true
  if (word0 != 0x0064ff9b || word1 != 0 || word2 != 0) return false
  // NAT64: the IPv4 address inside counts too.
  word0 = 0
  word2 = 0xffff
  ask(ipv4Hash(word3), load<u64>(record + 16))
  return mayLieInNet()
}

// -- names

/** From the last label to the first, so that each step is the identity of a domain above. */
function labelHash(hash: u64, at: usize, length: u32): u64 {
  return textHash(at, length, (hash ^ (hash >> 23)) * P1)
}

const NAME_SEED: u64 = 0x1f83d9abfb41bd6b

function nameIdentity(at: usize, length: u32): u64 {
  let hash = NAME_SEED
  let end = at + length
  let next = end
  while (next > at) {
    next--
    if (load<u8>(next) == 46) {
      hash = labelHash(hash, next + 1, u32(end - next - 1))
      end = next
    }
  }
  return labelHash(hash, at, u32(end - at))
}

/** Whatever a host is: an address or a name. */
function hostIdentity(at: usize, length: u32): u64 {
  if (readIpv4(at, length)) return ipv4Hash(word3)
  if (load<u8>(at) == 91 && readIpv6(at + 1, length - 2)) {
    return wordsHash(word0, word1, word2, word3)
  }
  if (readIpv6(at, length)) return wordsHash(word0, word1, word2, word3)
  return nameIdentity(at, length)
}

/** Nothing, unless a key that was asked for is known. */
const MISS: u32 = 0
const HIT: u32 = 1
/** The text is of a sort that only the exact way can read. */
const ODD: u32 = 2

/** An address, or a name of plain letters with the domains above it. */
function host(at: usize, length: u32, record: usize): u32 {
  if (length == 0) return MISS
  const first = u32(load<u8>(at)) - 48
  // The dot of the root may stand behind an address too.
  const bare = load<u8>(at + length - 1) == 46 ? length - 1 : length
  if (first <= 9 && readIpv4(at, bare)) return askAddress(record) ? HIT : MISS
  const domain = load<u64>(record + 24)
  let hash = NAME_SEED
  let end = at + length
  let labels: u32 = 0
  let next = end
  while (next > at) {
    next--
    const letter = load<u8>(next)
    if ((load<u8>(LETTERS + <usize>letter) & HOST_LETTER) == 0) {
      if (letter == 58 && readIpv6(at, length)) return askAddress(record) ? HIT : MISS
      return ODD
    }
    if (letter != 46) continue
    if (next + 1 == end && labels == 0) {
      // The dot of the root.
      if (end != at + length) return ODD
      end = next
      continue
    }
    hash = labelHash(hash, next + 1, u32(end - next - 1))
    end = next
    // A name of one label is a public suffix.
    if (labels > 0) ask(hash, domain)
    labels++
  }
  hash = labelHash(hash, at, u32(end - at))
  ask(hash, domain)
  ask(hash, load<u64>(record + 32))
  if (load<u32>(record + 4) != 0) ask(hash, load<u64>(record + 40))
  return MISS
}

/** Only its host: whether a URL is known there. */
function url(at: usize, length: u32, record: usize): u32 {
  const end = at + length
  const start = hostStart(at, end)
  // A path alone has none.
  if (start == end) return MISS
  let next = start
  while (next < end && (load<u8>(LETTERS + <usize>load<u8>(next)) & HOST_LETTER) != 0) next++
  if (next == start) return ODD
  if (next < end && !endsHost(next, end)) return ODD
  const label = lastLabel(start, next)
  // WHATWG reads several things as IPv4 that don't look like it.
  if (u32(load<u8>(label)) - 48 <= 9 && !readIpv4(start, u32(next - start))) return ODD
  // Whether a URL is known on that host decides here and now whether the URL is read.
  const first = asked
  const verdict = host(start, u32(next - start), record)
  // Room may have been made in between; what was answered then counts for the whole line.
  const from = asked < first ? 0 : first
  const isKnown = answered(from)
  asked = from
  return verdict == MISS && isKnown ? HIT : verdict
}

function hostStart(at: usize, end: usize): usize {
  if (at == end) return end
  if (load<u8>(at) == 47) return at + 1 < end && load<u8>(at + 1) == 47 ? at + 2 : end
  let next = at
  while (next < end && load<u8>(next) != 58 && load<u8>(next) != 47 && next - at < 40) next++
  const isScheme =
    next + 2 < end &&
    load<u8>(next) == 58 &&
    load<u8>(next + 1) == 47 &&
    load<u8>(next + 2) == 47
  return isScheme ? next + 3 : at
}

/** By a path, query or fragment; or by a port, and nothing that makes it a password. */
function endsHost(at: usize, end: usize): bool {
  const letter = load<u8>(at)
  if (letter == 47 || letter == 63 || letter == 35) return true
  if (letter != 58) return false
  for (at++; at < end; at++) {
    const digit = u32(load<u8>(at)) - 48
    if (digit > 9) return load<u8>(at) == 47 || load<u8>(at) == 63 || load<u8>(at) == 35
  }
  return true
}

function lastLabel(start: usize, end: usize): usize {
  // The root's dot.
  if (load<u8>(end - 1) == 46 && end - 1 > start) end--
  let at = end
  while (at > start && load<u8>(at - 1) != 46) at--
  return at
}

/** Digits and letters at both ends: nothing that a normaliser would trim. */
function digest(at: usize, length: u32, record: usize): u32 {
  if (length == 0) return MISS
  const ends = load<u8>(LETTERS + <usize>load<u8>(at)) & load<u8>(LETTERS + <usize>load<u8>(at + length - 1))
  if ((ends & ALNUM) == 0) return ODD
  // Fingerprints of certificates come as pairs too.
  if (load<u32>(record + 4) != 0 && (length == 47 || length == 59 || length == 95)) return ODD
  return plain(at, length, record)
}

function mail(at: usize, length: u32, record: usize): u32 {
  if (length == 0) return MISS
  for (let next = at; next < at + length; next++) {
    if ((load<u8>(LETTERS + <usize>load<u8>(next)) & MAIL_LETTER) == 0) return ODD
  }
  return load<u8>(at + length - 1) == 46 ? ODD : plain(at, length, record)
}

function plain(at: usize, length: u32, record: usize): u32 {
  const identity = textHash(at, length, 0)
  const seeds = load<u32>(record + 8)
  for (let n: u32 = 0; n < seeds; n++) ask(identity, load<u64>(record + 16 + (<usize>n << 3)))
  return MISS
}

/** Whether the value of a field that is looked up may be an indicator. */
function mayMatch(kind: u32, at: usize, length: u32): bool {
  const record = KINDS + (<usize>kind << 7)
  const lane = load<u32>(record)
  const verdict =
    lane == LANE_HOST
      ? host(at, length, record)
      : lane == LANE_DIGEST
        ? digest(at, length, record)
        : lane == LANE_URL
          ? url(at, length, record)
          : lane == LANE_MAIL
            ? mail(at, length, record)
            : ODD
  if (verdict == MISS) return false
  // The host of a URL is known: the URL itself is read as a whole.
  if (verdict == HIT && lane != LANE_URL) return true
  return look(kind, at, length) != 0
}

/** The same for a text that stands nowhere in a line. False: surely not. */
export function mayMeet(kind: u32, at: usize, length: u32): bool {
  asked = 0
  metBefore = false
  return mayMatch(kind, at, length) || metBefore || answered(0)
}

// -- filling

/** Keys, each `<space>\0<value>\0`. */
export function addKeys(at: usize, end: usize): void {
  asked = 0
  while (at < end) {
    const space = at
    while (load<u8>(at) != 0) at++
    const spaceLength = u32(at - space)
    const value = ++at
    while (load<u8>(at) != 0) at++
    addKey(space, spaceLength, value, u32(at - value))
    at++
  }
  putAsked()
}

function addKey(space: usize, spaceLength: u32, value: usize, length: u32): void {
  const seed = textHash(space, spaceLength, P3)
  put(identityIn(space, spaceLength, value, length), seed)
  if (spaceLength != 3) return
  const word = load<u32>(space) & 0xffffff
  if (word == NET) addNet(value, length)
  if (word == URL) addUrlHost(value, length)
}

/** `net`, `url`, `ip`, and the start of `domain` and `hostname`, as they lie in memory. */
const NET: u32 = 0x74656e
const URL: u32 = 0x6c7275
const IP: u32 = 0x7069
const DOMA: u32 = 0x616d6f64
const HOST: u32 = 0x74736f68

function identityIn(space: usize, spaceLength: u32, value: usize, length: u32): u64 {
  if (spaceLength == 2 && (load<u32>(space) & 0xffff) == IP) return hostIdentity(value, length)
  const word = load<u32>(space)
  const isName = (spaceLength == 6 && word == DOMA) || (spaceLength == 8 && word == HOST)
  return isName ? nameIdentity(value, length) : textHash(value, length, 0)
}

/** False: no such key was ever added. */
export function mayKnow(space: usize, spaceLength: u32, value: usize, length: u32): bool {
  return has(
    identityIn(space, spaceLength, value, length),
    textHash(space, spaceLength, P3),
  )
}

/** Of a host that has the path of a URL in another field. */
export function mayKnowUrlOn(value: usize, length: u32): bool {
  return has(hostIdentity(value, length), URL_HOST)
}

/** Seed of the hosts of known URLs. */
const URL_HOST: u64 = 0x5be0cd19137e2179

function addUrlHost(value: usize, length: u32): void {
  const end = value + length
  const start = hostStart(value, end)
  let next = start
  if (next < end && load<u8>(next) == 91) {
    while (next < end && load<u8>(next) != 93) next++
    if (next < end) next++
  } else {
    while (next < end) {
      const letter = load<u8>(next)
      if (letter == 47 || letter == 58 || letter == 63 || letter == 35) break
      next++
    }
  }
  if (next > start) put(hostIdentity(start, u32(next - start)), URL_HOST)
}

/** `<address>/<length>` */
function addNet(value: usize, length: u32): void {
  let slash = value + length
  while (slash > value && load<u8>(slash - 1) != 47) slash--
  let prefix: u32 = 0
  for (let at = slash; at < value + length; at++) prefix = prefix * 10 + load<u8>(at) - 48
  const addressLength = u32(slash - 1 - value)
  if (readIpv4(value, addressLength)) addIpv4Net(word3, prefix)
  else if (readIpv6(value, addressLength)) {
    if (prefix < 32) store<u32>(HEADER + 12, 1)
    setBit(NETS6, netHash(word0))
  } else store<u32>(HEADER + 12, 1)
}

function addIpv4Net(address: u32, prefix: u32): void {
  mark(NETS16, address, prefix, 16)
  mark(NETS24, address, prefix, 24)
}

function mark(bits: usize, address: u32, prefix: u32, granularity: u32): void {
  const first = address >> (32 - granularity)
  const count: u32 = prefix >= granularity ? 1 : 1 << (granularity - prefix)
  for (let n: u32 = 0; n < count; n++) setBit(bits, first + n)
}

/** Seeds that the records of kinds hold. */
export function seedOf(space: usize, spaceLength: u32): u64 {
  return textHash(space, spaceLength, P3)
}

export function urlHostSeed(): u64 {
  return URL_HOST
}

/**
 * A name of a field, or a part of one, below `state`: what its value is looked up as (0: nothing), and
 * the state of what lies below it (0: nothing is looked up there).
 */
export function addName(state: u32, name: usize, length: u32, kind: u32, below: u32): void {
  const hash = textHash(name, length, u64(state) * P3) | 1
  let slot = u32(hash >> 32) & NAMES_MASK
  while (true) {
    const entry = NAMES + (<usize>slot << 4)
    const found = load<u64>(entry)
    if (found == 0 || found == hash) {
      store<u64>(entry, hash)
      if (kind != 0) store<u32>(entry + 8, kind)
      if (below != 0) store<u32>(entry + 12, below)
      return
    }
    slot = (slot + 1) & NAMES_MASK
  }
}

// -- scanning

/** To the first of a quote, a backslash and a control character. Reads up to 15 bytes beyond. */
function stringEnd(at: usize): usize {
  const quote = i8x16.splat(34)
  const backslash = i8x16.splat(92)
  const space = i8x16.splat(32)
  while (true) {
    const bytes = v128.load(at)
    const ends = v128.or(
      v128.or(i8x16.eq(bytes, quote), i8x16.eq(bytes, backslash)),
      i8x16.lt_u(bytes, space),
    )
    const mask = i8x16.bitmask(ends)
    if (mask != 0) return at + <usize>ctz(mask)
    at += 16
  }
}

/** Behind the backslash at `at` and what it escapes; 0 where that is no JSON. */
function escapeEnd(at: usize): usize {
  const letter = load<u8>(at + 1)
  if (letter == 117) {
    for (let n: usize = 2; n < 6; n++) if (hexValue(load<u8>(at + n)) > 15) return 0
    return at + 6
  }
  const isSimple =
    letter == 34 || letter == 92 || letter == 47 || letter == 98 ||
    letter == 102 || letter == 110 || letter == 114 || letter == 116
  return isSimple ? at + 2 : 0
}

/** The closing quote of a string with escapes; 0 where it is no JSON. */
function escapedStringEnd(at: usize): usize {
  while (true) {
    if (load<u8>(at) != 92) return load<u8>(at) == 34 ? at : 0
    const next = escapeEnd(at)
    if (next == 0) return 0
    at = stringEnd(next)
  }
}

/** Behind a number, `true`, `false` or `null`; 0 where it is none. */
function literalEnd(at: usize): usize {
  const word = load<u32>(at)
  if (word == 0x65757274 || word == 0x6c6c756e) return at + 4
  if (word == 0x736c6166) return load<u8>(at + 4) == 101 ? at + 5 : 0
  if (load<u8>(at) == 45) at++
  const first = load<u8>(at)
  if (!isDigit(first)) return 0
  at++
  if (first != 48) while (isDigit(load<u8>(at))) at++
  if (load<u8>(at) == 46) {
    at++
    if (!isDigit(load<u8>(at))) return 0
    while (isDigit(load<u8>(at))) at++
  }
  if ((load<u8>(at) | 32) == 101) {
    at++
    if (load<u8>(at) == 43 || load<u8>(at) == 45) at++
    if (!isDigit(load<u8>(at))) return 0
    while (isDigit(load<u8>(at))) at++
  }
  return at
}

function isDigit(letter: u8): bool {
  return u32(letter) - 48 <= 9
}

function isBlank(letter: u8): bool {
  return letter == 32 || letter == 9 || letter == 13
}

const CLEAR: usize = 0

/**
 * One line from `at`, which holds a line feed somewhere. Its end, where nothing can hit; else CLEAR: it
 * is to be examined.
 */
function scanLine(at: usize): usize {
  if ((load<u32>(at) & 0xffffff) == 0xbfbbef) at += 3
  while (isBlank(load<u8>(at))) at++
  const start = load<u8>(at)
  if (start == 10) {
    blanks++
    return at
  }
  if (start != 123) return CLEAR
  asked = 0
  metBefore = false
  // Of each open container: whether it is an object, its state, and the kind of values in it.
  let depth: i32 = 0
  let isObject = true
  let state: u32 = 1
  let kind: u32 = 0
  let below: u32 = 0
  at++
  while (isBlank(load<u8>(at))) at++
  let letter = load<u8>(at)
  let isDone = letter == 125
  let isEmpty = isDone
  while (true) {
    if (!isDone) {
      if (isObject) {
        // A name.
        if (letter != 34) return CLEAR
        at++
        let end = stringEnd(at)
        if (load<u8>(end) != 34) {
          // Where nothing is looked up an escaped name may be what it likes.
          end = state == 0 ? escapedStringEnd(end) : CLEAR
          if (end == CLEAR) return CLEAR
        }
        kind = 0
        below = 0
        if (state != 0) {
          const hash = textHash(at, u32(end - at), u64(state) * P3) | 1
          let slot = u32(hash >> 32) & NAMES_MASK
          while (true) {
            const entry = NAMES + (<usize>slot << 4)
            const found = load<u64>(entry)
            if (found == hash) {
              kind = load<u32>(entry + 8)
              below = load<u32>(entry + 12)
              break
            }
            if (found == 0) break
            slot = (slot + 1) & NAMES_MASK
          }
        }
        at = end + 1
        while (isBlank(load<u8>(at))) at++
        if (load<u8>(at) != 58) return CLEAR
        at++
        while (isBlank(load<u8>(at))) at++
        letter = load<u8>(at)
      }
      // A value.
      if (letter == 34) {
        at++
        let end = stringEnd(at)
        if (load<u8>(end) == 34) {
          if (kind != 0 && mayMatch(kind, at, u32(end - at))) return CLEAR
        } else {
          end = escapedStringEnd(end)
          if (end == 0) return CLEAR
          if (kind != 0 && look(kind, at, u32(end - at)) != 0) return CLEAR
        }
        at = end + 1
      } else if (letter == 123 || letter == 91) {
        if (depth == DEEPEST) return CLEAR
        const frame = stack + (<usize>depth << 3)
        store<u32>(frame, (state << 1) | u32(isObject))
        store<u32>(frame + 4, kind | (below << 16))
        depth++
        isObject = letter == 123
        // Of an array's objects and values it is as if they stood in its place.
        if (isObject) state = below
        at++
        while (isBlank(load<u8>(at))) at++
        letter = load<u8>(at)
        isEmpty = letter == (isObject ? 125 : 93)
        if (!isEmpty) continue
        isDone = true
        continue
      } else {
        at = literalEnd(at)
        if (at == 0) return CLEAR
      }
      while (isBlank(load<u8>(at))) at++
      letter = load<u8>(at)
    }
    // Behind a value.
    if (letter == 44) {
      at++
      while (isBlank(load<u8>(at))) at++
      letter = load<u8>(at)
      isDone = false
      continue
    }
    if (letter != (isObject ? 125 : 93)) return CLEAR
    at++
    while (isBlank(load<u8>(at))) at++
    letter = load<u8>(at)
    if (depth == 0) return letter == 10 && !metBefore && !answered(0) ? at : CLEAR
    depth--
    const frame = stack + (<usize>depth << 3)
    const packed = load<u32>(frame)
    state = packed >> 1
    isObject = (packed & 1) != 0
    const values = load<u32>(frame + 4)
    kind = values & 0xffff
    below = values >> 16
    isDone = true
  }
}

/** Longer lines pass through whatever they hold. The same in scan-memory.ts. */
const MAX_LINE: usize = 1 << 20

/**
 * Lines from `at` to `end`, where the last byte is a line feed. Those that are to be examined are
 * written to `found`, at most `most`: where each starts, and where its line feed is. `stopped` says how
 * far it came; of its `lines`, `longs` are too long, and of the others `blanks` hold nothing.
 */
export function scan(at: usize, end: usize, found: usize, most: u32): u32 {
  let count: u32 = 0
  lines = 0
  blanks = 0
  longs = 0
  while (at < end && count < most) {
    lines++
    const blanksBefore = blanks
    let next = scanLine(at)
    const isClear = next == CLEAR
    if (isClear) next = lineEnd(at)
    if (next - at > MAX_LINE) {
      longs++
      blanks = blanksBefore
    } else if (isClear) {
      store<u32>(found, u32(at))
      store<u32>(found + 4, u32(next))
      found += 8
      count++
    }
    at = next + 1
  }
  stopped = at
  return count
}

function lineEnd(at: usize): usize {
  const feed = i8x16.splat(10)
  while (true) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(at), feed))
    if (mask != 0) return at + <usize>ctz(mask)
    at += 16
  }
}

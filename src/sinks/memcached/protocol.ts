/**
 * What both of memcached's protocols have in common, and the answers of the text protocol. Pure: no I/O.
 * Texts are encoded as Latin-1, one byte a character, so that the length of the string is the length on
 * the wire.
 */

/** Text lines up to this long are memcached's own; past it something else is talking. */
const LONGEST_LINE = 8192
const LF = 0x0a
const CR = 0x0d

/** memcached's limit for a key, which for a base64 key holds for the encoded form. */
export const LONGEST_KEY = 250

/** Over 30 days memcached reads an expiry as an absolute epoch. */
const LONGEST_RELATIVE = 30 * 86_400
/** memcached parses an expiry as a signed 32 bit number. */
const LARGEST_EPOCH = 2_147_483_647

/** A key to be written (value and expiry) or taken away (`value: null`). */
export interface Command {
  /** Bytes where the key comes from the server and may be anything. */
  readonly key: string | Uint8Array
  /** ASCII. */
  readonly value: string | null
  /** As memcached wants it: 0 never, else seconds or an epoch; see `expiry`. */
  readonly expiry: number
}

/** What arrives where memcached's answer was expected. */
export class NotMemcached extends Error {
  constructor(readonly text: string) {
    super('not an answer of memcached')
  }
}

/** Seconds to live as memcached's expiry; Infinity: never. */
export function expiry(seconds: number, now: number): number {
  if (seconds <= LONGEST_RELATIVE) return Math.max(1, Math.ceil(seconds))
  const epoch = Math.ceil(now + seconds)
  return epoch > LARGEST_EPOCH ? 0 : epoch
}

/** How a barrier is answered, once everything before it is done. */
export const BARRIER_ANSWER = 'MN'

export interface Replies {
  line(text: string): void
  /** A value: its header line (`VA <size> <flags>`) and its bytes. */
  value(header: string, data: Buffer): void
}

/** Cuts the stream of answers into lines and values. @throws NotMemcached */
export class ReplyReader {
  #pieces: Buffer[] = []
  #size = 0
  /** Fewer bytes than this make no progress. */
  #wanted = 1

  feed(piece: Buffer, replies: Replies): void {
    this.#pieces.push(piece)
    this.#size += piece.length
    if (this.#size < this.#wanted) return
    const bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces, this.#size)
    const rest = this.#cut(bytes, replies)
    this.#pieces = rest.length > 0 ? [rest] : []
    this.#size = rest.length
  }

  /** Hands out all that is whole; answers what is left. */
  #cut(bytes: Buffer, replies: Replies): Buffer {
    let start = 0
    while (start < bytes.length) {
      const end = bytes.indexOf(LF, start)
      if (end === -1 ? bytes.length - start > LONGEST_LINE : end - start > LONGEST_LINE) {
        throw new NotMemcached(bytes.toString('latin1', start, start + 80))
      }
      if (end === -1) break
      const line = bytes.toString('latin1', start, bytes[end - 1] === CR ? end - 1 : end)
      const size = valueSize(line)
      if (size === null) {
        replies.line(line)
        start = end + 1
        continue
      }
      const next = end + 1 + size + 2
      if (next > bytes.length) {
        this.#wanted = next - start
        return bytes.subarray(start)
      }
      replies.value(line, bytes.subarray(end + 1, end + 1 + size))
      start = next
    }
    this.#wanted = 1
    return bytes.subarray(start)
  }
}

function valueSize(line: string): number | null {
  if (!line.startsWith('VA ')) return null
  const size = /^VA (\d{1,10})(?: |$)/.exec(line)?.[1]
  if (size === undefined) throw new NotMemcached(line)
  return Number(size)
}

/** The tag that was given along with a get. @throws NotMemcached */
export function tagOf(header: string): number {
  const tag = / O(\d{1,9})(?: |$)/.exec(header)?.[1]
  if (tag === undefined) throw new NotMemcached(header)
  return Number(tag)
}

/** A line with which memcached refuses something, as against one that makes no sense. */
export function isRefusal(line: string): boolean {
  return /^(?:SERVER_ERROR|CLIENT_ERROR|ERROR|BUSY|BADCLASS|NS|NF|EX)\b/.test(line)
}

/**
 * A line of `lru_crawler metadump`: `key=<URI-encoded> exp=-1 la=... cas=6 fetch=no cls=1 size=72`.
 * Its CAS number grows with every write in the server; 0 where the server keeps none (`-C`).
 */
export function dumpedCas(line: string): number {
  const at = line.indexOf(' cas=')
  return at === -1 ? 0 : Number.parseInt(line.slice(at + ' cas='.length), 10)
}

/** The key's bytes of such a line. Base64 keys show like any other: decoded, then URI-encoded. */
export function dumpedKey(line: string): Buffer {
  return percentDecode(line.slice('key='.length, line.indexOf(' ')))
}

function percentDecode(text: string): Buffer {
  if (!text.includes('%')) return Buffer.from(text, 'latin1')
  const chars = text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(chars, 'latin1')
}

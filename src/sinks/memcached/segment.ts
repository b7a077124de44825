/**
 * Quiet commands, one behind the other in one piece of memory that is used again and again: a million
 * keys would otherwise be millions of short strings to clean up. A quiet command is answered only when
 * something is wrong.
 */
import { BARRIER, type Command, codedKey, LONGEST_KEY } from './protocol.js'

/** Bytes: large enough to make system calls rare, small enough to be sent twice. */
const SIZE = 128 * 1024
/** All of a command but key and value, and a barrier. */
const FRAME = 64
/** From this length on a call into native code is faster than a loop. */
const LONG = 64

/** The printable ASCII characters without the blank. */
const [PLAIN_FROM, PLAIN_TO] = [0x21, 0x7e]

/** `S` is what the caller calls a command's subject. */
export class Segment<S> {
  readonly subjects: S[] = []
  /** Where each command ends. */
  readonly #ends: number[] = []
  #bytes = Buffer.allocUnsafeSlow(SIZE)
  #at = 0

  /** Whether the command fits; into an empty segment any does. */
  hasRoomFor({ value }: Command): boolean {
    const end = this.#at + LONGEST_KEY + FRAME + (value?.length ?? 0)
    if (end > this.#bytes.length && this.#at === 0) this.#bytes = Buffer.allocUnsafeSlow(end)
    return end <= this.#bytes.length
  }

  /** Only where there is room. False: memcached can hold no such key. */
  put(command: Command, subject: S): boolean {
    const end = this.#write(command)
    if (end === null) return false
    this.#at = end
    this.#ends.push(end)
    this.subjects.push(subject)
    return true
  }

  /** All commands, and a barrier at the end. The memory is the segment's own. */
  whole(): Buffer {
    return this.#bytes.subarray(0, this.#text(BARRIER, this.#at))
  }

  /** A copy, with a barrier behind each command. */
  oneByOne(): Buffer {
    const barrier = Buffer.from(BARRIER)
    const starts = [0, ...this.#ends]
    const pieces = this.#ends.map((end, n) => this.#bytes.subarray(starts[n], end))
    return Buffer.concat(pieces.flatMap((piece) => [piece, barrier]))
  }

  clear(): void {
    this.subjects.length = 0
    this.#ends.length = 0
    this.#at = 0
    if (this.#bytes.length > SIZE) this.#bytes = Buffer.allocUnsafeSlow(SIZE)
  }

  /** `ms <key> <length> q [T<expiry>]` with the value behind it, or `md <key> q`; `b`: key in base64. */
  #write({ key, value, expiry }: Command): number | null {
    const start = this.#text(value === null ? 'md ' : 'ms ', this.#at)
    const plain = this.#plainKey(key, start)
    let at = plain ?? this.#codedKey(key, start)
    if (at === null) return null
    if (value !== null) at = this.#text(` ${value.length}`, at)
    at = this.#text(plain === null ? ' b q' : ' q', at)
    if (expiry !== 0) at = this.#text(` T${expiry}`, at)
    at = this.#text('\r\n', at)
    return value === null ? at : this.#text('\r\n', this.#text(value, at))
  }

  /** Checked and written in one go. null: it has to be coded, which only shorter keys can be. */
  #plainKey(key: string | Uint8Array, at: number): number | null {
    if (key.length === 0 || key.length > LONGEST_KEY) return null
    const bytes = this.#bytes
    for (let n = 0; n < key.length; n++) {
      const code = typeof key === 'string' ? key.charCodeAt(n) : key[n]!
      if (code < PLAIN_FROM || code > PLAIN_TO) return null
      bytes[at + n] = code
    }
    return at + key.length
  }

  #codedKey(key: string | Uint8Array, at: number): number | null {
    const text = codedKey(key)
    return text === null ? null : this.#text(text, at)
  }

  /** One byte a character, whatever it is: what was announced is the length of the string. */
  #text(text: string, at: number): number {
    const { length } = text
    if (length >= LONG) return at + this.#bytes.write(text, at, 'latin1')
    const bytes = this.#bytes
    for (let n = 0; n < length; n++) bytes[at + n] = text.charCodeAt(n)
    return at + length
  }
}

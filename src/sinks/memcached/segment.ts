/**
 * Quiet commands, one behind the other in one piece of memory that is used again and again: a million
 * keys would otherwise be millions of short strings to clean up. A quiet command is answered only when
 * something is wrong.
 */
import type { Dialect } from './dialect.js'
import { type Command, LONGEST_KEY } from './protocol.js'
import { writeText } from './text.js'

/** Bytes: large enough to make system calls rare, small enough to be sent twice. */
const SIZE = 128 * 1024
/** All of a command but key and value, and a barrier. */
const FRAME = 64
/** `S` is what the caller calls a command's subject. */
export class Segment<S> {
  readonly subjects: S[] = []
  /** Where each command ends. */
  readonly #ends: number[] = []
  readonly #dialect: Dialect
  #bytes = Buffer.allocUnsafeSlow(SIZE)
  #at = 0

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  /** Whether the command fits; into an empty segment any does. */
  hasRoomFor({ value }: Command): boolean {
    const end = this.#at + LONGEST_KEY + FRAME + (value?.length ?? 0)
    if (end > this.#bytes.length && this.#at === 0) this.#bytes = Buffer.allocUnsafeSlow(end)
    return end <= this.#bytes.length
  }

  /** Only where there is room. False: memcached can hold no such key. */
  put(command: Command, subject: S): boolean {
    const end = this.#dialect.write(this.#bytes, this.#at, command)
    if (end === null) return false
    this.#at = end
    this.#ends.push(end)
    this.subjects.push(subject)
    return true
  }

  /** All commands, and a barrier at the end. The memory is the segment's own. */
  whole(): Buffer {
    return this.#bytes.subarray(0, writeText(this.#bytes, this.#at, this.#dialect.barrier))
  }

  /** A copy, with a barrier behind each command. */
  oneByOne(): Buffer {
    const barrier = Buffer.from(this.#dialect.barrier, 'latin1')
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
}

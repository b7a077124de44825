/** Cuts a stream of bytes into blocks of whole lines. */
import { MAX_BLOCK, MAX_LINE } from './scan-memory.js'

const LINE_FEED = 0x0a

/**
 * `lines`: whole lines, at most MAX_BLOCK bytes; `long`: a piece of a line that is too long for that,
 * `ends` with the last one. Whether a line is too long to be looked at is known where it is scanned.
 */
export type Block =
  | { readonly kind: 'lines'; readonly bytes: Buffer }
  | { readonly kind: 'long'; readonly bytes: Buffer; readonly ends: boolean }

/** Blocks in order; together they are the stream. */
export class BlockCutter {
  #rest: Buffer[] = []
  #restBytes = 0
  #isLong = false
  #endsOpen = false

  /** At the end: the stream's last line had no line feed, and was given one. */
  get endsOpen(): boolean {
    return this.#endsOpen
  }

  /** What can be cut now. A chunk may be of any size; blocks are parts of it where they can be. */
  *push(chunk: Buffer): Generator<Block> {
    let at = 0
    while (at < chunk.length) {
      if (this.#isLong) {
        const feed = chunk.indexOf(LINE_FEED, at)
        const to = feed < 0 ? chunk.length : feed + 1
        this.#isLong = feed < 0
        yield { kind: 'long', bytes: chunk.subarray(at, to), ends: feed >= 0 }
        at = to
        continue
      }
      const window = chunk.subarray(at, at + MAX_BLOCK - this.#restBytes)
      const feed = window.lastIndexOf(LINE_FEED)
      if (feed >= 0) {
        yield* this.#lines(window.subarray(0, feed + 1))
        at += feed + 1
        continue
      }
      this.#keep(window)
      at += window.length
      if (this.#restBytes > MAX_LINE) yield this.#giveUp()
    }
  }

  /** What is left at the end of the stream. */
  *end(): Generator<Block> {
    this.#endsOpen = this.#restBytes > 0 || this.#isLong
    if (this.#isLong) yield { kind: 'long', bytes: Buffer.from([LINE_FEED]), ends: true }
    else if (this.#restBytes > 0) yield* this.#lines(Buffer.from([LINE_FEED]))
    this.#isLong = false
  }

  /** The line that was begun before stands alone: to put it before the others would copy them all. */
  *#lines(bytes: Buffer): Generator<Block> {
    if (this.#restBytes === 0) return yield { kind: 'lines', bytes }
    const end = bytes.indexOf(LINE_FEED) + 1
    const line = Buffer.concat([...this.#rest, bytes.subarray(0, end)])
    this.#rest = []
    this.#restBytes = 0
    yield { kind: 'lines', bytes: line }
    if (end < bytes.length) yield { kind: 'lines', bytes: bytes.subarray(end) }
  }

  #keep(bytes: Buffer): void {
    // The chunk's memory may be used again by whoever gave it.
    this.#rest.push(Buffer.from(bytes))
    this.#restBytes += bytes.length
  }

  #giveUp(): Block {
    const bytes = Buffer.concat(this.#rest)
    this.#rest = []
    this.#restBytes = 0
    this.#isLong = true
    return { kind: 'long', bytes, ends: false }
  }
}

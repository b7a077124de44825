/**
 * A plain file as ranges of whole lines. Only where they end is looked for here: whichever thread matches
 * a range reads it, straight to where it is scanned.
 */
import { readSync } from 'node:fs'

/** Whole lines of a file, each with its line feed. */
export interface FileRange {
  /** Its descriptor, which all threads share. */
  readonly file: number
  readonly at: number
  readonly length: number
}

export const LONGEST_RANGE = 1 << 21
/** How far a line may reach over the end of a range. */
const REACH = 1 << 16
/**
 * Bytes of a range. What is done once for each should be seldom: in a file of a gigabyte in ranges of a
 * quarter of this size, V8 found all of it worth compiling, which took as long as doing it.
 */
const RANGE = LONGEST_RANGE - REACH
const SHORTEST = 1 << 18

/** With so much left of the file: towards its end shorter ones, so that no thread waits long for another. */
export function rangeLength(left: number): number {
  return Math.max(SHORTEST, Math.min(RANGE, Math.floor(left / 8)))
}

/** Most lines end sooner. */
const GLANCE = 1 << 12
const LINE_FEED = 0x0a

/**
 * Ranges of about as many bytes as `lengthAt` says of their start; as bytes what is shorter, has longer
 * lines, or was written to the file in the meantime. Together they are the file, `from` there on. It stays
 * open.
 */
export function* rangesOf(
  file: number,
  { lengthAt, from = 0 }: { lengthAt: (at: number) => number; from?: number },
): Generator<FileRange | Buffer> {
  let isLineStart = true
  for (let at = from; ; ) {
    const length = lengthAt(at)
    const end = isLineStart ? lineEnd(file, at + length) : null
    if (end !== null) {
      yield { file, at, length: end - at }
      at = end
      continue
    }
    const bytes = upToLastLineFeed(bytesOf({ file, at, length }))
    if (bytes.length === 0) return
    yield bytes
    at += bytes.length
    isLineStart = bytes.at(-1) === LINE_FEED
  }
}

/** Behind the first line feed from there on; null where none is near. */
function lineEnd(file: number, from: number): number | null {
  for (const length of [GLANCE, REACH]) {
    const read = readRange({ file, at: from, length }, ahead)
    const feed = ahead.subarray(0, read).indexOf(LINE_FEED)
    if (feed >= 0) return from + feed + 1
  }
  return null
}

/** Of one look. */
const ahead = Buffer.allocUnsafeSlow(REACH)

function bytesOf(range: FileRange): Buffer {
  const bytes = Buffer.allocUnsafe(range.length)
  return bytes.subarray(0, readRange(range, bytes))
}

/** Into `target`, from its start. Answers how many bytes there were: fewer at the end of the file. */
export function readRange({ file, at, length }: FileRange, target: Uint8Array): number {
  let read = 0
  for (let bytes = -1; bytes !== 0 && read < length; read += bytes) {
    bytes = readSync(file, target, read, length - read, at + read)
  }
  return read
}

/** All, where there is none. */
function upToLastLineFeed(bytes: Buffer): Buffer {
  return bytes.subarray(0, bytes.lastIndexOf(LINE_FEED) + 1 || bytes.length)
}

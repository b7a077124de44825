/**
 * Finds the elements of one array in a JSON answer while its bytes arrive, and parses them with
 * JSON.parse, many at a time. Memory is bounded by the largest element, not by the answer; a general
 * streaming parser is ten times slower.
 *
 * Outside strings every byte is held against what JSON allows after the token before it, so that a
 * lost quote or bracket is noticed where it is lost, and can not swallow the elements after it.
 */
import type { SourceError } from '../errors.js'
import { cutError, pageError, type Subject, shapeError } from './faults.js'

export interface SplitterOptions {
  /** Whose answer it is, for errors. */
  readonly subject: Subject
  /** Keys that lead to the array: `['response', 'Attribute']`; `[]` when the answer is the array. */
  readonly path: readonly string[]
  readonly maxElementBytes?: number
}

const MAX_ELEMENT_BYTES = 32 * 1024 * 1024
const MAX_KEY_BYTES = 256
const MAX_DEPTH = 64
const EXCERPT_BYTES = 2048

const WS = 1
const STRING = 2
const OPEN_OBJECT = 3
const OPEN_ARRAY = 4
const CLOSE_OBJECT = 5
const CLOSE_ARRAY = 6
const COMMA = 7
const COLON = 8
const SCALAR = 9
/** What the token before can be and a byte can not: nothing yet, and a scalar that a space has ended. */
const START = 0
const SCALAR_DONE = 10

const QUOTE_BYTE = 0x22
const BACKSLASH_BYTE = 0x5c
const LESS_THAN_BYTE = 0x3c
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

const CLASS = byteClasses()
const ALLOWED = allowedPairs()

export class ElementSplitter {
  readonly #options: SplitterOptions
  readonly #maxElement: number

  #previous = START
  #inString = false
  #escaped = false
  #depth = 0
  readonly #stack = new Uint8Array(MAX_DEPTH)

  /** The depth inside the array while in it, else -1. */
  #arrayDepth = -1
  #found = false
  /** How many open containers, from the outermost, lead to the array. */
  #onPath = 0
  #key = ''

  #bomSeen = 0
  #excerpt: Buffer = Buffer.alloc(0)
  /** What earlier chunks held of the string that is open now; only outside the array. */
  #keyPart: Buffer = Buffer.alloc(0)
  #keyStart = 0

  /** The beginning of an element whose end has not come yet. */
  #carry: Buffer = Buffer.alloc(0)
  #carried = 0

  constructor(options: SplitterOptions) {
    this.#options = options
    this.#maxElement = options.maxElementBytes ?? MAX_ELEMENT_BYTES
  }

  /**
   * Takes the next bytes; answers the elements that are complete now. An element that is balanced but
   * not JSON comes as `undefined`. @throws SourceError `cut` (not JSON) or `not-misp` (a page)
   */
  push(bytes: Uint8Array): unknown[] {
    const chunk = asBuffer(bytes)
    const from = this.#skipMark(chunk)
    const found: unknown[] = []
    this.#keepExcerpt(chunk)
    this.#scan({ chunk, from, found })
    return found
  }

  /** The input has ended. @throws SourceError when it ended too early, or held no such array */
  end(): void {
    if (this.#previous === START) throw this.#cut('answered nothing at all')
    if (this.#inString || this.#depth > 0) throw this.#cut('broke off in the middle')
    if (!this.#found)
      throw shapeError(this.#options.subject, {
        missing: 'the list that was asked for',
        body: this.#excerpt.toString(),
      })
  }

  /** One pass over the bytes. The state lives in locals, which is what makes it fast. */
  #scan(input: { chunk: Buffer; from: number; found: unknown[] }): void {
    const { chunk, found } = input
    const length = chunk.length
    const stack = this.#stack
    let previous = this.#previous
    let depth = this.#depth
    let inString = this.#inString
    let region = input.from
    let ends: number[] = []
    let i = input.from

    while (i < length) {
      if (inString) {
        i = this.#stringEnd(chunk, i)
        if (i === length) break
        inString = false
        previous = STRING
        if (this.#arrayDepth < 0) this.#endKey({ chunk, quote: i, depth })
        i++
        continue
      }
      const kind = CLASS[chunk[i] as number] as number
      if (kind === WS) {
        if (previous === SCALAR) previous = SCALAR_DONE
        i++
        continue
      }
      if (ALLOWED[(previous << 4) | kind] === 0) {
        throw previous === START ? this.#noJson(chunk[i]) : this.#broken()
      }
      previous = kind
      if (kind === STRING) {
        inString = true
        this.#keyStart = i + 1
      } else if (kind === OPEN_OBJECT || kind === OPEN_ARRAY) {
        if (depth === MAX_DEPTH) throw this.#cut('nests its answer too deep')
        stack[depth++] = kind
        if (this.#arrayDepth < 0 && this.#opensList(depth, kind)) region = i + 1
      } else if (kind === CLOSE_OBJECT || kind === CLOSE_ARRAY) {
        if (depth === 0 || stack[--depth] !== kind - 2) throw this.#broken()
        if (depth < this.#arrayDepth) {
          this.#collect({ chunk, region, ends, end: i, found })
          ends = []
          this.#arrayDepth = -1
        }
        if (depth < this.#onPath) this.#onPath = depth
      } else if (kind === COMMA) {
        if (depth === 0) throw this.#broken()
        if (depth === this.#arrayDepth) ends.push(i)
      }
      i++
    }

    this.#previous = previous
    this.#depth = depth
    this.#inString = inString
    if (this.#arrayDepth >= 0) this.#collectSoFar({ chunk, region, ends, found })
    else if (inString) this.#keepKey(chunk)
  }

  /** The place of the quote that ends the string, or the chunk's length. */
  #stringEnd(chunk: Buffer, from: number): number {
    const length = chunk.length
    let i = from
    if (this.#escaped && i < length) {
      this.#escaped = false
      i++
    }
    while (i < length) {
      const byte = chunk[i]
      if (byte === QUOTE_BYTE) return i
      if (byte === BACKSLASH_BYTE) {
        if (i + 1 === length) {
          this.#escaped = true
          return length
        }
        i++
      }
      i++
    }
    return length
  }

  /** The array goes on in the next chunk: hands out what is whole, keeps the rest. */
  #collectSoFar(part: {
    chunk: Buffer
    region: number
    ends: readonly number[]
    found: unknown[]
  }): void {
    const last = part.ends.at(-1)
    if (last === undefined) {
      this.#keep(part.chunk.subarray(part.region))
      return
    }
    this.#collect({ ...part, ends: part.ends.slice(0, -1), end: last })
    this.#keep(part.chunk.subarray(last + 1))
  }

  /** Parses the elements from `region` to `end`; `ends` are the commas between them. */
  #collect(part: {
    chunk: Buffer
    region: number
    ends: readonly number[]
    end: number
    found: unknown[]
  }): void {
    const { chunk, found } = part
    const bounds = [...part.ends, part.end]
    let from = part.region
    if (this.#carried > 0) {
      const first = bounds.shift() as number
      this.#keep(chunk.subarray(from, first))
      append(found, parseRegion(this.#carry.subarray(0, this.#carried), []))
      this.#carried = 0
      from = first + 1
    }
    if (bounds.length > 0) append(found, parseRegion(chunk.subarray(from, part.end), bounds, from))
  }

  #keep(bytes: Buffer): void {
    const needed = this.#carried + bytes.length
    if (needed > this.#maxElement) throw this.#cut('sent a single element of absurd size')
    if (needed > this.#carry.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#carry.length * 2, 16 * 1024))
      this.#carry.copy(grown, 0, 0, this.#carried)
      this.#carry = grown
    }
    bytes.copy(this.#carry, this.#carried)
    this.#carried = needed
  }

  #skipMark(chunk: Buffer): number {
    let i = 0
    while (this.#bomSeen < 3 && i < chunk.length) {
      if (chunk[i] !== BYTE_ORDER_MARK[this.#bomSeen]) {
        this.#bomSeen = 3
        break
      }
      this.#bomSeen++
      i++
    }
    return i
  }

  #keepExcerpt(chunk: Buffer): void {
    const room = EXCERPT_BYTES - this.#excerpt.length
    if (room > 0) this.#excerpt = Buffer.concat([this.#excerpt, chunk.subarray(0, room)])
  }

  #keepKey(chunk: Buffer): void {
    const room = MAX_KEY_BYTES - this.#keyPart.length
    if (room > 0) {
      const part = chunk.subarray(this.#keyStart, this.#keyStart + room)
      this.#keyPart = Buffer.concat([this.#keyPart, part])
    }
    this.#keyStart = 0
  }

  #endKey({ chunk, quote, depth }: { chunk: Buffer; quote: number; depth: number }): void {
    const isKey = depth > 0 && depth === this.#onPath && this.#stack[depth - 1] === OPEN_OBJECT
    if (isKey) {
      const rest = chunk.subarray(this.#keyStart, quote)
      this.#key = Buffer.concat([this.#keyPart, rest]).toString('utf8', 0, MAX_KEY_BYTES)
    }
    if (this.#keyPart.length > 0) this.#keyPart = Buffer.alloc(0)
  }

  /** Follows the path as containers open. True when this one is the array that was asked for. */
  #opensList(depth: number, kind: number): boolean {
    const { path } = this.#options
    const level = depth - 1
    const wanted = level === 0 || this.#key === path[level - 1]
    if (level !== this.#onPath || !wanted) return false
    const isLast = level === path.length
    if (kind !== (isLast ? OPEN_ARRAY : OPEN_OBJECT)) return false
    if (!isLast) {
      this.#onPath = depth
      return false
    }
    if (this.#found) throw this.#cut('sent the same list twice in one answer')
    this.#found = true
    this.#arrayDepth = depth
    return true
  }

  #noJson(byte: number | undefined): SourceError {
    return byte === LESS_THAN_BYTE ? pageError(this.#options.subject) : this.#broken()
  }

  #broken(): SourceError {
    return this.#cut('sent something that is not JSON')
  }

  #cut(what: string): SourceError {
    return cutError(this.#options.subject, what)
  }
}

/** Parses `a,b,c`. `bounds` (with `offset`) are the ends of the elements; none: it is one element. */
function parseRegion(bytes: Buffer, bounds: readonly number[], offset = 0): unknown[] {
  const parsed = parse(`[${bytes.toString('utf8')}]`)
  if (parsed !== undefined) return parsed as unknown[]
  let from = 0
  return (bounds.length > 0 ? bounds : [bytes.length]).map((bound) => {
    const end = bounds.length > 0 ? bound - offset : bound
    const element = parse(bytes.toString('utf8', from, end))
    from = end + 1
    return element
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function append(to: unknown[], more: readonly unknown[]): void {
  for (const element of more) to.push(element)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function byteClasses(): Uint8Array {
  const classes = new Uint8Array(256).fill(15)
  const set = (bytes: string, kind: number) => {
    for (const char of bytes) classes[char.charCodeAt(0)] = kind
  }
  set(' \t\n\r', WS)
  set('"', STRING)
  set('{', OPEN_OBJECT)
  set('[', OPEN_ARRAY)
  set('}', CLOSE_OBJECT)
  set(']', CLOSE_ARRAY)
  set(',', COMMA)
  set(':', COLON)
  set('0123456789+-.eEtrufalsn', SCALAR)
  return classes
}

/** `ALLOWED[previous << 4 | kind]`: whether JSON can go on like that. */
function allowedPairs(): Uint8Array {
  const allowed = new Uint8Array(16 * 16)
  const allow = (kind: number, after: readonly number[]) => {
    for (const previous of after) allowed[(previous << 4) | kind] = 1
  }
  const ended = [STRING, SCALAR, SCALAR_DONE, CLOSE_OBJECT, CLOSE_ARRAY]
  const beforeValue = [START, OPEN_ARRAY, COMMA, COLON]
  allow(STRING, [...beforeValue, OPEN_OBJECT])
  allow(OPEN_OBJECT, beforeValue)
  allow(OPEN_ARRAY, beforeValue)
  allow(CLOSE_OBJECT, [...ended, OPEN_OBJECT])
  allow(CLOSE_ARRAY, [...ended, OPEN_ARRAY])
  allow(COMMA, ended)
  allow(COLON, [STRING])
  allow(SCALAR, [...beforeValue, SCALAR])
  return allowed
}

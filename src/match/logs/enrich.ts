/**
 * A stream of NDJSON enriched: what hits nothing goes out byte for byte as it came, in the order in
 * which it came. Nothing is read faster than it is written.
 */
import type { LineHits } from '../../hits/record.js'
import { type Block, BlockCutter } from './blocks.js'
import type { FileRange } from './file-ranges.js'
import type { Matched } from './line-matcher.js'

export interface EnrichCounts {
  /** That hold something, the long ones included. */
  lines: number
  bytes: number
  hitLines: number
  hits: number
  /** No JSON objects. */
  odd: number
  /** Longer than is looked at. */
  long: number
}

export function noCounts(): EnrichCounts {
  return { lines: 0, bytes: 0, hitLines: 0, hits: 0, odd: 0, long: 0 }
}

/**
 * Takes one piece or more, in their order; resolves when there is room for more. Those of a file's range:
 * when they are written.
 */
export type Write = (pieces: readonly Buffer[]) => Promise<void>

export interface EnrichOptions {
  match(lines: Buffer | FileRange): Promise<Matched>
  /** Blocks that are under way at most. */
  readonly inFlight: number
  /** Every line, or only those that hit. */
  readonly onlyHits: boolean
  readonly write: Write
  /** Lines that hit, once more. */
  readonly writeHit: Write | null
  /** Told what is to be recorded of a block, when its lines have been written; must not wait. */
  readonly record: ((lines: readonly LineHits[]) => void) | null
  /** Is counted up. */
  readonly counts: EnrichCounts
}

/**
 * One stream. `endsOpen`: its last line had no line feed, and got none; what is written next starts on
 * a line of its own only if the caller sees to it. When it resolves, nothing of the input is in use.
 */
export async function enrich(
  input: AsyncIterable<Buffer | FileRange>,
  options: EnrichOptions,
): Promise<{ endsOpen: boolean }> {
  const cutter = new BlockCutter()
  const queue = new InOrder(options)
  try {
    for await (const part of input) {
      if (!Buffer.isBuffer(part)) await queue.add({ kind: 'lines', bytes: part })
      else for (const block of cutter.push(part)) await queue.add(block)
    }
    for (const block of cutter.end()) await queue.add(block, { isOpen: cutter.endsOpen })
  } finally {
    // What was read is written, though the input failed or was stopped.
    await queue.drain()
  }
  return { endsOpen: cutter.endsOpen && !options.onlyHits }
}

/** Blocks under way; each is written as soon as it and all before it are done. */
class InOrder {
  readonly #options: EnrichOptions
  #written: Promise<void> = Promise.resolve()
  #underWay: Promise<void>[] = []

  constructor(options: EnrichOptions) {
    this.#options = options
  }

  /** Waits while there are too many. `isOpen`: the last line feed is not the input's. */
  async add(block: Block | Range, { isOpen } = { isOpen: false }): Promise<void> {
    const options = { isOpen, ...this.#options }
    const written =
      block.kind === 'long'
        ? this.#written.then(() => writeLong(block, options))
        : this.#writeMatched(this.#options.match(block.bytes), options)
    // A failure is heard of by whoever waits for it below.
    written.catch(() => undefined)
    this.#written = written
    this.#underWay.push(written)
    while (this.#underWay.length >= this.#options.inFlight) await this.#underWay.shift()
  }

  async #writeMatched(matching: Promise<Matched>, options: WriteOptions): Promise<void> {
    const before = this.#written
    const matched = await matching
    try {
      await before
      await writeLines(matched, options)
    } finally {
      matched.release()
    }
  }

  async drain(): Promise<void> {
    await this.#written
  }
}

/** Lines that are read where they are matched. */
interface Range {
  readonly kind: 'lines'
  readonly bytes: FileRange
}

type WriteOptions = EnrichOptions & { readonly isOpen: boolean }

async function writeLong(
  { bytes, ends }: Extract<Block, { kind: 'long' }>,
  { onlyHits, write, counts, isOpen }: WriteOptions,
): Promise<void> {
  if (ends) {
    counts.lines += 1
    counts.long += 1
  }
  const own = isOpen ? bytes.subarray(0, -1) : bytes
  counts.bytes += own.length
  if (!onlyHits) await write([own])
}

/** Little stands in here: what waits is soon worth compiling to V8, with all that it calls. */
async function writeLines(matched: Matched, options: WriteOptions): Promise<void> {
  count(matched, options)
  const { onlyHits, write, writeHit, record } = options
  const pieces = onlyHits ? linesThatHit(matched) : allLines(matched, options)
  if (pieces.length > 0) await write(gathered(pieces))
  if (matched.hitLines.length === 0) return
  if (writeHit) await writeHit(gathered(linesThatHit(matched)))
  record?.(matched.hitLines.flatMap(({ kept }) => kept ?? []))
}

function count(
  { bytes, hitLines, lines, odd, long }: Matched,
  { counts, isOpen }: WriteOptions,
): void {
  counts.bytes += isOpen ? bytes.length - 1 : bytes.length
  counts.lines += lines
  counts.odd += odd
  counts.long += long
  counts.hitLines += hitLines.length
  for (const { hits } of hitLines) counts.hits += hits
}

function linesThatHit({ hitLines }: Matched): Buffer[] {
  return hitLines.flatMap(({ bytes }) => [asBuffer(bytes), LINE_FEED])
}

function allLines({ bytes, hitLines }: Matched, { isOpen }: WriteOptions): Buffer[] {
  const pieces: Buffer[] = []
  let written = 0
  for (const { start, end, bytes: enriched } of hitLines) {
    pieces.push(bytes.subarray(written, start), asBuffer(enriched))
    written = end
  }
  pieces.push(bytes.subarray(written, isOpen ? -1 : undefined))
  return pieces
}

/** What has crossed threads is one no more. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

/** What is large goes out as it is, uncopied; what is small, together. */
function gathered(pieces: readonly Buffer[]): Buffer[] {
  const out: Buffer[] = []
  let small: Buffer[] = []
  for (const piece of pieces) {
    if (piece.length < LARGE) {
      small.push(piece)
      continue
    }
    out.push(...together(small), piece)
    small = []
  }
  return [...out, ...together(small)]
}

function together(small: readonly Buffer[]): readonly Buffer[] {
  return small.length > 1 ? [Buffer.concat(small)] : small
}

const LARGE = 1 << 14
const LINE_FEED = Buffer.from('\n')

/**
 * A stream of NDJSON enriched: what hits nothing goes out byte for byte as it came, in the order in
 * which it came. Nothing is read faster than it is written.
 */
import type { LineHits } from '../../hits/record.js'
import { type Block, BlockCutter } from './blocks.js'
import type { BlockResult } from './line-matcher.js'

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
 * Takes bytes; resolves when there is room for more. Where the input uses its memory again: not before
 * they are written.
 */
export type Write = (bytes: Buffer) => Promise<void>

export interface EnrichOptions {
  match(block: Buffer): Promise<BlockResult>
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
 * a line of its own only if the caller sees to it.
 *
 * When the next chunk is asked for, fewer than `inFlight` of the last ones are still in use.
 */
export async function enrich(
  input: AsyncIterable<Buffer>,
  options: EnrichOptions,
): Promise<{ endsOpen: boolean }> {
  const cutter = new BlockCutter()
  const queue = new InOrder(options)
  try {
    for await (const chunk of input) {
      options.counts.bytes += chunk.length
      for (const block of cutter.push(chunk)) await queue.add(block, { isOpen: false })
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
  async add(block: Block, { isOpen }: { isOpen: boolean }): Promise<void> {
    const result = block.kind === 'lines' ? this.#options.match(block.bytes) : null
    const written = Promise.all([result, this.#written]).then(([done]) =>
      done === null || block.kind === 'long'
        ? writeLong(block, { ...this.#options, isOpen })
        : writeLines(block.bytes, done, { ...this.#options, isOpen }),
    )
    // A failure is heard of by whoever waits for it below.
    written.catch(() => undefined)
    this.#written = written
    this.#underWay.push(written)
    while (this.#underWay.length >= this.#options.inFlight) await this.#underWay.shift()
  }

  async drain(): Promise<void> {
    await this.#written
  }
}

type WriteOptions = EnrichOptions & { readonly isOpen: boolean }

async function writeLong(
  block: Block,
  { onlyHits, write, counts, isOpen }: WriteOptions,
): Promise<void> {
  const isLast = block.kind === 'long' && block.ends
  if (isLast) {
    counts.lines += 1
    counts.long += 1
  }
  if (!onlyHits) await write(isOpen ? block.bytes.subarray(0, -1) : block.bytes)
}

async function writeLines(
  bytes: Buffer,
  { hitLines, lines, odd }: BlockResult,
  { onlyHits, write, writeHit, record, counts, isOpen }: WriteOptions,
): Promise<void> {
  counts.lines += lines
  counts.odd += odd
  counts.hitLines += hitLines.length
  const pieces: Buffer[] = []
  const hits: Buffer[] = []
  let written = 0
  for (const { start, end, bytes: enriched, hits: count } of hitLines) {
    counts.hits += count
    const line = Buffer.from(enriched.buffer, enriched.byteOffset, enriched.byteLength)
    if (!onlyHits) pieces.push(bytes.subarray(written, start), line)
    hits.push(line, LINE_FEED)
    written = end
  }
  if (onlyHits) pieces.push(...hits)
  else pieces.push(bytes.subarray(written, isOpen ? -1 : undefined))
  const out = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  if (out.length > 0) await write(out)
  if (writeHit && hits.length > 0) await writeHit(Buffer.concat(hits))
  record?.(hitLines.flatMap(({ kept }) => kept ?? []))
}

const LINE_FEED = Buffer.from('\n')

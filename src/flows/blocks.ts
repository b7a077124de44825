/** Cuts what nfdump prints into blocks of so many flows. Pure: bytes in, bytes out. */
import { createHash } from 'node:crypto'

export interface Block {
  /** Whole lines. */
  readonly pieces: readonly Buffer[]
  readonly flows: number
  /** Of all lines up to the end of this block. */
  readonly print: string
}

/** What was told of the text besides its flows. */
export interface Oddities {
  /** Lines that are no flow. */
  odd: number
}

const NEWLINE = 0x0a
/** What nfdump prints where a file holds none. */
const NOTHING = Buffer.from('No matching flows')

/**
 * The last block may be smaller, and so is the one that ends with flow number `cut`: two texts that
 * agree up to there have the same blocks up to there.
 */
export async function* blocksOf(
  text: AsyncIterable<Buffer>,
  { size, cut, oddities }: { size: number; cut: number; oddities: Oddities },
): AsyncGenerator<Block> {
  const print = createHash('sha256')
  let pieces: Buffer[] = []
  let flows = 0
  let total = 0
  let rest: Buffer = Buffer.alloc(0)
  const ended = () => {
    const block = { pieces, flows, print: print.copy().digest('hex') }
    pieces = []
    flows = 0
    return block
  }
  for await (const piece of whole(text)) {
    const data = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
    // Lines that follow each other go as one slice.
    let begin = 0
    let at = 0
    const take = (end: number) => {
      if (end === begin) return
      const slice = data.subarray(begin, end)
      print.update(slice)
      pieces.push(slice)
    }
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, at)) {
      if (isFlow(data, at)) {
        flows += 1
        total += 1
        at = end + 1
        if (flows < size && total !== cut) continue
        take(at)
        begin = at
        yield ended()
        continue
      }
      if (!data.subarray(at, end).equals(NOTHING)) oddities.odd += 1
      take(at)
      at = end + 1
      begin = at
    }
    take(at)
    rest = data.subarray(at)
  }
  if (flows > 0) yield ended()
}

/** A last line without an end gets one. */
async function* whole(text: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let last = NEWLINE
  for await (const piece of text) {
    yield piece
    last = piece.at(-1) ?? last
  }
  if (last !== NEWLINE) yield Buffer.from([NEWLINE])
}

/** It begins with a date, `2026-11-21`, and nothing else does. */
function isFlow(data: Buffer, at: number): boolean {
  return isDigit(data[at]!) && isDigit(data[at + 3]!) && data[at + 4] === 0x2d
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

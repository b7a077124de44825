import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, BlockCutter } from '../../../src/match/logs/blocks.js'
import { MAX_BLOCK, MAX_LINE } from '../../../src/match/logs/scan-memory.js'
import { fuzz } from '../../fuzz.js'

function cut(chunks: readonly Buffer[]): { blocks: Block[]; endsOpen: boolean } {
  const cutter = new BlockCutter()
  const blocks = chunks.flatMap((chunk) => [...cutter.push(chunk)])
  return { blocks: [...blocks, ...cutter.end()], endsOpen: cutter.endsOpen }
}

function joined(blocks: readonly Block[]): string {
  return Buffer.concat(blocks.map(({ bytes }) => bytes)).toString('latin1')
}

/** A line feed at the given distances, in chunks of the given sizes. */
function stream(lines: readonly number[], ends: boolean): Buffer {
  const text = lines.map((length, n) => String(n % 10).repeat(length)).join('\n')
  return Buffer.from(ends ? `${text}\n` : text)
}

describe('cutting a stream into lines', () => {
  it('loses and adds nothing but a last line feed; what no block can hold stands alone (M24)', () => {
    const length = fc.oneof(
      { weight: 20, arbitrary: fc.nat(200) },
      fc.constantFrom(MAX_LINE - 1, MAX_LINE, MAX_LINE + 1, MAX_BLOCK, 2 * MAX_BLOCK + 7),
    )
    const sizes = fc.array(
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3 << 20 })),
      { minLength: 1, maxLength: 8 },
    )
    fc.assert(
      fc.property(fc.array(length, { maxLength: 8 }), fc.boolean(), sizes, (lines, ends, sizes) => {
        const input = stream(lines, ends)
        const chunks: Buffer[] = []
        for (let at = 0, n = 0; at < input.length; n += 1) {
          const size = Math.max(sizes[n % sizes.length]!, input.length >> 10)
          chunks.push(input.subarray(at, at + size))
          at += size
        }
        const { blocks, endsOpen } = cut(chunks)
        const isOpen = input.length > 0 && input.at(-1) !== 10
        expect(endsOpen).toBe(isOpen)
        expect(joined(blocks) === input.toString('latin1') + (isOpen ? '\n' : '')).toBe(true)
        for (const block of blocks) checkBlock(block)
        const lengths = blocks.flatMap((block) => longLines(block))
        const expected = lines.filter((length) => length > MAX_LINE)
        expect(lengths.length).toBe(expected.length)
      }),
      fuzz(500),
    )
  })
})

function checkBlock({ kind, bytes }: Block): void {
  if (kind === 'long') return
  expect(bytes.length).toBeLessThanOrEqual(MAX_BLOCK)
  expect(bytes.at(-1)).toBe(10)
}

/** Ends of lines that are too long to be looked at, in a block or in pieces. */
function longLines(block: Block): number[] {
  if (block.kind === 'long') return block.ends ? [block.bytes.length] : []
  const lines = block.bytes.toString('latin1').split('\n')
  return lines.map((line) => line.length).filter((length) => length > MAX_LINE)
}

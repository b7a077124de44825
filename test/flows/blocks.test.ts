import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, blocksOf } from '../../src/flows/blocks.js'
import { fuzz } from '../fuzz.js'

const flow = (n: number) => `2026-11-21 12:00:00.000,${n}`

async function cut(
  pieces: readonly (string | Buffer)[],
  { size = 3, at = 0 } = {},
): Promise<{ blocks: string[]; prints: string[]; flows: number[]; odd: number }> {
  async function* text() {
    for (const piece of pieces) yield Buffer.from(piece)
  }
  const oddities = { odd: 0 }
  const blocks: Block[] = []
  for await (const block of blocksOf(text(), { size, cut: at, oddities })) blocks.push(block)
  return {
    blocks: blocks.map((block) => Buffer.concat(block.pieces).toString()),
    prints: blocks.map(({ print }) => print),
    flows: blocks.map(({ flows }) => flows),
    odd: oddities.odd,
  }
}

describe('blocks of flows', () => {
  it('hold so many, the last what is left', async () => {
    const lines = [1, 2, 3, 4].map((n) => `${flow(n)}\n`)
    const { blocks, flows, odd } = await cut([lines.join('')])
    expect(blocks).toEqual([lines.slice(0, 3).join(''), lines[3]])
    expect({ flows, odd }).toEqual({ flows: [3, 1], odd: 0 })
  })

  it('leave out what is no flow, and count it', async () => {
    const text = ['header', flow(1), 'No matching flows', '', flow(2), 'tail'].join('\n')
    expect(await cut([text])).toMatchObject({ blocks: [`${flow(1)}\n${flow(2)}\n`], odd: 3 })
    expect(await cut(['No matching flows\n'])).toMatchObject({ blocks: [], odd: 0 })
    expect(await cut([])).toMatchObject({ blocks: [], odd: 0 })
  })

  it('take a last line that has no end', async () => {
    expect(await cut([flow(1)])).toMatchObject({ blocks: [`${flow(1)}\n`], flows: [1] })
  })

  it('are the same up to where two texts are, when one of them ends there', async () => {
    const five = [1, 2, 3, 4, 5].map((n) => `${flow(n)}\n`).join('')
    const short = await cut([five])
    const long = await cut([five, `${flow(6)}\n`, `${flow(7)}\n`], { at: 5 })
    expect(long.blocks.slice(0, 2)).toEqual(short.blocks)
    expect(long.prints[1]).toBe(short.prints[1])
    expect(long.flows).toEqual([3, 2, 2])
  })

  it('do not depend on where the text was torn', async () => {
    const line = fc.oneof(
      fc.nat(99).map(flow),
      fc.constantFrom('odd', '', 'No matching flows', '2'),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 30 }),
        fc.array(fc.nat(30), { maxLength: 30 }),
        fc.nat(12),
        async (lines, lengths, at) => {
          const text = lines.map((each) => `${each}\n`).join('')
          const torn: string[] = []
          let from = 0
          for (const length of lengths) {
            torn.push(text.slice(from, from + length))
            from += length
          }
          torn.push(text.slice(from))
          const whole = await cut([text], { at })
          expect(await cut(torn, { at })).toEqual(whole)
          const flows = lines.filter((each) => each.startsWith('2026'))
          expect(whole.blocks.join('')).toBe(flows.map((each) => `${each}\n`).join(''))
          expect(whole.flows.reduce((sum, n) => sum + n, 0)).toBe(flows.length)
        },
      ),
      fuzz(300),
    )
  })
})

import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FileRange, rangesOf, readRange } from '../../../src/match/logs/file-ranges.js'
import { fuzz } from '../../fuzz.js'
import { KnownLedger } from '../ledger.js'
import { matcherOf } from './logs.js'

let folder: string
let path: string
let file: number

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-ranges-'))
  path = join(folder, 'logs.json')
})

beforeEach(() => {
  writeFileSync(path, '')
  file = openSync(path, 'r+')
})

afterEach(() => closeSync(file))

afterAll(() => rmSync(folder, { recursive: true }))

/** Its bytes, read now. */
function read(part: FileRange | Buffer): Buffer {
  if (Buffer.isBuffer(part)) return part
  const bytes = Buffer.alloc(part.length)
  return bytes.subarray(0, readRange(part, bytes))
}

/** Farther than a range reaches for the end of its last line. */
const FAR = (1 << 16) + 5

describe('ranges of a file', () => {
  it('are whole lines, and with what is between them the file (M27)', () => {
    const lineLength = fc.oneof(
      { weight: 20, arbitrary: fc.nat(200) },
      fc.integer({ min: FAR - 10, max: FAR + 10 }),
    )
    const lines = fc.array(lineLength, { maxLength: 40 })
    fc.assert(
      fc.property(lines, fc.boolean(), fc.integer({ min: 1, max: 3000 }), (lengths, ends, size) => {
        const text = lengths.map((length, n) => String(n % 10).repeat(length)).join('\n')
        const whole = Buffer.from(ends ? `${text}\n` : text)
        ftruncateSync(file)
        writeFileSync(path, whole)
        const parts = [...rangesOf(file, { lengthAt: () => size })]
        expect(Buffer.concat(parts.map(read)).equals(whole)).toBe(true)
        for (const part of parts) if (!Buffer.isBuffer(part)) checkRange(part, { whole, size })
      }),
      fuzz(2000),
    )
  })

  it('are what most of a file is read as', () => {
    writeFileSync(path, `${'x'.repeat(99)}\n`.repeat(1000))
    const parts = [...rangesOf(file, { lengthAt: () => 1000 })]
    const bytes = parts.filter((part) => Buffer.isBuffer(part))
    expect(Buffer.concat(bytes).length).toBeLessThanOrEqual(1000)
  })

  it('what a file grows by while it is read is read too, wherever it was cut off (M27)', () => {
    const pieces = fc.array(fc.stringMatching(/^[a\n]{0,40}$/), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(pieces, fc.integer({ min: 1, max: 30 }), (texts, size) => {
        ftruncateSync(file)
        const waiting = [...texts]
        let written = waiting.shift()!
        writeFileSync(path, written)
        const parts: Buffer[] = []
        for (const part of rangesOf(file, { lengthAt: () => size })) {
          parts.push(read(part))
          const more = waiting.shift() ?? ''
          appendFileSync(path, more)
          written += more
        }
        const got = Buffer.concat(parts).toString()
        expect(written.startsWith(got)).toBe(true)
        if (waiting.length === 0) expect(got).toBe(written)
      }),
      fuzz(2000),
    )
  })
})

function checkRange(range: FileRange, { whole, size }: { whole: Buffer; size: number }): void {
  const { at, length } = range
  expect(length).toBeGreaterThan(size)
  expect(length).toBeLessThan(size + FAR)
  expect(at === 0 || whole[at - 1] === 10).toBe(true)
  expect(whole[at + length - 1]).toBe(10)
}

describe('a file that is cut or written anew while it is read', () => {
  it('is matched as far as it goes, and no farther (M28)', () => {
    const ledger = new KnownLedger()
    ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
    const { matcher, close } = matcherOf(ledger)
    const hit = '{"source.ip":"192.0.2.1"}\n'
    const matched = (text: string, length: number) => {
      ftruncateSync(file)
      writeFileSync(path, text)
      const { hitLines, bytes, ...rest } = matcher.matchRange(1, { file, at: 0, length })
      return { hits: hitLines.length, ...rest, text: bytes.toString() }
    }
    // What stood in that memory before must not be taken for lines of the file.
    expect(matched(hit.repeat(4), 4 * hit.length)).toMatchObject({ hits: 4, lines: 4 })
    expect(matched(hit, 4 * hit.length)).toEqual({
      hits: 1,
      lines: 1,
      odd: 0,
      long: 0,
      text: hit,
    })
    const cut = `${hit}{"sour`
    expect(matched(cut, 4 * hit.length)).toEqual({
      hits: 1,
      lines: 2,
      odd: 1,
      long: 0,
      text: `${cut}\n`,
    })
    expect(matched('', 4 * hit.length)).toMatchObject({ hits: 0, lines: 0, odd: 0, text: '' })
    close()
    ledger.close()
  })
})

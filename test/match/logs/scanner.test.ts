import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { admissionOf } from '../../../src/match/logs/field-map.js'
import { PRESETS } from '../../../src/match/logs/presets.js'
import {
  createScanMemory,
  MAX_BLOCK,
  MAX_LINE,
  MAX_PLACED,
  placesOf,
} from '../../../src/match/logs/scan-memory.js'
import { KnownLedger } from '../ledger.js'
import { matcherOf } from './logs.js'

describe('the scanner', () => {
  it('is compiled of its source', async () => {
    const script = '../../../scripts/scanner.mjs'
    const { compiledScanner } = (await import(script)) as { compiledScanner(): Promise<string> }
    const kept = new URL('../../../src/match/logs/scanner-binary.ts', import.meta.url)
    expect((await compiledScanner()) === readFileSync(kept, 'utf8')).toBe(true)
  }, 60_000)
})

describe('its memory', () => {
  it('has room for 64 threads beside ten million keys', () => {
    const shared = createScanMemory(10_000_000, 64)
    const last = placesOf(shared, 63).blocks.at(-1)!
    expect(last + MAX_PLACED).toBeLessThan(shared.memory.buffer.byteLength)
  })

  it('gives each thread places of its own, where numbers can be read', () => {
    const shared = createScanMemory(1, 3)
    for (const thread of [0, 1, 2]) {
      const { scratch, found, text, blocks } = placesOf(shared, thread)
      const starts = [scratch, found, text, ...blocks]
      expect(starts).toEqual(starts.toSorted((a, b) => a - b))
      expect(found % 4).toBe(0)
      if (thread > 0) {
        const before = placesOf(shared, thread - 1).blocks.at(-1)!
        expect(before + MAX_PLACED).toBeLessThan(scratch)
      }
    }
  })
})

describe('two keys with one fingerprint', () => {
  it('are both found: each has its own bits in the filter (M26)', () => {
    const ledger = new KnownLedger()
    const twins = ['2cb1d91419acbc80ff30975e9b92baf4', '31c229119d3bf054c5a5bde015da9138']
    ledger.pull(
      'e1',
      twins.map((value) => ({ type: 'md5', value })),
    )
    const { hits, close } = matcherOf(ledger)
    expect(twins.map((md5) => hits({ file: { hash: { md5 } } }).length)).toEqual([1, 1])
    close()
    ledger.close()
  })
})

describe('a line that is too long to be looked at', () => {
  it('is passed by and counted, whatever it holds; the lines round it are not (M24)', () => {
    const ledger = new KnownLedger()
    ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
    const { matcher, close } = matcherOf(ledger)
    const hit = '{"source.ip":"192.0.2.1"}'
    const wide = (length: number) => `${hit}${' '.repeat(length - hit.length)}`
    const match = (...lines: readonly string[]) => {
      const { hitLines, ...counts } = matcher.matchBlock(Buffer.from(`${lines.join('\n')}\n`))
      return { ...counts, starts: hitLines.map(({ start }) => start) }
    }
    const before = hit.length + 1
    expect(match(hit, wide(MAX_LINE), hit)).toEqual({
      lines: 3,
      odd: 0,
      long: 0,
      starts: [0, before, before + MAX_LINE + 1],
    })
    expect(match(hit, wide(MAX_LINE + 1), hit)).toEqual({
      lines: 3,
      odd: 0,
      long: 1,
      starts: [0, before + MAX_LINE + 2],
    })
    // No JSON, nothing that could hit, only blanks: too long all the same, and nothing else.
    for (const letter of ['x', '"', ' ']) {
      const long = letter.repeat(MAX_BLOCK - before - 1)
      expect(match(hit, long)).toEqual({ lines: 2, odd: 0, long: 1, starts: [0] })
    }
    close()
    ledger.close()
  })
})

describe('presets', () => {
  it.each(Object.entries(PRESETS))('%s names only what the type table knows', (_, { fields }) => {
    expect(fields.filter(({ as }) => admissionOf(as) === null)).toEqual([])
    const names = fields.map(({ name }) => name)
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })
})

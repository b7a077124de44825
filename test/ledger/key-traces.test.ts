import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyTraces } from '../../src/ledger/key-traces.js'
import { fuzz } from '../fuzz.js'

const key = fc.tuple(fc.constantFrom('ip', 'domain', 'url'), fc.string({ unit: 'binary-ascii' }))

function pack(keys: readonly (readonly [string, string])[]): Buffer {
  return Buffer.from(keys.map(([space, value]) => `${space}\0${value}\0`).join(''))
}

/** No value holds a NUL. */
const keys = fc.array(
  fc
    .oneof(key, fc.tuple(fc.constant('domain'), fc.string({ unit: 'grapheme' })))
    .filter(([, value]) => !value.includes('\0')),
)

describe('traces of keys', () => {
  it('miss none that was added', () => {
    fc.assert(
      fc.property(keys, keys, (some, others) => {
        const traces = new KeyTraces()
        traces.add(pack(some))
        traces.add(pack(others))
        for (const [space, value] of [...some, ...others]) {
          expect(traces.has(space, value)).toBe(true)
        }
      }),
      fuzz(2000),
    )
  })

  it('hold many, once each, and take hardly any other for one of them', () => {
    const traces = new KeyTraces()
    const many = (from: number) =>
      Array.from({ length: 200_000 }, (_, n) => ['domain', `d${from + n}.example`] as const)
    for (const keys of [many(0), many(100_000)]) traces.add(pack(keys))
    // Names that differ in a few letters meet in crowds or not at all, as the secret start will have it.
    expect(traces.size).toBeGreaterThan(295_000)
    expect(traces.size).toBeLessThanOrEqual(300_000)
    expect(many(0).every(([space, value]) => traces.has(space, value))).toBe(true)
    const wrong = many(1_000_000).filter(([space, value]) => traces.has(space, value))
    expect(wrong.length).toBeLessThan(2000)
  })

  it('take a key for known that is too long to look at', () => {
    const traces = new KeyTraces()
    traces.add(pack([['url', 'http://evil.example/']]))
    expect(traces.has('url', 'x'.repeat(20_000))).toBe(true)
    expect(traces.has('url', 'x'.repeat(8000))).toBe(false)
    expect(traces.has('mutex', 'x'.repeat(20_000))).toBe(false)
  })

  it('know a value under its own space only', () => {
    const traces = new KeyTraces()
    traces.add(
      pack([
        ['hostname', 'a.example'],
        ['domain', 'b.example'],
        ['hostname', 'ü'],
      ]),
    )
    const spaces = ['hostname', 'domain', 'mutex']
    const known = (value: string) => spaces.map((space) => traces.has(space, value))
    expect(known('a.example')).toEqual([true, false, false])
    expect(known('b.example')).toEqual([false, true, false])
    expect(known('c.example')).toEqual([false, false, false])
    expect(known('ü')).toEqual([true, false, false])
    expect(known('')).toEqual([false, false, false])
  })
})

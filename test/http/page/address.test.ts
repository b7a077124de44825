import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  KINDS,
  readView,
  SPANS,
  START,
  type View,
  WAYS,
  writeView,
} from '../../../src/http/page/address.js'
import { fuzz } from '../../fuzz.js'

/** Seconds of the year 9999. */
const LAST = 253_402_300_799

// Halves of characters can not stand in an address.
const text = fc.string({ unit: 'binary' }).map((any) => any.trim())
const moment = fc.integer({ min: 0, max: LAST })
const window = fc
  .tuple(moment, moment)
  .filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }))
const view: fc.Arbitrary<View> = fc.record({
  ask: text,
  value: text,
  event: text,
  source: text,
  kind: fc.constantFrom('' as const, ...KINDS),
  way: fc.constantFrom('' as const, ...WAYS),
  time: fc.oneof(fc.constantFrom(...(Object.keys(SPANS) as (keyof typeof SPANS)[])), window),
})

describe('the address', () => {
  it('is empty at the start', () => {
    expect(writeView(START)).toBe('')
    expect(readView('')).toEqual(START)
  })

  it('reads as people would write it', () => {
    const given = '#ask=198.51.100.7&last=7d&source=main&kind=log'
    expect(readView(given)).toEqual({
      ...START,
      ask: '198.51.100.7',
      time: '7d',
      source: 'main',
      kind: 'log',
    })
    const window = readView('#from=2026-05-03T14:00:00Z&to=2026-05-03T15:00:00Z').time
    expect(window).toEqual({ from: 1_777_816_800, to: 1_777_820_400 })
  })

  it.each([
    'last=2w',
    'last=toString',
    'from=2026-05-03T15:00:00Z&to=2026-05-03T14:00:00Z',
    'from=5&to=x',
    'kind=up',
    'way=api',
    '%E0%A4%A=%',
  ])('takes %j for nothing', (fragment) => {
    expect(readView(fragment)).toEqual(START)
  })

  it('says the whole view, whatever is in it', () => {
    fc.assert(
      fc.property(view, (any) => {
        expect(readView(`#${writeView(any)}`)).toEqual(any)
      }),
      fuzz(2000),
    )
  })

  it('can be anything at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        const read = readView(any)
        expect(readView(writeView(read))).toEqual(read)
      }),
      fuzz(2000),
    )
  })
})

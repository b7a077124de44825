import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SPANS, type Span } from '../../../src/http/page/address.js'
import {
  beside,
  brushed,
  closer,
  stepOf,
  wholeSteps,
  wider,
} from '../../../src/http/page/window.js'
import { fuzz } from '../../fuzz.js'

const NOW = 1_795_300_123.4

const window = fc
  .tuple(fc.integer({ min: 1, max: 1_700_000_000 }), fc.integer({ min: 1, max: 90_000_000 }))
  .map(([from, length]) => ({ from, to: from + length }))

describe('the bars', () => {
  it.each([
    ['1h', 60],
    ['6h', 300],
    ['24h', 900],
    ['7d', 7200],
    ['30d', 28_800],
    ['90d', 86_400],
  ] as const)('of %s are %i seconds wide', (span, step) => {
    const shown = wholeSteps(span, NOW)
    expect(shown.step).toBe(step)
    expect(shown.to).toBeGreaterThanOrEqual(NOW)
    expect(shown.to - NOW).toBeLessThan(step)
    expect(shown.from).toBeLessThanOrEqual(NOW - SPANS[span])
    expect(shown.to - shown.from).toBeLessThanOrEqual(SPANS[span] + step)
  })

  it('stay where they are within a step', () => {
    expect(wholeSteps('24h', NOW + 60)).toEqual(wholeSteps('24h', NOW))
  })

  it('are whole steps that cover the window, and not too many', () => {
    fc.assert(
      fc.property(window, (any) => {
        const { from, to, step } = wholeSteps(any, NOW)
        expect([from % step, to % step]).toEqual([0, 0])
        expect(from <= any.from && any.to <= to).toBe(true)
        expect((to - from) / step).toBeLessThanOrEqual(102)
      }),
      fuzz(2000),
    )
  })
})

describe('zoom', () => {
  it('takes the bars that were brushed, at least one', () => {
    expect(brushed([1805, 2650], 900)).toEqual({ from: 1800, to: 2700 })
    expect(brushed([2650, 1805], 900)).toEqual({ from: 1800, to: 2700 })
    expect(brushed([1800, 1800], 900)).toEqual({ from: 1800, to: 2700 })
  })

  it('goes closer into the middle, and never to nothing', () => {
    expect(closer({ from: 0, to: 3600 })).toEqual({ from: 900, to: 2700 })
    expect(closer({ from: 100, to: 101 }).to - closer({ from: 100, to: 101 }).from).toBe(10)
  })

  it('goes wider to twice as much, or to the span up to now that holds it', () => {
    expect(wider({ from: 1000, to: 2000 }, NOW)).toEqual({ from: 500, to: 2500 })
    expect(wider({ from: NOW - 3600, to: NOW }, NOW)).toBe('6h' satisfies Span)
  })

  it('steps aside by half a window, but not into the future', () => {
    expect(beside({ from: 1000, to: 2000 }, -1, NOW)).toEqual({ from: 500, to: 1500 })
    expect(beside({ from: 1000, to: 2000 }, 1, NOW)).toEqual({ from: 1500, to: 2500 })
    const end = Math.ceil(NOW)
    expect(beside({ from: end - 100, to: end }, 1, NOW)).toEqual({ from: end - 100, to: end })
  })

  it('always answers a window that has bars', () => {
    fc.assert(
      fc.property(window, (any) => {
        for (const next of [
          closer(any),
          wider(any, NOW),
          beside(any, 1, NOW),
          beside(any, -1, NOW),
        ]) {
          const { from, to, step } = wholeSteps(next, NOW)
          expect((to - from) / step).toBeGreaterThanOrEqual(1)
          expect(step).toBe(stepOf(typeof next === 'string' ? { from, to } : next))
        }
      }),
      fuzz(1000),
    )
  })
})

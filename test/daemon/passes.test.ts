import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextPasses, type Situation, sliceOf, WHOLE } from '../../src/daemon/passes.js'
import type { KnownEvent } from '../../src/ledger/sources.js'
import { fuzz } from '../fuzz.js'

const QUIET: Situation = {
  isAsked: false,
  isFrozen: false,
  isDue: true,
  hints: [],
  lastAt: 1_795_300_000,
  sinceWholeMs: 60_000,
  absentGrace: 3600,
}

const RECENT = { kind: 'recent', since: 1_795_299_700 }

describe('what is asked of a MISP next', () => {
  it('is what moved since it answered last, and a little before', () => {
    expect(nextPasses(QUIET)).toEqual([RECENT])
    expect(nextPasses({ ...QUIET, isDue: false })).toEqual([RECENT])
  })

  it('is what was hinted at', () => {
    const named = { kind: 'named', events: ['a'] }
    expect(nextPasses({ ...QUIET, isDue: false, hints: ['a'] })).toEqual([named])
  })

  it('is what moved all the same when it is time, however many hints there are', () => {
    const named = { kind: 'named', events: ['a'] }
    expect(nextPasses({ ...QUIET, hints: ['a'] })).toEqual([named, RECENT])
  })

  it.each([
    ['at the start', { lastAt: null }],
    ['every quarter of an hour', { sinceWholeMs: 900_000 }],
    ['as often as the grace, where that is shorter', { absentGrace: 60 }],
    ['when somebody asks', { isAsked: true }],
    ['while something is withheld', { isFrozen: true }],
  ])('is everything %s, hints or not', (_, change) => {
    expect(nextPasses({ ...QUIET, ...change })).toEqual([WHOLE])
    expect(nextPasses({ ...QUIET, hints: ['a'], ...change })).toEqual([WHOLE])
  })
})

describe('the daily reading', () => {
  const event = (n: number) => ({ uuid: `e${String(n).padStart(4, '0')}` }) as KnownEvent

  it('reaches every event within a day and a step, however the steps are cut', () => {
    const steps = fc.array(fc.integer({ min: 1, max: 7200 }), { minLength: 30, maxLength: 60 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), steps, (count, seconds) => {
        const known = Array.from({ length: count }, (_, n) => event(n))
        const seen = new Set<string>()
        let before = { after: '', at: 0 }
        let now = 0
        for (const step of Array.from({ length: 100 }, () => seconds).flat()) {
          if (now > 86_400 + 7200) break
          now += step
          const { events, next } = sliceOf(known, before, now)
          for (const uuid of events) seen.add(uuid)
          before = next
        }
        if (now > 86_400) expect(seen.size).toBe(count)
      }),
      fuzz(100),
    )
  })

  it('takes all of them at once after a long time, and none when the clock went back', () => {
    const known = [event(1), event(2)]
    expect(sliceOf(known, { after: 'e0001', at: 0 }, 1e6).events).toEqual(['e0002', 'e0001'])
    expect(sliceOf(known, { after: 'e0001', at: 1e6 }, 0).events).toEqual([])
  })
})

/** The schedule alone, on clocks that jump. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Clockwork, clockwork } from '../../src/daemon/clockwork.js'
import type { Clocks } from '../../src/time.js'
import { fuzz } from '../fuzz.js'

const START = Date.UTC(2026, 10, 22, 3, 0, 0)

class Time implements Clocks {
  #ran = 0
  #wall = START

  readonly monotonic = () => this.#ran
  readonly wall = () => this.#wall

  pass(ms: number): void {
    this.#ran += ms
    this.#wall += ms
  }

  /** Somebody sets the clock. */
  jump(ms: number): void {
    this.#wall += ms
  }
}

/** Lets time pass as a keeper would wait; answers at which real seconds it was due. */
function runsWithin(seconds: number, { work, time }: { work: Clockwork; time: Time }): number[] {
  const runs: number[] = []
  const end = time.monotonic() + seconds * 1000
  while (time.monotonic() < end) {
    const wait = work.waitMs()
    if (wait > 0) time.pass(Math.min(wait, end - time.monotonic()))
    else {
      runs.push(time.monotonic() / 1000)
      work.begun()
      time.pass(1)
    }
  }
  return runs
}

describe('an interval', () => {
  it('is due at once, then after each interval', () => {
    const time = new Time()
    const work = clockwork('60s', time, null)
    expect(runsWithin(200, { work, time })).toEqual([0, 60, 120, 180])
  })

  it('does not care what the clock on the wall does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e10, max: 1e10 }), { maxLength: 5 }), (jumps) => {
        const time = new Time()
        const work = clockwork('60s', time, null)
        const runs = [0, ...jumps].flatMap((jump) => {
          time.jump(jump)
          return runsWithin(60, { work, time })
        })
        expect(runs).toEqual(runs.map((_, n) => n * 60))
        expect(runs).toHaveLength(jumps.length + 1)
      }),
      fuzz(500),
    )
  })

  it('makes up for nothing: a run that took an hour is followed by one', () => {
    const time = new Time()
    const work = clockwork('60s', time, null)
    work.begun()
    time.pass(3_600_000)
    expect(runsWithin(59, { work, time })).toEqual([3600])
  })
})

describe('a calendar', () => {
  const daily = { cron: '30 4 * * *', time_zone: 'UTC' }
  const seconds = START / 1000

  it('is due at its time, by its zone', () => {
    const time = new Time()
    const amsterdam = { cron: '30 4 * * *', time_zone: 'Europe/Amsterdam' }
    // 04:30 there is 03:30 UTC in winter.
    expect(runsWithin(7200, { work: clockwork(amsterdam, time, seconds), time })).toEqual([1800])
    const utc = new Time()
    expect(runsWithin(7200, { work: clockwork(daily, utc, seconds), time: utc })).toEqual([5400])
  })

  it('is due at once where it was never done, or was missed; once, however often', () => {
    for (const last of [null, seconds - 30 * 86_400]) {
      const time = new Time()
      expect(runsWithin(3600, { work: clockwork(daily, time, last), time })).toEqual([0])
    }
  })

  it('is done at its time after a jump forward over it, and once', () => {
    const time = new Time()
    const work = clockwork(daily, time, seconds)
    expect(runsWithin(60, { work, time })).toEqual([])
    time.jump(5 * 86_400_000)
    expect(runsWithin(60, { work, time })).toHaveLength(1)
  })

  it('does not wait for days after the clock was put back', () => {
    const time = new Time()
    const work = clockwork(daily, time, seconds)
    time.jump(10 * 86_400_000)
    runsWithin(60, { work, time })
    time.jump(-10 * 86_400_000)
    // 04:30 of the day that it is again.
    expect(runsWithin(7200, { work, time })).toHaveLength(1)
  })

  it('never lets more than a day and a look pass, wherever the clock jumps', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1e9, max: 1e9 }), { maxLength: 4 }), (jumps) => {
        const time = new Time()
        const work = clockwork(daily, time, seconds)
        for (const jump of jumps) {
          time.jump(jump)
          runsWithin(30, { work, time })
        }
        expect(runsWithin(86_500, { work, time }).length).toBeGreaterThan(0)
      }),
      fuzz(100),
    )
  })
})

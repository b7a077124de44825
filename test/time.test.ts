import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseIso } from '../src/time.js'
import { fuzz } from './fuzz.js'

const zone = process.env.TZ
beforeEach(() => {
  process.env.TZ = 'America/St_Johns'
})
afterEach(() => {
  if (zone === undefined) delete process.env.TZ
  else process.env.TZ = zone
})

describe('a time in ISO 8601', () => {
  it.each([
    ['2026-05-03', '2026-05-03T00:00:00.000Z'],
    ['2026-05-03T14:07', '2026-05-03T14:07:00.000Z'],
    ['2026-05-03 14:07:01', '2026-05-03T14:07:01.000Z'],
    ['2026-05-03T14:07:01.123456+00:00', '2026-05-03T14:07:01.123Z'],
    ['2026-05-03T14:07:01-0330', '2026-05-03T17:37:01.000Z'],
    ['2026-05-03t14:07:01z', '2026-05-03T14:07:01.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
  ])('%s is %s, whatever the zone of the machine', (text, meant) => {
    expect(new Date(parseIso(text)!).toISOString()).toBe(meant)
  })

  it.each([
    ['a day that the calendar has not', '2026-02-30'],
    ['a month that it has not', '2026-13-01'],
    ['an hour that the day has not', '2026-05-03T25:00'],
    ['the way of America', '05/03/2026'],
    ['the way of mail', 'Sun, 03 May 2026 14:07:00 GMT'],
    ['a number', '1777777777'],
    ['nothing', ''],
  ])('is not %s: %s', (_, text) => {
    expect(parseIso(text)).toBeNull()
  })

  it('is what JavaScript writes', () => {
    const years = { min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }
    fc.assert(
      fc.property(fc.date(years), (date) => {
        expect(parseIso(date.toISOString())).toBe(date.getTime())
      }),
      fuzz(10_000),
    )
  })
})

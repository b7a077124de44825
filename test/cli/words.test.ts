import { describe, expect, it } from 'vitest'
import { bytes, count, duration, iso, moment, table } from '../../src/cli/words.js'

describe('words', () => {
  it.each([
    [0, '0 seconds'],
    [59.9, '59 seconds'],
    [60, '1 minute'],
    [7199, '1 hour'],
    [3 * 86_400 + 5, '3 days'],
    [-5, '0 seconds'],
  ])('duration %d', (seconds, words) => expect(duration(seconds)).toBe(words))

  it.each([
    [1, '1 byte'],
    [1023, '1,023 bytes'],
    [1024, '1.0 KiB'],
    [5.5 * 1024 ** 3, '5.5 GiB'],
    [2 ** 60, '1048576.0 TiB'],
  ])('bytes %d', (n, words) => expect(bytes(n)).toBe(words))

  it('counts', () => {
    expect([count(1, 'key'), count(2000, 'key')]).toEqual(['1 key', '2,000 keys'])
  })

  it('tells times in UTC, and what a source made up as it is', () => {
    expect(moment(1_777_817_220)).toBe('2026-05-03 14:07Z')
    expect(iso(1_777_817_220)).toBe('2026-05-03T14:07:00.000Z')
    expect([moment(1e15), iso(1e15), iso(null)]).toEqual(['1000000000000000', null, null])
  })

  it('pads columns to their widest cell, but for the last', () => {
    expect(table([['a', 'bb', 'c'], ['aaa', 'b', 'ccc'], ['x']], ' ')).toEqual([
      ' a    bb  c',
      ' aaa  b   ccc',
      ' x',
    ])
  })
})

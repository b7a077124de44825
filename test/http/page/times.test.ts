import { describe, expect, it } from 'vitest'
import {
  bothZones,
  bytes,
  count,
  duration,
  momentIn,
  secondsBetween,
} from '../../../src/http/page/times.js'

describe('times', () => {
  it('are the same instant in both zones', () => {
    const at = new Date('2026-05-03T14:07:09.500Z')
    expect(momentIn(at, 'utc')).toBe('2026-05-03 14:07:09Z')
    expect(Date.parse(momentIn(at, 'local'))).toBe(Date.parse('2026-05-03T14:07:09Z'))
    expect(bothZones(at, 'local')).toContain('2026-05-03 14:07:09Z in UTC')
    expect(bothZones(at, 'utc')).toMatch(/^2026-05-0\d .* [+-]\d\d:\d\d here$/)
  })

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [7199, '119 min'],
    [7200, '2 h'],
    [172_799, '47 h'],
    [172_800, '2 d'],
    [-5, '0 s'],
  ])('%i seconds are %s', (seconds, words) => {
    expect(duration(seconds)).toBe(words)
  })

  it('are told apart in seconds', () => {
    expect(secondsBetween('2026-05-03T14:07:00Z', '2026-05-03T14:08:30.000Z')).toBe(90)
  })
})

describe('amounts', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [123_456, '123 kB'],
    [81_000_000, '81.0 MB'],
    [5e15, '5.0 PB'],
    [5e19, '50000 PB'],
  ])('%d bytes are %s', (n, words) => {
    expect(bytes(n)).toBe(words)
  })

  it('are counted', () => {
    expect([count(0, 'hit'), count(1, 'hit'), count(1234, 'hit')]).toEqual([
      '0 hits',
      '1 hit',
      '1,234 hits',
    ])
  })
})

import { expect, it } from 'vitest'
import {
  durationSetting,
  limitSeconds,
  limitSetting,
  parseDuration,
} from '../../src/policy/duration.js'

it.each([
  ['30s', 30],
  ['5m', 300],
  ['12h', 43_200],
  ['3d', 259_200],
  ['4w', 2_419_200],
  ['1y', 31_536_000],
  ['0s', 0],
])('%s is %i seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds)
  expect(durationSetting.safeParse(text).success).toBe(true)
  expect(limitSeconds(text)).toBe(seconds)
})

it.each(['', 's', '1', '1M', '-1d', '1.5h', '1d12h', ' 1d', '1d ', '1d\n', '٣d', '1'.repeat(20)])(
  '%j is no duration',
  (text) => {
    expect(parseDuration(text)).toBeNull()
    expect(durationSetting.safeParse(text).success).toBe(false)
    expect(limitSetting.safeParse(text).success).toBe(false)
  },
)

it('never is a limit and no duration', () => {
  expect(limitSetting.safeParse('never').success).toBe(true)
  expect(durationSetting.safeParse('never').success).toBe(false)
  expect(limitSeconds('never')).toBe(Number.POSITIVE_INFINITY)
})

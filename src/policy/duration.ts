/** Durations as the config writes them: `30s 5m 12h 3d 4w 1y`. */
import { z } from 'zod'

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 } as const
const DURATION = /^(\d{1,9})([smhdwy])$/

/** In seconds; a year has 365 days. Null where the text is no duration. */
export function parseDuration(text: string): number | null {
  const match = DURATION.exec(text)
  if (!match) return null
  return Number(match[1]) * SECONDS[match[2] as keyof typeof SECONDS]
}

/** A setting that is a duration; it stays text, so that `config show` prints what was written. */
export const durationSetting = z
  .string()
  .regex(DURATION, 'expected a duration such as 30s, 12h, 365d')

/** A duration, or `never`. */
export const limitSetting = z
  .string()
  .regex(/^(\d{1,9}[smhdwy]|never)$/, 'expected a duration such as 12h or 365d, or never')

/** In seconds; Infinity for `never`, and for what is no duration. */
export function limitSeconds(text: string): number {
  return parseDuration(text) ?? Number.POSITIVE_INFINITY
}

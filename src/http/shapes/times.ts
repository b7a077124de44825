/** Times, as the API takes and gives them. */
import { z } from '@hono/zod-openapi'
import { parseDuration } from '../../policy/duration.js'
import { parseIso } from '../../time.js'

export const isoTime = z
  .string()
  .openapi({ format: 'date-time', example: '2026-05-03T14:07:00.000Z' })

const ISO_WITH_ZONE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/

/** Epoch milliseconds of `2026-05-03T14:07:00Z` or, as a duration before `now`, of `24h`; else null. */
export function parseTime(text: string, now: number): number | null {
  const ago = parseDuration(text)
  if (ago !== null && Number.isFinite(ago)) return Math.max(now - ago * 1000, 0)
  return ISO_WITH_ZONE.test(text) ? parseIso(text) : null
}

/** Of a query: a moment, or how long ago. */
export const moment = z
  .string()
  .max(64)
  .refine((text) => parseTime(text, Date.now()) !== null, {
    error: 'expected a time such as 2026-05-03T14:07:00Z, or how long ago, such as 24h',
  })
  .openapi({ example: '24h', description: 'ISO 8601 with a zone, or a duration before now.' })

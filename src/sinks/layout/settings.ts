/** The settings that every cache has, and what they mean. */
import { z } from 'zod'
import { durationSetting, parseDuration } from '../../policy/duration.js'
import type { Expires } from './expires.js'

const DURATION = 'expected seconds, or a duration such as 90s, 12h, 30d'

/** It stays as it was written; `seconds` reads it. */
const duration = z.union([z.number().nonnegative({ error: DURATION }), durationSetting], {
  error: DURATION,
})

const expires = z.strictObject({
  hash: duration.default(0).describe('File hashes and certificate fingerprints.'),
  network: duration.default(0).describe('Addresses, nets, domains, host names, JA3, HASSH, JARM.'),
  web: duration.default(0).describe('URLs and user agents.'),
})

export const layoutSettings = {
  value: z
    .enum(['ids', 'json'])
    .default('json')
    .describe('What stands under a key: `json`, or `ids` as MISP2memcached wrote it.'),
  expires: expires
    .prefault({})
    .describe('How long a key lives, counted from when its indicator went live; 0 is for ever.'),
  timeout: duration
    .refine((given) => seconds(given) > 0, { error: 'expected more than 0' })
    .default('5s')
    .describe('Longest wait for a connection, and for a sign of life while an answer is due.'),
}

type Duration = z.output<typeof duration>

function seconds(given: Duration): number {
  return typeof given === 'number' ? given : (parseDuration(given) ?? 0)
}

export function expiresOf({ expires: given }: { expires: z.output<typeof expires> }): Expires {
  return {
    hash: seconds(given.hash),
    network: seconds(given.network),
    web: seconds(given.web),
  }
}

/** In milliseconds. */
export function timeoutOf({ timeout }: { timeout: Duration }): number {
  return seconds(timeout) * 1000
}

/** The part `sinks.memcached` of the config. */
import { z } from 'zod'
import { durationSetting, parseDuration } from '../../policy/duration.js'
import { parseAddress } from './address.js'
import type { Expires } from './expires.js'

const DURATION = 'expected seconds, or a duration such as 90s, 12h, 30d'

/** It stays as it was written; `seconds` reads it. */
const duration = z.union([z.number().nonnegative({ error: DURATION }), durationSetting], {
  error: DURATION,
})

const server = z.string().refine((text) => parseAddress(text) !== null, {
  error: 'expected host, host:port, [IPv6]:port or the path of a unix socket',
})

const expires = z.strictObject({
  hash: duration.default(0).describe('File hashes and certificate fingerprints.'),
  network: duration.default(0).describe('Addresses, nets, domains, host names, JA3, HASSH, JARM.'),
  web: duration.default(0).describe('URLs and user agents.'),
})

export const memcachedSettings = z.strictObject({
  servers: z
    .array(server)
    .min(1, { error: 'expected a server' })
    .max(1, { error: 'expected one server; several are not supported yet' })
    .default(['127.0.0.1:11211'])
    .describe('The memcached server: host, host:port, [IPv6]:port or the path of a unix socket.'),
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
})

export type MemcachedSettings = z.output<typeof memcachedSettings>
type Duration = z.output<typeof duration>

function seconds(given: Duration): number {
  return typeof given === 'number' ? given : (parseDuration(given) ?? 0)
}

export function expiresOf({ expires }: MemcachedSettings): Expires {
  return {
    hash: seconds(expires.hash),
    network: seconds(expires.network),
    web: seconds(expires.web),
  }
}

/** In milliseconds. */
export function timeoutOf({ timeout }: MemcachedSettings): number {
  return seconds(timeout) * 1000
}

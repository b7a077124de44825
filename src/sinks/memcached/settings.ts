/** The part `sinks.memcached` of the config. */
import { z } from 'zod'
import { layoutSettings } from '../layout/settings.js'
import { parseAddress } from './address.js'

const server = z.string().refine((text) => parseAddress(text) !== null, {
  error: 'expected host, host:port, [IPv6]:port or the path of a unix socket',
})

export const memcachedSettings = z.strictObject({
  servers: z
    .array(server)
    .min(1, { error: 'expected a server' })
    .max(1, { error: 'expected one server; several are not supported yet' })
    .default(['127.0.0.1:11211'])
    .describe('The memcached server: host, host:port, [IPv6]:port or the path of a unix socket.'),
  ...layoutSettings,
})

export type MemcachedSettings = z.output<typeof memcachedSettings>

/** The part `sinks.memcached` of the config. */
import { z } from 'zod'
import { layoutSettings, timeoutOf } from '../layout/settings.js'
import { parseAddress } from './address.js'

const server = z.string().refine((text) => parseAddress(text) !== null, {
  error: 'expected host, host:port, [IPv6]:port or the path of a unix socket',
})

const tls = z.strictObject({
  ca_file: z
    .string()
    .min(1)
    .optional()
    .describe(
      "A file with the certificates, in PEM form, of the authority that signed the servers'. Trusted instead of the public authorities.",
    ),
  client_pem_file: z
    .string()
    .min(1)
    .optional()
    .describe('A file with a client certificate and its private key, in PEM form.'),
  server_name: z
    .string()
    .min(1)
    .optional()
    .describe("The name in the servers' certificate. Default: the host's, as it is given."),
})

export const memcachedSettings = z
  .strictObject({
    servers: z
      .array(server)
      .min(1, { error: 'expected a server' })
      .superRefine(refuseTwins)
      .default(['127.0.0.1:11211'])
      .describe(
        "The memcached servers, as in Logstash's hosts: host, host:port, [IPv6]:port or the path of a unix socket; :weight may follow a port or path.",
      ),
    placement: z
      .enum(['ring', 'replicate'])
      .default('ring')
      .describe(
        'With several servers: `ring`, each key on the one where Logstash looks for it; or `replicate`, every key on each.',
      ),
    ...layoutSettings,
    spell_nets: z
      .boolean()
      .optional()
      .describe(
        'Also write nets of up to 256 addresses as one misp-ip key an address (200,000 in all), for pipelines that know no nets. Default: true where value is ids.',
      ),
    tls: tls
      .optional()
      .describe('Talk TLS to the servers. `tls: {}` trusts the public authorities.'),
    auth: z
      .enum(['sasl', 'ascii'])
      .default('sasl')
      .describe(
        'How username and password are given: `sasl` (memcached -S, as Logstash can), or `ascii` (memcached -Y).',
      ),
    username: z
      .string()
      .regex(/^[!-~]+$/, 'expected printable ASCII without blanks')
      .optional()
      .describe(
        'Who tipline is to the servers; best from the environment, where Logstash reads MEMCACHE_USERNAME.',
      ),
    password: z
      .string()
      .min(1)
      .optional()
      .describe('Its password; best from the environment, where Logstash reads MEMCACHE_PASSWORD.'),
    password_file: z.string().min(1).optional().describe('A file that holds the password.'),
  })
  .refine(
    ({ username, password, password_file }) =>
      (username === undefined) === (password === undefined && password_file === undefined),
    { error: 'expected username and password, or neither', path: ['username'] },
  )

export type MemcachedSettings = z.output<typeof memcachedSettings>

/** How to connect, for every server alike. */
export function connectionOf(settings: MemcachedSettings) {
  const { tls, auth, username, password } = settings
  const credentials =
    username === undefined || password === undefined ? null : { auth, username, password }
  return { timeout: timeoutOf(settings), tls: tls ?? null, credentials }
}

function refuseTwins(servers: readonly string[], context: z.core.$RefinementCtx): void {
  const names = servers.map((text) => parseAddress(text)?.ringName)
  for (const [at, name] of names.entries()) {
    if (name === undefined || names.indexOf(name) === at) continue
    context.addIssue({ code: 'custom', path: [at], message: 'expected each server once' })
  }
}

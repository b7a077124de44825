/** Where the API listens, to whom, and how much it takes, as the config says it. */
import { z } from 'zod'
import { SCOPES } from './scopes.js'

const HOST_PORT = /^(\[[0-9a-f:.]+\]|[\w.-]+):(\d{1,5})$/i

const token = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.@-]{1,64}$/, 'expected up to 64 letters, digits or any of ". @ - _"')
    .describe('Whose it is. Shown in logs and as the author of marks.'),
  scope: z
    .enum(SCOPES)
    .default('read')
    .describe('read: look up, enrich, read. operate: also sync, backscan, mark hits, record them.'),
  hash: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'expected what `tipline token new NAME` prints')
    .describe('What `tipline token new NAME` prints. The token itself is kept nowhere.'),
})

const tls = z.strictObject({
  cert_file: z
    .string()
    .min(1)
    .describe('The certificate and those up to the authority, in PEM form. Read again on change.'),
  privkey_file: z.string().min(1).describe('Its private key, without a password, in PEM form.'),
})

const limits = z.strictObject({
  requests_per_second: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .default(5000)
    .describe('Of one token or, without one, of one address. What is above is answered with 429.'),
  connections: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Open at the same time.'),
  body: z
    .number()
    .int()
    .min(1024)
    .max(1024 * 1024 * 1024)
    .default(8 * 1024 * 1024)
    .describe('Bytes of a request. Of /v1/enrich it does not count: that one is a stream.'),
  streams: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(8)
    .describe('Calls of /v1/enrich at the same time.'),
})

export const httpSettings = z
  .strictObject({
    listen: z
      .string()
      .refine((text) => text === 'off' || parseListen(text) !== null, {
        error: 'expected host:port such as 127.0.0.1:8787, unix:/path/of/socket, or off',
      })
      .default('127.0.0.1:8787')
      .describe(
        'host:port, `unix:` and the path of a socket, or `off`. Without tokens only loopback or a socket.',
      ),
    hosts: z
      .array(z.string().regex(/^[\w.:[\]-]+$/, 'expected a host name'))
      .default([])
      .describe(
        'Names by which it is reached, e.g. behind a proxy. On loopback requests for other names are refused.',
      ),
    tokens: z.array(token).default([]).describe('Who may ask. `tipline token new NAME` makes one.'),
    tls: tls.optional().describe('Without it, HTTP in the clear.'),
    limits: limits.prefault({}).describe('How much is taken.'),
  })
  .superRefine(({ listen, tokens }, context) => {
    if (tokens.length === 0 && !isPrivate(parseListen(listen))) {
      const message = 'expected a loopback address or a unix socket, because there are no tokens'
      context.addIssue({ code: 'custom', path: ['listen'], message })
    }
    for (const [index, { name }] of tokens.entries()) {
      if (tokens.findIndex((other) => other.name === name) === index) continue
      const message = 'expected a name of its own'
      context.addIssue({ code: 'custom', path: ['tokens', index, 'name'], message })
    }
  })

export type HttpSettings = z.output<typeof httpSettings>

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }

/** null: it is `off`, or nothing that can be understood. */
export function parseListen(text: string): ListenAddress | null {
  if (text.startsWith('unix:') && text.length > 5) return { kind: 'unix', path: text.slice(5) }
  const [, host = '', digits = ''] = HOST_PORT.exec(text) ?? []
  const port = Number(digits)
  if (host === '' || port > 65_535) return null
  return { kind: 'tcp', host: host.replace(/^\[|\]$/g, ''), port }
}

/** Reached from this machine alone. */
export function isPrivate(address: ListenAddress | null): boolean {
  return address?.kind !== 'tcp' || isLoopback(address.host)
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host)
}

/**
 * A webhook of one's own: JSON by POST, signed as Standard Webhooks has it.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
import { createHmac } from 'node:crypto'
import { z } from 'zod'
import { alertDocument } from '../document.js'
import { commonSettings, nameSetting } from '../settings.js'
import { allTemplates } from '../templates.js'
import type { Channel, ChannelDeps } from './channel.js'
import { hasUrl, NEEDS_URL, post, receiverSettings } from './post.js'

/** They say how a message travels; one that says otherwise is never sent. */
const OF_HTTP: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What HTTP lets a header be (RFC 9110): nothing that could end it. */
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'expected the name of a header')
  .refine((name) => !OF_HTTP.has(name.toLowerCase()), 'that header is for HTTP alone to say')
const headerValue = z.string().regex(/^[\t\x20-\x7e]*$/, 'expected printable ASCII in one line')

export const webhookSettings = z
  .strictObject({
    name: nameSetting,
    type: z.literal('webhook').describe('JSON by POST, to a program of your own.'),
    ...receiverSettings,
    token: headerValue
      .min(1)
      .optional()
      .describe('Sent as `Authorization: Bearer`; best from the environment.'),
    token_file: z.string().min(1).optional().describe('A file that holds the token.'),
    secret: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Signs each message (HMAC-SHA256, `webhook-signature` of Standard Webhooks); `whsec_` and base64, or any text.',
      ),
    secret_file: z.string().min(1).optional().describe('A file that holds the secret.'),
    headers: z.record(headerName, headerValue).optional().describe('More headers to send.'),
    templates: allTemplates,
    ...commonSettings,
  })
  .refine(hasUrl, NEEDS_URL)

export type WebhookSettings = z.output<typeof webhookSettings>

export function webhookChannel(settings: WebhookSettings, deps: ChannelDeps): Channel {
  const { token, secret, templates } = settings
  // However they are spelled, none goes out twice.
  const headers = Object.fromEntries(
    Object.entries(settings.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const secrets = [token, secret, ...Object.values(headers)]
  return {
    name: settings.name,
    send: (alert, signal) => {
      const body = alertDocument(alert, templates)
      const signed = signature({ secret, id: alert.id, body, now: deps.clock() })
      const own = { 'idempotency-key': alert.id, ...signed }
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const sent = { ...headers, ...authorization, ...own }
      return post({ receiver: settings, headers: sent, body, secrets, signal }, deps)
    },
    close: async () => undefined,
  }
}

function signature(input: {
  secret: string | undefined
  id: string
  body: string
  now: number
}): Record<string, string> {
  const { secret, id, body, now } = input
  const timestamp = String(Math.floor(now / 1000))
  const facts = { 'webhook-id': id, 'webhook-timestamp': timestamp }
  if (secret === undefined) return facts
  const code = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`)
  return { ...facts, 'webhook-signature': `v1,${code.digest('base64')}` }
}

function keyOf(secret: string): Buffer {
  const [, encoded] = /^whsec_([A-Za-z0-9+/]+=*)$/.exec(secret) ?? []
  return encoded === undefined ? Buffer.from(secret) : Buffer.from(encoded, 'base64')
}

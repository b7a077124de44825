/** Mail by SMTP, plain text only: nothing in it can be clicked, loaded or hidden. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { AlertRefused, ChannelUnavailable } from '../../../errors.js'
import { contextFrom } from '../../../net.js'
import type { ToldAlert } from '../disclose.js'
import { caFile, commonSettings, nameSetting, timeoutOf } from '../settings.js'
import { allTemplates } from '../templates.js'
import { wordsOf } from '../words.js'
import type { Channel, ChannelDeps } from './channel.js'
import { answerText, faulty, fromFiles, translated } from './fault.js'

const address = z
  .string()
  .regex(
    /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/,
    'expected a plain address such as soc@example.org',
  )

const PORTS = { starttls: 587, tls: 465, none: 25 } as const

export const emailSettings = z
  .strictObject({
    name: nameSetting,
    type: z.literal('email').describe('Mail by SMTP, as plain text.'),
    server: z
      .string()
      .regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]*$/, 'expected the name or address of a mail server')
      .refine((server) => !/^[^:]*:\d*$/.test(server), {
        error: 'expected it without a port, which has a setting of its own (`port`)',
      })
      .describe('The mail server, without a port.'),
    port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('Default: 587, with `tls` 465, with `none` 25.'),
    security: z
      .enum(['starttls', 'tls', 'none'])
      .default('starttls')
      .describe(
        '`starttls` and `tls` never fall back to plain text; `none` is for a relay on this machine.',
      ),
    ca_file: caFile.optional(),
    username: z.string().min(1).optional().describe('Who tipline is to the server.'),
    password: z.string().min(1).optional().describe('Its password; best from the environment.'),
    password_file: z.string().min(1).optional().describe('A file that holds the password.'),
    from: address.describe('The sender.'),
    to: z.array(address).min(1).describe('Who gets it.'),
    templates: allTemplates,
    ...commonSettings,
  })
  .refine(
    ({ username, password, password_file }) =>
      (username === undefined) === (password === undefined && password_file === undefined),
    { error: 'expected username and password, or neither', path: ['username'] },
  )
  .refine(
    ({ security, username, server }) =>
      security !== 'none' || username === undefined || isLocal(server),
    {
      error: 'expected starttls or tls: a password would go in plain text',
      path: ['security'],
    },
  )

export type EmailSettings = z.output<typeof emailSettings>

export function emailChannel(settings: EmailSettings, deps: ChannelDeps): Channel {
  return {
    name: settings.name,
    send: (alert, signal) => sendMail({ alert, settings, deps, signal }),
    close: async () => undefined,
  }
}

interface Sending {
  readonly alert: ToldAlert
  readonly settings: EmailSettings
  readonly deps: ChannelDeps
  readonly signal: AbortSignal
}

async function sendMail({ alert, settings, deps, signal }: Sending): Promise<string> {
  const { name: channel, password } = settings
  // Heavy, and most have no such channel.
  const { createTransport } = await import('nodemailer')
  const transport = createTransport(transportOptions(settings, deps))
  try {
    signal.throwIfAborted()
    const sent = await abortable(transport.sendMail(mailOf(alert, settings)), signal)
    const rejected = sent.rejected.length
    if (rejected > 0)
      deps.log.warn({ channel, rejected }, 'the mail server refused some recipients')
    const some = rejected === 0 ? '' : `, ${rejected} of ${settings.to.length} recipients refused`
    return `${answerText(sent.response, [password])}${some}`
  } catch (error) {
    throw verdict(error, { settings, signal })
  } finally {
    transport.close()
  }
}

function transportOptions(settings: EmailSettings, { hostname }: ChannelDeps) {
  const { name, server, security, ca_file, port, username, password } = settings
  const timeout = timeoutOf(settings)
  return {
    host: server,
    port: port ?? PORTS[security],
    name: hostname,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    tls: {
      secureContext: fromFiles(name, () => contextFrom({ ca_file })),
    },
    ...(username !== undefined && { auth: { user: username, pass: password ?? '' } }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

/** The same however often it is sent: mail servers and readers know a second copy by its Message-ID. */
function mailOf(alert: ToldAlert, { from, to, templates }: EmailSettings) {
  const words = wordsOf(alert, templates)
  return {
    from,
    to: [...to],
    subject: words.subject,
    text: `${words.body}\n`,
    messageId: `<${alert.id}@${from.slice(from.indexOf('@') + 1)}>`,
    date: new Date(alert.at),
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    xMailer: false as const,
  }
}

/** What nodemailer says of a failure. https://nodemailer.com/errors/ */
interface MailError extends Error {
  readonly code?: string
  /** The system's or OpenSSL's own word, where `code` is nodemailer's. */
  readonly originalCode?: string
  readonly command?: string
  readonly response?: string
  readonly responseCode?: number
}

/** Only what is said to the message itself is its fault; all else is the server's, or the config's. */
function verdict(
  error: unknown,
  { settings, signal }: { settings: EmailSettings; signal: AbortSignal },
) {
  const { name: channel, password, ca_file: caFile } = settings
  if (signal.aborted || !(error instanceof Error)) return signal.reason ?? error
  const { code, originalCode, command, response, responseCode = 0 } = error as MailError
  if (responseCode > 0) {
    const what = `${channel} answered ${answerText(response ?? String(responseCode), [password])} to ${command ?? 'us'}`
    const hint = 'the mail server does not take this message'
    if (responseCode >= 500 && command === 'DATA')
      return new AlertRefused({ channel, what, hint, cause: error })
    return new ChannelUnavailable({
      channel,
      what,
      hint: HINTS[command ?? ''] ?? 'it is tried again',
      cause: error,
    })
  }
  if (code === 'ETLS') return faulty(channel, 'tls', { cause: error, code, caFile })
  if (code === 'ETIMEDOUT') return faulty(channel, 'timeout', { cause: error, code })
  const meant =
    originalCode === undefined
      ? error
      : Object.assign(new Error(error.message, { cause: error }), { code: originalCode })
  const found = translated(meant, { channel, caFile, signal, deadline: signal })
  if (found !== meant || code === undefined) return found
  return faulty(channel, 'unreachable', { cause: error, code: originalCode ?? code })
}

const HINTS: Readonly<Record<string, string>> = {
  'AUTH PLAIN': 'check username and password',
  'AUTH LOGIN': 'check username and password',
  STARTTLS: 'does it offer STARTTLS on this port? `security: tls` is for port 465',
  'MAIL FROM': 'may this machine send as `from`?',
  'RCPT TO': 'does the server take mail for `to`?',
}

/** nodemailer knows no signal: what is on its way then goes on, and nobody waits for it. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function isLocal(server: string): boolean {
  return (
    server === 'localhost' || server === '::1' || (isIP(server) === 4 && server.startsWith('127.'))
  )
}

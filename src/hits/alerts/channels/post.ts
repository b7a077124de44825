/**
 * One POST of JSON to a receiver that the config names. A redirect is never followed: where messages go
 * is for the config to say. Each has a connection of its own, as alerts are rare and a kept one may have
 * died meanwhile.
 */
import { type Dispatcher, request } from 'undici'
import { z } from 'zod'
import { AlertRefused, ChannelUnavailable } from '../../../errors.js'
import { createDispatcher, readPem } from '../../../net.js'
import { caFile, timeoutOf } from '../settings.js'
import type { ChannelDeps } from './channel.js'
import { answerText, fromFiles, translated } from './fault.js'

const receiverUrl = z
  .string()
  .refine(
    isReceiver,
    'expected a URL that begins with https:// or http://, without user and password',
  )

export const receiverSettings = {
  url: receiverUrl
    .optional()
    .describe('Where messages are posted. Treated as a secret: whoever knows it can post there.'),
  url_file: z.string().min(1).optional().describe('A file that holds the URL.'),
  ca_file: caFile.optional(),
  proxy: z
    .string()
    .optional()
    .describe(
      'A proxy\'s URL, or "" for none. Default: HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment.',
    ),
}

export interface Receiver {
  readonly name: string
  readonly url?: string | undefined
  readonly ca_file?: string | undefined
  readonly proxy?: string | undefined
  readonly timeout: string
}

export interface Post {
  readonly receiver: Receiver
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** To be kept out of what is said of the answer. */
  readonly secrets: readonly (string | undefined)[]
  readonly signal: AbortSignal
}

/** Beyond this an answer is not read. */
const MOST_ANSWER_BYTES = 2048

/** What the receiver answered. @throws ChannelUnavailable, AlertRefused */
export async function post(message: Post, { log, env }: ChannelDeps): Promise<string> {
  const { receiver, signal } = message
  const { name: channel, url = '', proxy } = receiver
  const deadline = AbortSignal.timeout(timeoutOf(receiver))
  const { ca_file } = receiver
  const dispatcher = fromFiles(channel, () => {
    const ca = ca_file === undefined ? undefined : readPem('ca_file', ca_file)
    return createDispatcher({ url, ca, proxy, env, log, connections: 1 })
  })
  try {
    return await exchange(message, { dispatcher, signal: AbortSignal.any([signal, deadline]) })
  } catch (error) {
    throw translated(error, { channel, caFile: ca_file, signal, deadline })
  } finally {
    await dispatcher.destroy()
  }
}

async function exchange(
  { receiver, headers, body, secrets }: Post,
  { dispatcher, signal }: { dispatcher: Dispatcher; signal: AbortSignal },
): Promise<string> {
  const response = await request(receiver.url ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'tipline', ...headers },
    body,
    reset: true,
    dispatcher,
    signal,
  })
  const said = answerText(await beginningOf(response.body), [...secrets, receiver.url])
  const status = response.statusCode
  const answer = `HTTP ${status}${said === '' ? '' : `: ${said}`}`
  if (status >= 200 && status < 300) return answer
  throw verdict({ channel: receiver.name, status, answer, afterMs: retryAfter(response.headers) })
}

async function beginningOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of body) {
    parts.push(part as Buffer)
    size += (part as Buffer).length
    if (size >= MOST_ANSWER_BYTES) break
  }
  return Buffer.concat(parts).subarray(0, MOST_ANSWER_BYTES).toString('utf8')
}

interface Answered {
  readonly channel: string
  readonly status: number
  readonly answer: string
  readonly afterMs: number | undefined
}

/**
 * Of the 4xx these speak of the receiver or of who we are, not of the message: with another URL, token or
 * time it may be taken.
 */
const NOT_THE_MESSAGE = new Set([401, 402, 403, 404, 405, 407, 408, 410, 421, 425, 429])

function verdict({ channel, status, answer, afterMs }: Answered): Error {
  const what = `${channel} answered ${answer}`
  if (status >= 300 && status < 400) {
    const hint = 'redirects are not followed: put the right address into the config'
    return new ChannelUnavailable({ channel, what, hint })
  }
  if (status >= 500 || NOT_THE_MESSAGE.has(status)) {
    const hint = status >= 500 || status === 429 ? 'it is tried again' : 'check its url and token'
    return new ChannelUnavailable({ channel, what, hint, afterMs })
  }
  return new AlertRefused({ channel, what, hint: 'the receiver does not take this message' })
}

const LONGEST_WAIT_MS = 3_600_000

/** In seconds, as such receivers write it; a date is passed over. */
function retryAfter(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const seconds = Number(headers['retry-after'])
  return Number.isFinite(seconds) && seconds > 0
    ? Math.min(seconds * 1000, LONGEST_WAIT_MS)
    : undefined
}

function isReceiver(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && username === '' && password === ''
}

/** A text of an `url` or `url_file`, whichever was given, is there. */
export function hasUrl({
  url,
  url_file,
}: {
  url?: string | undefined
  url_file?: string | undefined
}) {
  return (url === undefined) !== (url_file === undefined)
}

export const NEEDS_URL = { error: 'expected either url or url_file', path: ['url'] }

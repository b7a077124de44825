/**
 * One request to a source and its answer, streamed. Whatever can go wrong on the way comes out as a
 * SourceError; a redirect is never followed.
 */
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Dispatcher, request } from 'undici'
import { SourceError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { networkFault } from '../net.js'
import {
  connectionError,
  cutError,
  deadlineError,
  oversizeError,
  pageError,
  type Subject,
  statusError,
} from './faults.js'

export interface Timeouts {
  /** Until the first byte: MISP works a whole page out before it answers. */
  readonly answerMs: number
  /** Without a byte in the middle of an answer. */
  readonly idleMs: number
  /** For one request as a whole. */
  readonly totalMs: number
}

export interface Target extends Subject {
  /** Ends in a slash. */
  readonly base: URL
  readonly headers: Readonly<Record<string, string>>
  readonly dispatcher: Dispatcher
  readonly log: Logger
  readonly metrics: Metrics
  readonly timeouts: Timeouts
}

export interface Question {
  /** Below the base, without a leading slash. */
  readonly path: string
  /** Sent as JSON with POST; without it, a GET. */
  readonly body?: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Epoch seconds by the source's clock, when the answer began; null where it doesn't say. */
  readonly date: number | null
  /** Must be read, or left, to free the connection. Leaving early closes it. */
  readonly chunks: AsyncIterable<Buffer>
}

export const TIMEOUTS: Timeouts = { answerMs: 120_000, idleMs: 120_000, totalMs: 1_800_000 }

const ERROR_BODY_BYTES = 8 * 1024

/**
 * Asks once. @throws SourceError; when aborted, the signal's reason
 */
export async function ask(
  target: Target,
  question: Question,
  signal: AbortSignal,
): Promise<Answer> {
  const deadline = startDeadline(target, signal)
  let body: Readable | undefined
  try {
    const response = await request(new URL(question.path, target.base), {
      method: question.body === undefined ? 'GET' : 'POST',
      headers: headersFor(target, question),
      body: question.body === undefined ? null : JSON.stringify(question.body),
      dispatcher: target.dispatcher,
      signal: deadline.signal,
      headersTimeout: target.timeouts.answerMs,
      bodyTimeout: target.timeouts.idleMs,
    })
    body = response.body
    countRequest(target, String(response.statusCode))
    if (response.statusCode !== 200) throw await refusal(target, response)
    const chunks = received({ target, body: plain(response), deadline })
    return { headers: response.headers, date: dateOf(response.headers), chunks }
  } catch (error) {
    body?.destroy()
    deadline.stop()
    throw translated({ target, error, deadline, answering: false })
  }
}

/** The whole answer as JSON. @throws SourceError also when it is longer than `maxBytes`, or no JSON */
export async function askJson(
  target: Target,
  input: { readonly question: Question; readonly maxBytes: number; readonly signal: AbortSignal },
): Promise<{ readonly json: unknown; readonly answer: Answer }> {
  const answer = await ask(target, input.question, input.signal)
  const thing = input.question.path
  const bytes = await wholeBody(target, { answer, thing, maxBytes: input.maxBytes })
  return { json: parseWhole(target, bytes), answer }
}

export async function wholeBody(
  target: Target,
  input: { readonly answer: Answer; readonly thing: string; readonly maxBytes: number },
): Promise<Buffer> {
  const { answer, thing, maxBytes } = input
  const parts: Buffer[] = []
  let size = 0
  for await (const chunk of answer.chunks) {
    size += chunk.length
    if (size > maxBytes) throw oversizeError(target, { thing, maxBytes })
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** @throws SourceError `cut` for nothing and for half a document, `not-misp` for a page */
export function parseWhole(subject: Subject, bytes: Buffer): unknown {
  const text = bytes.toString('utf8').replace(/^\ufeff/, '')
  if (text.trim() === '') throw cutError(subject, 'answered nothing at all')
  if (text.trimStart().startsWith('<')) throw pageError(subject)
  try {
    return JSON.parse(text)
  } catch {
    throw cutError(subject, 'sent something that is not whole JSON')
  }
}

/** Header names are lower case. */
export function headerText(headers: Answer['headers'], name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

interface Deadline {
  readonly signal: AbortSignal
  readonly caller: AbortSignal
  readonly hasPassed: () => boolean
  readonly stop: () => void
}

/** The caller's signal and a time limit in one, without leaving a listener on the caller's. */
function startDeadline({ timeouts }: Target, caller: AbortSignal): Deadline {
  caller.throwIfAborted()
  const controller = new AbortController()
  let passed = false
  const timer = setTimeout(() => {
    passed = true
    controller.abort()
  }, timeouts.totalMs)
  const forward = () => controller.abort(caller.reason)
  caller.addEventListener('abort', forward, { once: true })
  const stop = () => {
    clearTimeout(timer)
    caller.removeEventListener('abort', forward)
  }
  return { signal: controller.signal, caller, hasPassed: () => passed, stop }
}

function headersFor(target: Target, { body }: Question): Record<string, string> {
  return {
    ...target.headers,
    accept: 'application/json',
    'accept-encoding': 'gzip',
    'user-agent': 'tipline',
    // Without it MISP ignores the body, and with it every filter: it answers with all attributes.
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  }
}

async function* received(input: {
  target: Target
  body: Readable
  deadline: Deadline
}): AsyncGenerator<Buffer, void, undefined> {
  const { target, body, deadline } = input
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      target.metrics.count(
        'tipline_misp_received_bytes_total',
        { source: target.name },
        chunk.length,
      )
      yield chunk
    }
  } catch (error) {
    throw translated({ target, error, deadline, answering: true })
  } finally {
    body.destroy()
    deadline.stop()
  }
}

type Response = Awaited<ReturnType<typeof request>>

/** Unpacked where a web server packed it. */
function plain({ body, headers }: Response): Readable {
  const coding = headerText(headers, 'content-encoding')
  if (coding !== 'gzip' && coding !== 'x-gzip') return body
  const gunzip = createGunzip()
  body.on('error', (error: Error) => gunzip.destroy(error))
  gunzip.on('close', () => body.destroy())
  return body.pipe(gunzip)
}

function translated(failure: {
  target: Target
  error: unknown
  deadline: Deadline
  answering: boolean
}): unknown {
  const { target, error, deadline, answering } = failure
  if (deadline.caller.aborted) return deadline.caller.reason
  if (error instanceof SourceError) return error
  if (deadline.hasPassed()) return deadlineError(target, target.timeouts.totalMs / 1000)
  const fault = networkFault(error)
  if (!fault) return error
  const broken = answering && fault.fault === 'unreachable'
  const seen = broken ? { ...fault, fault: 'cut' as const } : fault
  if (!answering) countRequest(target, seen.fault)
  return connectionError(target, { fault: seen, cause: error })
}

async function refusal(target: Target, response: Response): Promise<SourceError> {
  const { statusCode, headers } = response
  return statusError(target, {
    status: statusCode,
    location: headerText(headers, 'location'),
    retryAfterMs: retryAfter(headers),
    contentType: headerText(headers, 'content-type') ?? '',
    body: await beginningOf(plain(response)),
  })
}

/** An error's body is worth a look, not a failure of its own. */
async function beginningOf(body: Readable): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      parts.push(chunk)
      size += chunk.length
      if (size >= ERROR_BODY_BYTES) break
    }
  } catch (error) {
    if (networkFault(error) === undefined) throw error
  }
  return Buffer.concat(parts).toString('utf8')
}

/** MISP says X-Rate-Limit-Reset, proxies say Retry-After; both in seconds. */
function retryAfter(headers: Answer['headers']): number | undefined {
  const text = headerText(headers, 'x-rate-limit-reset') ?? headerText(headers, 'retry-after')
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) * 1000 : undefined
}

function dateOf(headers: Answer['headers']): number | null {
  const ms = Date.parse(headerText(headers, 'date') ?? '')
  return Number.isNaN(ms) ? null : Math.floor(ms / 1000)
}

function countRequest({ metrics, name }: Target, status: string): void {
  metrics.count('tipline_misp_requests_total', { source: name, status })
}

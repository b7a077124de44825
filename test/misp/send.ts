/** Puts an answer on the wire: headers in MISP's order, at a pace, or broken on purpose. */
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Piece } from './answers.js'

export interface Sending {
  readonly response: ServerResponse
  readonly answer: Answer
  readonly head: boolean
  /** Unix seconds for the Date header. */
  readonly now: number
  /** Attributes per second, as it is wanted at each moment; undefined: as fast as it goes. */
  readonly pace: () => number | undefined
  readonly broken: Breakage | undefined
  /** When the request came in (`performance.now()`): the pace counts from there. */
  readonly since: number
}

/** Ways for a body to go wrong. `at` is the share of the body that gets out first. */
export type Breakage =
  | { readonly kind: 'cut-length'; readonly at: number }
  | { readonly kind: 'cut-chunked'; readonly at: number }
  | { readonly kind: 'cut-clean'; readonly at: number }
  | { readonly kind: 'slow'; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: 'hang'; readonly at: number | undefined }
  | { readonly kind: 'reset' }

export async function send(sending: Sending): Promise<void> {
  const { response, broken } = sending
  if (broken?.kind === 'reset') {
    response.socket?.resetAndDestroy()
    return
  }
  if (broken?.kind === 'hang' && broken.at === undefined) return
  writeHead(sending)
  if (sending.head || sending.answer.pieces === undefined) {
    response.end()
    return
  }
  if (broken) await writeBroken(sending, broken)
  else await writePaced(sending, sending.answer.pieces)
}

function writeHead({ response, answer, now, broken }: Sending): void {
  response.sendDate = false
  const unknownLength = answer.pieces === undefined || broken?.kind === 'cut-chunked'
  const bytes = broken?.kind === 'cut-clean' ? Math.floor(answer.bytes * broken.at) : answer.bytes
  const headers = [
    ['Server', 'nginx/1.22.1'],
    ['Date', new Date(now * 1000).toUTCString()],
    ['Content-Type', answer.type],
    unknownLength ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(bytes)],
    ['Connection', 'keep-alive'],
    ...(answer.cookie ? [['Set-Cookie', cookie(now)]] : []),
    ...answer.headers,
  ]
  response.writeHead(answer.status, headers.flat() as string[])
}

function cookie(now: number): string {
  const expires = new Date((now + 3600) * 1000).toUTCString()
  return `CAKEPHP=0123456789abcdef; expires=${expires}; Max-Age=3600; path=/; HttpOnly; SameSite=Lax`
}

/** Holds the average: no piece leaves before its attributes are due. */
async function writePaced(sending: Sending, pieces: Iterable<Piece>): Promise<void> {
  const { response, pace, since } = sending
  let rows = 0
  for (const { data, rows: more } of pieces) {
    rows += more
    await due(() => since + (rows / (pace() ?? Number.POSITIVE_INFINITY)) * 1000)
    if (!(await write(response, data))) return
  }
  response.end()
}

/** In steps, since it may be due earlier than it was. */
async function due(at: () => number): Promise<void> {
  for (let left = at() - performance.now(); left > 1; left = at() - performance.now()) {
    await sleep(Math.min(left, 100))
  }
}

/** False when the client has gone. */
async function write(response: ServerResponse, data: Buffer): Promise<boolean> {
  if (response.destroyed) return false
  if (response.write(data)) return true
  await new Promise<void>((resolve) => {
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })
  return !response.destroyed
}

async function writeBroken(sending: Sending, broken: Breakage): Promise<void> {
  const { response } = sending
  const body = Buffer.concat([...sending.answer.pieces!].map((piece) => piece.data))
  if (broken.kind === 'slow') {
    await dribble(response, body, broken)
    return
  }
  const share = 'at' in broken ? (broken.at ?? 0.5) : 0.5
  await write(response, body.subarray(0, Math.floor(body.length * share)))
  if (broken.kind === 'cut-clean') response.end()
  else if (broken.kind !== 'hang') setTimeout(() => response.socket?.destroy(), 20)
}

async function dribble(
  response: ServerResponse,
  body: Buffer,
  how: { readonly bytes: number; readonly everyMs: number },
): Promise<void> {
  for (let at = 0; at < body.length; at += how.bytes) {
    if (!(await write(response, body.subarray(at, at + how.bytes)))) return
    await sleep(how.everyMs)
  }
  response.end()
}

/** Serves a feed folder over HTTP like a plain web server, with the stand-in's faults on demand. */
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Answer, said } from '../misp/answers.js'
import { breakage, Faults, spoilAnswer, wholeAnswer } from '../misp/faults.js'
import { send } from '../misp/send.js'

export interface FeedRequest {
  readonly path: string
  /** 0 for a request that got no answer. */
  readonly status: number
}

export interface FeedServer {
  /** Ends in a slash: `new URL('manifest.json', url)`. */
  readonly url: string
  /** `{ kind: 'not-found' }` is `{ kind: 'answer', status: 404, body: ... }`: see NOT_FOUND. */
  readonly faults: Faults
  readonly requests: FeedRequest[]
  close(): Promise<void>
}

/** For `faults.next({ ...NOT_FOUND, path: 'manifest.json' })`. */
export const NOT_FOUND = {
  kind: 'answer',
  status: 404,
  type: 'text/html',
  body: '<html>\r\n<head><title>404 Not Found</title></head>\r\n</html>\r\n',
} as const

export async function serveFeed(folder: string): Promise<FeedServer> {
  const faults = new Faults()
  const requests: FeedRequest[] = []
  const server = createServer((request, response) => {
    serve({ folder, faults, requests, request, response }).catch((error: unknown) =>
      response.destroy(error as Error),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    faults,
    requests,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Serving {
  readonly folder: string
  readonly faults: Faults
  readonly requests: FeedRequest[]
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

async function serve({ folder, faults, requests, request, response }: Serving): Promise<void> {
  const path = (request.url ?? '/').replace(/\?.*$/s, '')
  const asked = { path, filters: {}, origin: `http://${request.headers.host}` }
  const struck = faults.strike(asked)
  const whole = struck.map((fault) => wholeAnswer(fault, asked)).find(Boolean)
  const answer = whole ?? spoilAnswer(struck, file(folder, path, request))
  const broken = struck.map(breakage).find(Boolean)
  const silent = broken?.kind === 'hang' || broken?.kind === 'reset'
  requests.push({ path, status: silent ? 0 : answer.status })
  const head = request.method === 'HEAD' || answer.status === 304
  const now = Math.floor(Date.now() / 1000)
  const since = performance.now()
  const bare = { ...answer, cookie: false }
  await send({ response, answer: bare, head, now, pace: () => undefined, broken, since })
}

function file(folder: string, path: string, request: IncomingMessage): Answer {
  const name = decodeURIComponent(path).replace(/^\/+/, '')
  const full = join(folder, name)
  if (name.includes('..') || !existsSync(full) || !statSync(full).isFile()) {
    return said(NOT_FOUND.body, NOT_FOUND)
  }
  const { mtime, size } = statSync(full)
  const tag = `"${Math.floor(mtime.getTime()).toString(16)}-${size.toString(16)}"`
  const headers = [
    ['Last-Modified', mtime.toUTCString()],
    ['ETag', tag],
  ] as const
  if (request.headers['if-none-match'] === tag) return said('', { status: 304, headers })
  const type = name.endsWith('.json') ? 'application/json' : 'text/csv'
  return said(readFileSync(full), { type, headers })
}

/** Each error that a real MISP was recorded to give is taken for what it is. */
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SourceError, type SourceFault } from '../../src/errors.js'
import { silentLogger } from '../../src/log.js'
import { createDispatcher } from '../../src/net.js'
import { createAuthority } from './certs.js'
import { allRows, clientFor, NEVER, type TestClient } from './client.js'
import { type Running, serve, serveTls } from './servers.js'

interface Recorded {
  readonly name: string
  readonly request: { readonly method: string; readonly path: string }
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const RECORDED = JSON.parse(
  readFileSync(new URL('../fixtures/misp-client/errors.json', import.meta.url), 'utf8'),
) as Recorded[]

const FAULT_OF_STATUS: Readonly<Record<number, SourceFault>> = {
  302: 'maintenance',
  400: 'not-misp',
  403: 'forbidden',
  404: 'not-misp',
  405: 'not-misp',
  429: 'rate-limited',
  500: 'server-error',
  502: 'server-error',
}
const EMPTY = '{"response": {"Attribute": []}}\n'

let server: Running
let answer: (response: ServerResponse) => void
let asked = 0
const clients: TestClient[] = []

beforeAll(async () => {
  server = await serve((request, response) => {
    asked++
    request.resume()
    answer(response)
  })
})
afterEach(async () => {
  asked = 0
  for (const client of clients.splice(0)) await client.close()
})
afterAll(() => server.close())

function client(options: Parameters<typeof clientFor>[1] = {}, url = urlOf(server)): TestClient {
  const made = clientFor(url, options)
  clients.push(made)
  return made
}

function urlOf({ port }: Running, scheme = 'http'): string {
  return `${scheme}://127.0.0.1:${port}`
}

async function failureOf(test: TestClient): Promise<SourceError> {
  const error = await allRows(test.client.attributes({}, {}, NEVER)).catch((e: unknown) => e)
  if (error instanceof SourceError) return error
  throw new Error('expected a SourceError', { cause: error })
}

describe('recorded errors', () => {
  it('are there', () => {
    expect(RECORDED.length).toBeGreaterThan(50)
  })

  it.each(RECORDED.map((recorded) => [recorded.name, recorded] as const))(
    '%s',
    async (_, recorded) => {
      answer = (response) =>
        response.writeHead(recorded.status, recorded.headers).end(recorded.body)
      const test = client()
      const error = await failureOf(test)
      const fault = FAULT_OF_STATUS[recorded.status] as SourceFault
      expect(error).toMatchObject({ fault, source: 'main', status: recorded.status, exitStatus: 3 })
      expect(error.message).toContain(`MISP main (127.0.0.1:${server.port})`)
      expect(error.hint).toBeTruthy()
      const passing = ['server-error', 'rate-limited'].includes(fault)
      expect(asked).toBe(passing ? 6 : 1)
    },
  )

  it('say what MISP says', async () => {
    const recorded = RECORDED.find(({ name }) => name === 'error_key_other_ip') as Recorded
    answer = (response) => response.writeHead(403, recorded.headers).end(recorded.body)
    const { hint } = await failureOf(client())
    expect(hint).toContain('It is not possible to use this Auth key from your IP address')
  })
})

describe('answers that are none', () => {
  const json = { 'content-type': 'application/json' }
  const cases: [string, SourceFault, (response: ServerResponse) => void][] = [
    ['a login page with 200', 'not-misp', (r) => r.end('<!DOCTYPE html><html>')],
    ['another service', 'not-misp', (r) => r.writeHead(200, json).end('{"status":"ok"}')],
    ['nothing', 'cut', (r) => r.writeHead(200, json).end()],
    ['half of it', 'cut', (r) => r.writeHead(200, json).end(EMPTY.slice(0, 20))],
    [
      'less than announced',
      'cut',
      (r) => {
        r.writeHead(200, { ...json, 'content-length': 100 })
        r.write(EMPTY)
        setTimeout(() => r.socket?.destroy(), 5)
      },
    ],
    [
      'a stream that breaks off',
      'cut',
      (r) => {
        r.writeHead(200, json)
        r.write(EMPTY)
        setTimeout(() => r.socket?.destroy(), 5)
      },
    ],
    [
      'a packed stream that breaks off',
      'cut',
      (r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(EMPTY).subarray(0, 25)),
    ],
    [
      'bytes that are not packed',
      'cut',
      (r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(EMPTY),
    ],
    ['a closed connection', 'unreachable', (r) => r.socket?.destroy()],
    ['a reset connection', 'unreachable', (r) => r.socket?.resetAndDestroy()],
    ['no HTTP', 'not-misp', (r) => r.socket?.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['an answer without content', 'not-misp', (r) => r.writeHead(204).end()],
    [
      'a redirect to TLS',
      'not-misp',
      (r) => r.writeHead(301, { location: 'https://misp.example/' }).end(),
    ],
    [
      'a relative redirect to the login',
      'maintenance',
      (r) => r.writeHead(302, { location: '/misp/users/login' }).end(),
    ],
    ['a redirect to nowhere', 'not-misp', (r) => r.writeHead(302).end()],
    ['a gateway that gave up', 'server-error', (r) => r.writeHead(504).end('<html>')],
    ['a proxy that wants credentials', 'forbidden', (r) => r.writeHead(407).end()],
    ['a request that took too long', 'timeout', (r) => r.writeHead(408).end()],
  ]

  it.each(cases)('%s', async (_, fault, how) => {
    answer = how
    const error = await failureOf(client({ attempts: 2 }))
    expect(error).toMatchObject({ fault })
    expect(error.hint).toBeTruthy()
  })

  it('a redirect is never followed, and says where it points', async () => {
    answer = (response) => response.writeHead(301, { location: urlOf(server) }).end()
    const error = await failureOf(client())
    expect(error.hint).toContain(urlOf(server))
    expect(asked).toBe(1)
  })

  it('a packed answer is read', async () => {
    answer = (r) => r.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(EMPTY))
    expect(await allRows(client().client.attributes({}, {}, NEVER))).toEqual([])
  })
})

describe('time', () => {
  it('runs out before an answer', async () => {
    answer = () => undefined
    const error = await failureOf(client({ attempts: 1, timeouts: { answerMs: 30 } }))
    expect(error).toMatchObject({ fault: 'timeout' })
  })

  it('runs out in the middle of one', async () => {
    answer = (response) => response.writeHead(200).write(EMPTY.slice(0, 15))
    const error = await failureOf(client({ attempts: 1, timeouts: { idleMs: 30 } }))
    expect(error).toMatchObject({ fault: 'timeout' })
  })

  it('runs out for one that drips for ever', async () => {
    answer = (response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(drip))
    }
    const error = await failureOf(client({ attempts: 1, timeouts: { totalMs: 60 } }))
    expect(error).toMatchObject({ fault: 'timeout' })
  })
})

describe('a rate limit', () => {
  const limited = (reset: string) => (response: ServerResponse) => {
    response.writeHead(asked === 1 ? 429 : 200, { 'x-rate-limit-reset': reset }).end(EMPTY)
  }

  it('is waited for as long as MISP says', async () => {
    answer = limited('120')
    const test = client()
    expect(await allRows(test.client.attributes({}, {}, NEVER))).toEqual([])
    expect(test.waits).toEqual([120_500])
    const labels = { source: 'main', reason: 'rate-limited' }
    expect(test.metrics.read('tipline_misp_retries_total', labels)).toBe(1)
  })

  it('is not waited for longer than may be', async () => {
    answer = limited('901')
    const test = client()
    expect(await failureOf(test)).toMatchObject({ fault: 'rate-limited', status: 429 })
    expect(test.waits).toEqual([])
  })

  it('without a number is waited for as any failure is', async () => {
    answer = limited('soon')
    const test = client()
    expect(await allRows(test.client.attributes({}, {}, NEVER))).toEqual([])
    expect(test.waits).toEqual([500])
  })
})

describe('the connection', () => {
  it('that nobody takes is unreachable, and says where', async () => {
    const gone = await serve(() => undefined)
    await gone.close()
    const error = await failureOf(client({ attempts: 2 }, urlOf(gone)))
    expect(error).toMatchObject({ fault: 'unreachable' })
    expect(error.message).toContain(`127.0.0.1:${gone.port}`)
    expect(error.message).toContain('ECONNREFUSED')
  })

  it('with a certificate that nobody vouches for is not trusted, and not tried again', async () => {
    const authority = createAuthority()
    let reached = 0
    const tls = await serveTls(authority.issue({ names: ['127.0.0.1'] }), (_, response) => {
      reached++
      response.end(EMPTY)
    })
    const url = urlOf(tls, 'https')
    const test = client({}, url)
    const error = await failureOf(test)
    expect(error).toMatchObject({ fault: 'tls', hint: expect.stringContaining('ca_file') })
    expect(test.waits).toEqual([])
    const dispatcher = createDispatcher({ url, ca: authority.cert, log: silentLogger(), proxy: '' })
    expect(await allRows(client({ dispatcher }, url).client.attributes({}, {}, NEVER))).toEqual([])
    expect(reached).toBe(1)
    await dispatcher.close()
    await tls.close()
  })

  it.each([
    ['has expired', { from: -3, to: -1 }, '127.0.0.1', /expired and must be renewed/],
    ['is not valid yet', { from: 1, to: 3 }, '127.0.0.1', /compare the clocks/],
    ['is for another name', { from: -1, to: 1 }, 'misp.example', /for another name/],
  ])('with a certificate that %s says what to do', async (_, days, name, hint) => {
    const authority = createAuthority()
    const day = (n: number) => new Date(Date.now() + n * 86_400_000)
    const issued = authority.issue({ names: [name], from: day(days.from), to: day(days.to) })
    const tls = await serveTls(issued, (_, response) => response.end(EMPTY))
    const url = urlOf(tls, 'https')
    const dispatcher = createDispatcher({ url, ca: authority.cert, log: silentLogger(), proxy: '' })
    const error = await failureOf(client({ dispatcher }, url))
    expect(error).toMatchObject({ fault: 'tls', hint: expect.stringMatching(hint) })
    await dispatcher.close()
    await tls.close()
  })
})

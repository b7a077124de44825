/** Who is kept out, and what does no harm. */
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ListenError } from '../../src/errors.js'
import { httpSettings } from '../../src/http/settings.js'
import { TokenBuckets } from '../../src/http/token-buckets.js'
import { hashOf, newToken, Tokens } from '../../src/http/tokens.js'
import { fuzz } from '../fuzz.js'
import { ApiHouse, type Asking, ask, OPERATOR, READER, TOKENS } from './house.js'

const GIVEN = [{ type: 'ip-dst', value: '198.51.100.7' }]
const HOSTILE = `<img src=x onerror=alert(1)>"'\u202e\u0000\r\nSet-Cookie: a=b`

let house: ApiHouse
let open: ApiHouse

beforeAll(async () => {
  house = await ApiHouse.open(GIVEN, { tokens: TOKENS, limits: { body: 64 * 1024 } })
  open = await ApiHouse.open(GIVEN)
})
afterAll(async () => {
  await house.close()
  await open.close()
})

const ROUTES: readonly [method: string, path: string][] = [
  ['GET', '/v1/lookup?value=198.51.100.7'],
  ['POST', '/v1/lookup'],
  ['POST', '/v1/enrich'],
  ['GET', '/v1/explain?value=198.51.100.7'],
  ['GET', '/v1/indicators/ip:198.51.100.7'],
  ['GET', '/v1/hits'],
  ['GET', '/v1/hits/over-time'],
  ['GET', '/v1/hits/counted'],
  ['GET', '/v1/hits/log-0123456789abcdef'],
  ['POST', '/v1/hits/log-0123456789abcdef/false-positive'],
  ['DELETE', '/v1/hits/log-0123456789abcdef/false-positive'],
  ['GET', '/v1/status'],
  ['GET', '/v1/session'],
  ['POST', '/v1/sync'],
  ['POST', '/v1/backscan'],
  ['GET', '/metrics'],
]

const asking = (method: string, more: Asking = {}): Asking => ({
  method,
  ...(method === 'POST' && { body: {} }),
  ...more,
})

describe('tokens', () => {
  it.each(ROUTES)('%s %s needs one', async (method, path) => {
    const { status, headers, text } = await house.ask(path, asking(method))
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer realm="tipline"'])
    expect(text).not.toContain('198.51.100.7')
  })

  it.each(['HEAD', 'PUT', 'OPTIONS'])('%s needs one even where one logs in', async (method) => {
    expect((await house.ask('/v1/session', { method })).status).toBe(401)
    const { status } = await house.ask('/v1/session', { method, token: READER.token })
    expect(status).toBe(method === 'HEAD' ? 200 : 404)
  })

  it('are all that is described', async () => {
    const { json } = await house.ask('/openapi.json')
    const described = Object.entries(json.paths as Record<string, object>).flatMap(
      ([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    const free = ['GET /healthz', 'GET /readyz', 'POST /v1/session', 'DELETE /v1/session']
    const tested = ROUTES.map(([method, path]) =>
      `${method} ${path.split('?')[0]}`
        .replace('ip:198.51.100.7', '{key}')
        .replace('log-0123456789abcdef', '{id}'),
    )
    expect([...tested, ...free].sort()).toEqual(described.sort())
  })

  it.each([
    'Bearer',
    'Bearer ',
    `Basic ${READER.token}`,
    `Bearer ${READER.token}x`,
    `Bearer ${READER.hash}`,
    `Bearer ${READER.hash.slice(7)}`,
    `Bearer ${READER.token} ${READER.token}`,
    `${READER.token}`,
  ])('%.12s... is none', async (authorization) => {
    const { status } = await house.ask('/v1/status', { headers: { authorization } })
    expect(status).toBe(401)
  })

  it('that only read change nothing', async () => {
    house.asked.length = 0
    for (const [method, path] of ROUTES.filter(([, path]) => /sync|backscan|false/.test(path))) {
      const { status } = await house.ask(path, asking(method, { token: READER.token }))
      expect([path, status]).toEqual([path, 403])
    }
    expect(house.asked).toEqual([])
  })

  it('are guessed only slowly', async () => {
    const other = await ApiHouse.open(GIVEN, { tokens: TOKENS })
    const tries = Array.from({ length: 40 }, () =>
      other.ask('/v1/status', { token: newToken().token }),
    )
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(15)
    // Who has one is not kept waiting by who guesses.
    expect((await other.ask('/v1/status', { token: READER.token })).status).toBe(200)
    await other.close()
  })

  it('are not needed to reach what tells nothing', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json']) {
      expect((await house.ask(path)).status).toBe(200)
    }
  })

  it('must be there where others can reach it', () => {
    for (const listen of ['0.0.0.0:8787', '[::]:8787', '192.0.2.1:80', 'tipline.example:80']) {
      const { error } = httpSettings.safeParse({ listen })
      expect(error?.issues[0]?.path).toEqual(['listen'])
      expect(httpSettings.safeParse({ listen, tokens: TOKENS }).success).toBe(true)
    }
    for (const listen of ['127.0.0.1:1', '[::1]:1', 'localhost:1', 'unix:/run/t.sock', 'off']) {
      expect(httpSettings.safeParse({ listen }).success).toBe(true)
    }
    expect(httpSettings.safeParse({ tokens: [TOKENS[0], TOKENS[0]] }).success).toBe(false)
  })
})

it.each([
  '/%761/status',
  '//v1/status',
  '/v1//status',
  '/V1/status',
  '/./v1/status',
  '/%2fv1/status',
  '/metrics/',
])('%s is no way around', async (path) =>
  expect([401, 404]).toContain((await house.ask(path)).status),
)

describe('sessions', () => {
  const login = (token: string, headers = {}) =>
    house.ask('/v1/session', { body: { token }, headers })

  it('are a cookie that no script reads and no other site sends', async () => {
    const { status, headers, json } = await login(OPERATOR.token)
    expect([status, json]).toEqual([200, { name: 'operator', scope: 'operate', login: true }])
    const [cookie = ''] = headers['set-cookie'] ?? []
    expect(cookie).toMatch(
      /^tipline_session=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
    )
    expect(cookie).not.toContain(OPERATOR.token)
    const session = { cookie: cookie.split(';')[0]! }
    expect((await house.ask('/v1/session', { headers: session })).json.login).toBe(true)
    expect((await house.ask('/v1/sync', { body: {}, headers: session })).status).toBe(200)
    for (const foreign of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'null' },
    ]) {
      const { status, json } = await house.ask('/v1/sync', {
        body: {},
        headers: { ...session, ...foreign },
      })
      expect([status, json.type]).toEqual([403, 'urn:tipline:problem:cross-site'])
    }
    const form = { ...session, 'content-type': 'application/x-www-form-urlencoded' }
    expect((await house.ask('/v1/sync', { body: 'a=b', headers: form })).status).toBe(415)
    const plain = { ...session, 'content-type': 'text/plain' }
    expect((await house.ask('/v1/sync', { body: '{}', headers: plain })).status).toBe(415)
  })

  it('are not given for a wrong token, nor to another site', async () => {
    expect((await login('tip_wrong')).status).toBe(401)
    expect((await login(OPERATOR.token, { origin: 'https://evil.example' })).status).toBe(403)
  })

  it('end with their time, their token, and any change of theirs', () => {
    const key = Buffer.alloc(32, 7)
    const token = { name: 'a', scope: 'read', hash: READER.hash } as const
    const tokens = new Tokens([token], key)
    const session = tokens.seal(token, 1000)
    expect(tokens.unseal(session, 1000)).toEqual(token)
    expect(tokens.unseal(session, 1000 + 12 * 3600)).toBeNull()
    expect(new Tokens([{ ...token, hash: OPERATOR.hash }], key).unseal(session, 1000)).toBeNull()
    expect(new Tokens([], key).unseal(session, 1000)).toBeNull()
    expect(new Tokens([token], Buffer.alloc(32, 8)).unseal(session, 1000)).toBeNull()
    const [name, until, seal] = session.split('/')
    for (const forged of [
      `${name}/${Number(until) + 1}/${seal}`,
      `b/${until}/${seal}`,
      `${name}/${until}/`,
      `${session}/x`,
      '',
      '//',
    ]) {
      expect(tokens.unseal(forged, 1000)).toBeNull()
    }
  })

  it('say Secure where the page comes over TLS', async () => {
    const { cert, key } = certificate(house.ledger.folder, 'first')
    const tls = { cert_file: cert, privkey_file: key }
    const secure = await house.listen({ tls, tokens: TOKENS })
    const { headers, status } = await askSecurely(secure.url, '/v1/session', READER.token)
    expect(status).toBe(200)
    expect(headers['set-cookie']?.[0]).toContain('; Secure')
    const before = await serialOf(secure.url)
    certificate(house.ledger.folder, 'first')
    const connections = 1000
    secure.adjust({ tls, connections })
    const renewed = await serialOf(secure.url)
    expect(renewed).not.toBe(before)
    writeFileSync(cert, 'no certificate')
    secure.adjust({ tls, connections })
    expect(await serialOf(secure.url)).toBe(renewed)
    expect(house.logged.join()).toContain('the old one stays')
    // Of others, in a new config, it is the config that is wrong.
    const other = { cert_file: cert, privkey_file: join(house.ledger.folder, 'none.pem') }
    expect(() => secure.adjust({ tls: other, connections })).toThrow(ListenError)
    expect(await serialOf(secure.url)).toBe(renewed)
    const moved = certificate(house.ledger.folder, 'second')
    const second = { cert_file: moved.cert, privkey_file: moved.key }
    secure.adjust({ tls: second, connections })
    expect(await serialOf(secure.url)).not.toBe(renewed)
  })
})

it('a certificate counts when its key has come too, whichever was written first', async () => {
  const { cert, key } = certificate(house.ledger.folder, 'renewed')
  const tls = { cert_file: cert, privkey_file: key }
  const secure = await house.listen({ tls, tokens: TOKENS })
  const before = await serialOf(secure.url)
  const next = certificate(house.ledger.folder, 'next')
  copyFileSync(next.cert, cert)
  // The key comes only when the certificate without it was looked at.
  const refused = () => house.logged.filter((line) => line.includes('the old one stays'))
  const earlier = refused().length
  await expect.poll(() => refused().length, { timeout: 30_000 }).toBeGreaterThan(earlier)
  copyFileSync(next.key, key)
  await expect.poll(() => serialOf(secure.url), { timeout: 30_000 }).not.toBe(before)
})

describe('on loopback, without tokens', () => {
  it('whoever is on this machine may do all', async () => {
    expect((await open.ask('/v1/session')).json).toEqual({
      name: 'local',
      scope: 'operate',
      login: false,
    })
    expect((await open.ask('/v1/sync', { body: {} })).status).toBe(200)
  })

  it.each(['evil.example', 'evil.example:8787', '127.0.0.1.evil.example', '0.0.0.0'])(
    'a page under the name %s reaches nothing (DNS rebinding)',
    async (host) => {
      for (const path of ['/v1/status', '/', '/healthz', '/openapi.json']) {
        const { status } = await open.ask(path, { headers: { host } })
        expect([400, 421]).toContain(status)
      }
    },
  )

  it.each([
    'localhost',
    'localhost:1',
    '127.0.0.1',
    '[::1]:8787',
    'tipline.localhost',
    'LOCALHOST.',
  ])('it is reached as %s', async (host) =>
    expect((await open.ask('/v1/status', { headers: { host } })).status).toBe(200),
  )

  it.each(['tipline.example', '[2001:DB8::1]', '2001:DB8::1', 'tipline.example:8787'])(
    'it is reached by the name %s that the config gives it',
    async (name) => {
      const named = await open.listen({ hosts: [name] })
      const host = name.includes('2001') ? '[2001:db8::1]:8787' : 'tipline.example'
      expect((await ask(named.url, '/v1/status', { headers: { host } })).status).toBe(200)
    },
  )

  it('a page of another site changes nothing', async () => {
    open.asked.length = 0
    for (const headers of [
      { origin: 'https://evil.example' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: `http://127.0.0.1:${open.port + 1}` },
    ]) {
      expect((await open.ask('/v1/sync', { body: {}, headers })).status).toBe(403)
    }
    const simple = { 'content-type': 'text/plain;charset=UTF-8' }
    expect((await open.ask('/v1/sync', { body: '{}', headers: simple })).status).toBe(415)
    expect(open.asked).toEqual([])
  })

  it('answers no preflight, so nothing is shared with other origins', async () => {
    const { headers } = await open.ask('/v1/sync', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  it('the socket of the data folder is for its owner alone', async () => {
    const own = await open.listen({ listen: `unix:${open.socket}` }, { own: true })
    expect(statSync(open.socket).mode & 0o777).toBe(0o600)
    const asked = await ask(own.url, '/v1/sync', { body: {}, headers: { host: 'tipline' } })
    expect(asked.status).toBe(200)
  })

  it('takes over a socket that nobody serves any more, and no file', async () => {
    const path = join(open.ledger.folder, 'stale.sock')
    const serve = `require('net').createServer().listen('${path}', () => process.kill(process.pid, 9))`
    spawnSync(process.execPath, ['-e', serve])
    expect(statSync(path).isSocket()).toBe(true)
    const taken = await open.listen({ listen: `unix:${path}` })
    expect((await ask(taken.url, '/healthz')).status).toBe(200)
    await expect(open.listen({ listen: `unix:${path}` })).rejects.toThrow('can not listen')
    const file = join(open.ledger.folder, 'a-file')
    writeFileSync(file, 'precious')
    await expect(open.listen({ listen: `unix:${file}` })).rejects.toThrow('can not listen')
    expect(readFileSync(file, 'utf8')).toBe('precious')
  })
})

describe('bodies', () => {
  const body = (bytes: number) => JSON.stringify({ values: ['x'.repeat(bytes)] })

  it('that are too large are refused, with and without a length', async () => {
    const known = await house.ask('/v1/lookup', { token: READER.token, body: body(70_000) })
    expect([known.status, known.json.type]).toEqual([413, 'urn:tipline:problem:too-large'])
    const chunk = `${(10_000).toString(16)}\r\n${'x'.repeat(10_000)}\r\n`
    const answer = await house.raw(
      `POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Authorization: Bearer ${READER.token}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}0\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  it.each(['', '{', 'null', '[]', '{"values":[]}', '{"values":[1]}', '{"values":["a"],"more":1}'])(
    '%s is refused, not fallen over',
    async (text) => {
      const { status, headers } = await house.ask('/v1/lookup', { token: READER.token, body: text })
      expect([status, headers['content-type']]).toEqual([400, 'application/problem+json'])
    },
  )

  it('and headers that take for ever are ended', async () => {
    const answer = await house.raw('GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('headers that are too large are refused', async () => {
    const answer = await house.raw(
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  })
})

describe('who sends a byte now and then', () => {
  const json = 'Host: localhost\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n'
  const auth = `Authorization: Bearer ${READER.token}\r\n`
  const GIVEN_HEADS: readonly (readonly [what: string, head: string])[] = [
    ['headers', 'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
    ['the body of a question', `POST /v1/lookup HTTP/1.1\r\n${json}${auth}\r\n{"values":["`],
    ['a body without a token', `POST /v1/lookup HTTP/1.1\r\n${json}\r\n{"values":["`],
    ['a token', `POST /v1/session HTTP/1.1\r\n${json}\r\n{"token":"`],
    ['a body that nobody wants', `GET /v1/status HTTP/1.1\r\n${json}${auth}\r\n{`],
    ['a body to nowhere', `POST /nothing HTTP/1.1\r\n${json}\r\n{`],
  ]

  /** Until the other side closes; a byte every 200 ms. */
  function drip(head: string): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(house.port, '127.0.0.1')
      let got = ''
      const more = setInterval(() => socket.write('a'), 200)
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1')
      })
      // Written to after the other side has gone.
      socket.on('error', () => undefined)
      socket.on('close', () => {
        clearInterval(more)
        resolve(got)
      })
      socket.write(head)
    })
  }

  it('is cut off within the limit, and holds up nobody else', async () => {
    let open = 0
    const slow = GIVEN_HEADS.flatMap(([what, head]) =>
      Array.from({ length: 5 }, async () => {
        open += 1
        const answer = await drip(head)
        open -= 1
        return [what, answer.slice(9, 12)]
      }),
    )
    const ended = Promise.all(slow)
    do {
      const known = await house.ask('/v1/lookup?value=198.51.100.7', { token: READER.token })
      expect(known.status).toBe(200)
      await sleep(500)
    } while (open > 0)
    const statuses = Object.fromEntries(await ended)
    expect(statuses).toEqual({
      headers: '408',
      'the body of a question': '408',
      'a body without a token': '401',
      'a token': '408',
      'a body that nobody wants': '200',
      'a body to nowhere': '404',
    })
  }, 150_000)
})

describe('rates', () => {
  it('are kept for each', async () => {
    const limits = { requests_per_second: 5 }
    const slow = await ApiHouse.open(GIVEN, { tokens: TOKENS, limits }, { now: () => 0 })
    const burst = await Promise.all(
      Array.from({ length: 30 }, () => slow.ask('/v1/session', { token: READER.token })),
    )
    const refused = burst.filter(({ status }) => status === 429)
    // A second's worth is saved up, and no time goes by.
    expect(refused).toHaveLength(30 - 10)
    expect(refused[0]?.headers['retry-after']).toBe('1')
    expect((await slow.ask('/v1/session', { token: OPERATOR.token })).status).toBe(200)
    await slow.close()
  })

  it('fill steadily, up to the burst, and survive a clock that goes back', () => {
    const buckets = new TokenBuckets({ perSecond: 10, burst: 2 })
    expect([buckets.take('a', 0), buckets.take('a', 0)]).toEqual([0, 0])
    expect(buckets.take('a', 0)).toBeCloseTo(0.1)
    expect(buckets.take('b', 0)).toBe(0)
    expect(buckets.take('a', -5000)).toBeGreaterThan(0)
    expect(buckets.take('a', 100_000)).toBe(0)
  })

  it('stay small, whoever asks', () => {
    const buckets = new TokenBuckets({ perSecond: 1, burst: 1 })
    for (let n = 0; n < 30_000; n += 1) buckets.take(`address ${n}`, n)
    expect(buckets.size).toBeLessThanOrEqual(10_000)
  })
})

describe('paths', () => {
  it.each([
    '/../package.json',
    '/..%2f..%2fpackage.json',
    '/assets/..%5c..%5cpackage.json',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/assets/%00',
    '//etc/passwd',
    '/index.html/../../ledger.db',
    '/.build/tsbuildinfo',
  ])('%s leads nowhere', async (path) => {
    const answer = await open.raw(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 (404|400|503) /)
    expect(answer).not.toMatch(/root:|"name": "tipline"/)
  })
})

describe('what is foreign', () => {
  it('comes back as JSON, never as a header or as markup', async () => {
    const { status, headers, json } = await open.ask(
      `/v1/lookup?value=${encodeURIComponent(HOSTILE)}`,
    )
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    expect(headers['x-content-type-options']).toBe('nosniff')
    expect(headers['set-cookie']).toBeUndefined()
    expect(json.value).toBe(HOSTILE)
  })

  it('in a header of a request reaches no header of an answer', async () => {
    const answer = await open.raw(
      'GET /v1/lookup?value=a%0d%0aSet-Cookie:%20x=y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    )
    expect(answer.split('\r\n\r\n')[0]).not.toMatch(/set-cookie/i)
  })

  it('two requests in one are not two (request smuggling)', async () => {
    const answer = await open.raw(
      'POST /v1/lookup HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4\r\n' +
        'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('of any shape is answered, and never by 500', async () => {
    const path = fc.oneof(
      fc.webPath(),
      fc.constantFrom('/v1/lookup', '/v1/hits', '/v1/explain', '/v1/sync', '/v1/indicators/ip:a'),
      fc.string().map((text) => `/v1/indicators/${encodeURIComponent(text)}`),
    )
    const query = fc.dictionary(
      fc.constantFrom('value', 'since', 'until', 'limit', 'cursor', 'event', 'buckets', 'kind'),
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('1h', '-1', '1e9', '%', '\u0000')),
    )
    const wild = fc.record({
      method: fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'OPTIONS', 'PATCH'),
      path,
      query,
      body: fc.oneof(fc.json(), fc.string(), fc.constant('{"values":["a"]}')),
      type: fc.constantFrom('application/json', 'application/x-ndjson', 'text/html', 'x'),
    })
    await fc.assert(
      fc.asyncProperty(wild, async ({ method, path, query, body, type }) => {
        const asked = `${path}?${new URLSearchParams(query)}`
        const hasBody = method !== 'GET' && method !== 'OPTIONS'
        const { status } = await open.ask(asked, {
          method,
          ...(hasBody && { body, headers: { 'content-type': type } }),
        })
        expect(status).toBeGreaterThanOrEqual(200)
        if (status >= 500) expect(asked.startsWith('/?')).toBe(true)
      }),
      fuzz(500),
    )
    expect(open.logged.filter((line) => line.includes('failed unexpectedly'))).toEqual([])
  })

  it('bytes that are no HTTP are refused', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
        const answer = await open.raw(Buffer.concat([bytes, Buffer.from('\r\n\r\n')]), 300)
        expect(answer).toMatch(/^$|^HTTP\/1\.1 [45]/)
      }),
      fuzz(100),
    )
    expect((await open.ask('/healthz')).status).toBe(200)
  })
})

describe('secrets', () => {
  it('stand in no answer and in no log', async () => {
    for (const [method, path] of ROUTES) {
      const { text } = await house.ask(path, asking(method, { token: OPERATOR.token }))
      expect(text).not.toContain(OPERATOR.token)
      expect(text).not.toContain(OPERATOR.hash.slice(7))
    }
    await house.ask(`/v1/status?token=${READER.token}`)
    await house.ask('/v1/session', { body: { token: READER.token } })
    const logged = house.logged.join('\n')
    for (const { token, hash } of [READER, OPERATOR]) {
      expect(logged).not.toContain(token)
      expect(logged).not.toContain(hash.slice(7))
    }
    expect(hashOf(READER.token)).toBe(READER.hash)
  })
})

function certificate(folder: string, name: string): { cert: string; key: string } {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  const subject = ['-subj', '/CN=localhost', '-days', '1', '-nodes']
  const pair = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-keyout',
    key,
    '-out',
    cert,
  ]
  execFileSync('openssl', ['req', '-x509', ...pair, ...subject], { stdio: 'ignore' })
  return { cert, key }
}

function askSecurely(url: string, path: string, token: string) {
  const { port } = new URL(url)
  const headers = { 'content-type': 'application/json', host: 'localhost' }
  return new Promise<{ status: number; headers: Record<string, string[] | undefined> }>(
    (resolve, reject) => {
      const asked = secureRequest(
        {
          host: '127.0.0.1',
          port,
          path,
          method: 'POST',
          headers,
          rejectUnauthorized: false,
          agent: false,
        },
        (answer) => {
          answer.resume()
          const { statusCode: status = 0 } = answer
          resolve({ status, headers: { 'set-cookie': answer.headers['set-cookie'] } })
        },
      )
      asked.on('error', reject)
      asked.end(JSON.stringify({ token }))
    },
  )
}

async function serialOf(url: string): Promise<string> {
  const { connect: secureConnect } = await import('node:tls')
  const socket = secureConnect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    rejectUnauthorized: false,
  })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

/** What the API answers. */
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newToken } from '../../src/http/tokens.js'
import { fuzz } from '../fuzz.js'
import { ApiHouse, type Asking, OPERATOR, READER, TOKENS } from './house.js'

let house: ApiHouse

beforeAll(async () => {
  house = await ApiHouse.open(
    [
      { type: 'ip-dst', value: '198.51.100.7' },
      { type: 'domain', value: 'evil.example' },
      { type: 'ip-dst', value: '203.0.113.0/24' },
      { type: 'url', value: 'http://evil.example/gate.php?id=1' },
      { type: 'ip-dst|port', value: '192.0.2.9|8443' },
      { type: 'domain', value: 'held.example', held: 'tlp' },
      { type: 'ip-dst', value: '999.1.1.1' },
    ],
    { tokens: TOKENS, limits: { requests_per_second: 100_000 } },
  )
})
afterAll(() => house.close())

const read = (path: string) => house.ask(path, { token: READER.token })
const tell = (path: string, body: unknown, token = OPERATOR.token) =>
  house.ask(path, { token, body })

describe('GET /v1/lookup', () => {
  it('tells what a value meets', async () => {
    const { status, json } = await read('/v1/lookup?value=198.51.100.7')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      value: '198.51.100.7',
      found: true,
      state: 'live',
      indicators: [
        { kind: 'ip', value: '198.51.100.7', via: 'exact', events: [{ source: 'main' }] },
      ],
    })
  })

  it.each([
    ['203.0.113.77', 'live', 'net'],
    ['a.b.evil.example', 'live', 'name'],
    ['hxxp://evil[.]example/gate.php?id=1', 'live', 'exact'],
    ['held.example', 'held', 'exact'],
  ])('%s is %s by %s', async (value, state, via) => {
    const { json } = await read(`/v1/lookup?value=${encodeURIComponent(value)}`)
    expect(json.state).toBe(state)
    expect(json.indicators.map((each: { via: string }) => each.via)).toContain(via)
  })

  it('answers 200 for what is not known', async () => {
    const { status, json } = await read('/v1/lookup?value=192.0.2.250')
    expect([status, json]).toEqual([
      200,
      { value: '192.0.2.250', found: false, state: 'unknown', indicators: [] },
    ])
  })

  it.each(['', '?value=', `?value=${'a'.repeat(8193)}`, '?values=1'])(
    'refuses %.20s with a problem document',
    async (query) => {
      const { status, headers, json } = await read(`/v1/lookup${query}`)
      expect(status).toBe(400)
      expect(headers['content-type']).toBe('application/problem+json')
      expect(json).toMatchObject({ type: 'urn:tipline:problem:invalid-request', status: 400 })
      expect(json.errors[0].where).toBe('value')
    },
  )
})

describe('GET /v1/lookup without the router', () => {
  /** One more parameter, and the router has to do it. */
  async function expectSame(query: string, asking: Asking) {
    const answers = [`value=${query}`, `value=${query}&by=router`].map(async (asked) => {
      const { headers, ...answer } = await house.ask(`/v1/lookup?${asked}`, asking)
      return { ...answer, headers: { ...headers, date: '' } }
    })
    const [quick, routed] = await Promise.all(answers)
    expect(quick).toEqual(routed)
  }

  const values = fc.oneof(
    fc.constantFrom('198.51.100.7', 'a.b.evil.example', 'held.example', '203.0.113.77'),
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.integer({ min: 8180, max: 8200 }).map((length) => 'a'.repeat(length)),
  )
  const written = fc.string({ unit: fc.constantFrom(...'%0aA~+#&=.é;/?'), maxLength: 20 })
  const queries = fc.oneof(values.map(encodeURIComponent), written.map(encodeURI), written)

  it('answers as with it, whatever is asked', async () => {
    const asked = fc.asyncProperty(queries, async (query) => {
      // Node's own client sends no such bytes.
      fc.pre(/^[\x21-\x7e]*$/.test(query))
      await expectSame(query, { token: READER.token })
    })
    await fc.assert(asked, fuzz(2000))
  })

  it.each([
    ['no token', {}],
    ['a wrong token', { token: newToken().token }],
    ['another site', { token: READER.token, headers: { origin: 'https://example.com' } }],
    [
      'a body',
      { token: READER.token, method: 'GET', body: 'x', headers: { 'content-length': '1' } },
    ],
    ['another method', { token: READER.token, method: 'PUT' }],
    ['only the head', { token: READER.token, method: 'HEAD' }],
    ['a wrong host', { token: READER.token, headers: { host: 'rebound.example' } }],
  ])('refuses as with it: %s', async (_, asking: Asking) => {
    await expectSame('198.51.100.7', asking)
  })

  const bearer = `Authorization: Bearer ${READER.token}`
  const get = (query: string, header = bearer) =>
    `GET /v1/lookup?value=${query} HTTP/1.1\r\nHost: localhost\r\n${header}\r\n`

  it('answers in the order of the questions, many at once on one connection', async () => {
    const values = Array.from({ length: 200 }, (_, n) => `v${n}.example`)
    // Every fifth is for the router, every seventh is refused.
    const asked = values.map((value, n) => {
      return `${get(n % 5 === 0 ? `${value}&x=1` : value, n % 7 === 0 ? 'X: y' : bearer)}\r\n`
    })
    const last = `${get('last.example', `Connection: close\r\n${bearer}`)}\r\n`
    const got = await house.raw(asked.join('') + last)
    const told = [...got.matchAll(/"value":"([^"]*)"|HTTP\/1\.1 (401) /g)]
    const wanted = values.map((value, n) => (n % 7 === 0 ? '401' : value))
    expect(told.map(([, value, status]) => value ?? status)).toEqual([...wanted, 'last.example'])
  })

  it('goes on when those who asked are gone before the answer', async () => {
    for (let round = 0; round < 50; round += 1) {
      const socket = connect(house.port, '127.0.0.1')
      await once(socket, 'connect')
      socket.write(`${get('198.51.100.7')}\r\n`.repeat(5))
      if (round % 2 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
    const { json } = await read('/v1/lookup?value=198.51.100.7')
    expect(json.found).toBe(true)
    expect(house.logged.filter((line) => line.includes('unexpectedly'))).toEqual([])
  })
})

describe('POST /v1/lookup', () => {
  it('answers many values in their order', async () => {
    const values = ['198.51.100.7', 'nothing.example', 'x.evil.example']
    const { status, json } = await tell('/v1/lookup', { values }, READER.token)
    expect(status).toBe(200)
    expect(
      json.values.map((each: { value: string; found: boolean }) => [each.value, each.found]),
    ).toEqual(values.map((value) => [value, value !== 'nothing.example']))
  })

  it('takes 10,000 values, and none more', async () => {
    const values = Array.from({ length: 10_000 }, (_, n) => `198.51.100.${n % 256}`)
    const full = await tell('/v1/lookup', { values }, READER.token)
    expect(full.json.values).toHaveLength(10_000)
    const more = await tell('/v1/lookup', { values: [...values, 'x'] }, READER.token)
    expect(more.status).toBe(400)
  })
})

describe('GET /v1/explain', () => {
  it('tells why a value is held', async () => {
    const { json } = await read('/v1/explain?value=held.example')
    expect(json).toMatchObject({
      state: 'held',
      indicators: [
        {
          carriers: [
            {
              held: { rule: 'tlp' },
              link: expect.stringMatching(/^https:\/\/misp\.example\.org\/events/),
            },
          ],
          sinks: [{ name: 'memcached', state: 'never shipped' }],
        },
      ],
    })
  })

  it('tells what was set aside', async () => {
    const { json } = await read('/v1/explain?value=999.1.1.1')
    expect(json).toMatchObject({ state: 'set_aside', set_aside: [{ type: 'ip-dst' }] })
  })
})

describe('GET /v1/indicators/{key}', () => {
  it.each([
    'ip:198.51.100.7',
    'net:203.0.113.0/24',
    'ip-port:192.0.2.9|8443',
    'url:http://evil.example/gate.php?id=1',
  ])('finds %s', async (key) => {
    const { status, json } = await read(`/v1/indicators/${encodeURIComponent(key)}`)
    expect(status).toBe(200)
    expect(`${json.kind}:${json.value}`).toBe(key)
  })

  it.each(['ip:198.51.100.8', 'domain:a.evil.example', 'nothing:x'])(
    'answers 404 for %s',
    async (key) => {
      const { status, json } = await read(`/v1/indicators/${key}`)
      expect([status, json.type]).toEqual([404, 'urn:tipline:problem:not-found'])
    },
  )
})

describe('GET /v1/status', () => {
  it('tells what `tipline status --json` tells', async () => {
    const { status, json } = await read('/v1/status')
    expect(status).toBe(200)
    expect(json).toMatchObject({
      ok: false,
      problems: [{ what: 'main has never been read' }, { what: expect.any(String) }],
      sources: [{ name: 'main', attributes: 6, set_aside: 1, frozen: false }],
      sinks: [{ name: 'memcached', cursor: null }],
      live: { ip: 2, domain: 1 },
    })
  })
})

describe('what is asked to be done', () => {
  it('reaches the daemon, for whoever may operate', async () => {
    house.asked.length = 0
    expect((await tell('/v1/sync', { accept: ['4f1c09aa'] })).json).toEqual({ status: 'done' })
    expect((await tell('/v1/sync', { wait: false })).status).toBe(202)
    expect((await tell('/v1/backscan', { since: '7d', value: '198.51.100.7' })).json).toEqual({
      indicators: 3,
      slices: 2,
      hits: 1,
    })
    expect(house.asked).toEqual([
      { sync: { accept: ['4f1c09aa'] } },
      { sync: { accept: [] } },
      { backscan: { seconds: 7 * 86_400, value: '198.51.100.7' } },
    ])
  })

  it('is refused to whoever may only read', async () => {
    house.asked.length = 0
    for (const path of ['/v1/sync', '/v1/backscan']) {
      const { status, json } = await tell(path, {}, READER.token)
      expect([status, json.type]).toEqual([403, 'urn:tipline:problem:forbidden'])
    }
    expect(house.asked).toEqual([])
  })
})

describe('health', () => {
  it('is told to anybody', async () => {
    expect((await house.ask('/healthz')).json).toEqual({ status: 'ok' })
    expect((await house.ask('/readyz')).json).toEqual({ status: 'ready', failing: 0 })
    house.ready = false
    const { status, json } = await house.ask('/readyz')
    expect([status, json.detail]).toEqual([503, 'it is stopping'])
    house.ready = true
  })
})

describe('hits', () => {
  it('are none where none were recorded', async () => {
    expect((await read('/v1/hits')).json).toEqual({ hits: [], next: null })
    const { json } = await read('/v1/hits/over-time?since=1h&buckets=4')
    expect(json.buckets).toHaveLength(4)
    expect((await read('/v1/hits/log-0123456789abcdef')).status).toBe(404)
    expect((await read('/v1/hits?cursor=nonsense')).status).toBe(400)
    expect((await read('/v1/hits?since=yesterday')).status).toBe(400)
  })
})

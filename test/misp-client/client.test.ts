import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { UsageError } from '../../src/errors.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { smallWorld } from '../misp/world.js'
import { allRows, clientFor, NEVER, type TestClient } from './client.js'
import { bodyOf, type Running, serve } from './servers.js'

const NOW = 1_795_300_000
const BODIES = JSON.parse(
  readFileSync(new URL('../fixtures/misp-client/bodies.json', import.meta.url), 'utf8'),
) as Record<string, string>

let misp: Standin
const clients: TestClient[] = []

beforeAll(async () => {
  misp = await startStandin({ store: () => smallWorld({ now: NOW }) })
})
afterEach(async () => {
  misp.reset()
  for (const client of clients.splice(0)) await client.close()
})
afterAll(() => misp.close())

function open(options: Parameters<typeof clientFor>[1] = {}, url = misp.url): TestClient {
  const test = clientFor(url, { key: misp.keys.readonly, ...options })
  clients.push(test)
  return test
}

describe('the index of events', () => {
  it('lists what the key sees, with the time of the MISP', async () => {
    const { rows, serverTime, refused } = await open().client.eventIndex({}, NEVER)
    expect(serverTime).toBe(NOW)
    expect(refused).toBe(0)
    expect(rows.length).toBeGreaterThan(90)
    const known = misp.store.eventsById().find(({ id }) => String(id) === rows[0]?.id)
    expect(rows[0]).toMatchObject({
      uuid: known?.uuid,
      timestamp: known?.timestamp,
      published: known?.published,
    })
    expect(JSON.parse(misp.requests[0]?.body ?? '')).toEqual({ minimal: 1 })
  })

  it('can be asked for some events, and for what changed', async () => {
    const { client } = open()
    const all = await client.eventIndex({}, NEVER)
    const eventid = all.rows.slice(5, 7).map(({ id }) => id)
    const some = await client.eventIndex({ eventid }, NEVER)
    expect(some.rows.map(({ id }) => id)).toEqual(eventid)
    const changed = await client.eventIndex({ timestamp: NOW - 86_400 }, NEVER)
    expect(changed.rows.every(({ timestamp }) => timestamp >= NOW - 86_400)).toBe(true)
    expect(changed.rows.length).toBeLessThan(90)
  })

  it('is never asked for no events, which would mean all', async () => {
    await expect(open().client.eventIndex({ eventid: [] }, NEVER)).rejects.toThrow(RangeError)
    expect(misp.requests).toEqual([])
  })

  it('counts rows that it could not read', async () => {
    misp.faults.next({ kind: 'answer', status: 200, body: '[{"id":"1"}, null]' })
    const test = open()
    const { rows, refused } = await test.client.eventIndex({}, NEVER)
    expect({ rows, refused }).toEqual({ rows: [], refused: 2 })
    const labels = { source: 'main', reason: 'uuid' }
    expect(test.metrics.read('tipline_pull_rows_refused_total', labels)).toBe(1)
  })

  it('is read again when it was cut', async () => {
    misp.faults.next({ kind: 'cut-clean' })
    const { rows } = await open().client.eventIndex({}, NEVER)
    expect(rows.length).toBeGreaterThan(90)
  })
})

describe('what is known of events', () => {
  it('comes with tags and creator', async () => {
    const tagged = misp.store.eventsById().find(({ tags }) => tags.length > 0)
    const [meta] = await open().client.eventMeta([String(tagged?.id)], NEVER)
    expect(meta).toMatchObject({
      id: String(tagged?.id),
      uuid: tagged?.uuid,
      info: tagged?.info,
      tags: tagged?.tags,
      threatLevel: tagged?.threat_level_id,
      orgcName: 'ORGNAME',
    })
  })

  it('is asked for in parts, and not at all for none', async () => {
    const { client } = open()
    expect(await client.eventMeta([], NEVER)).toEqual([])
    expect(misp.requests).toHaveLength(0)
    await client.eventMeta(
      Array.from({ length: 1001 }, (_, i) => String(i + 1)),
      NEVER,
    )
    expect(misp.requests).toHaveLength(3)
  })
})

describe('the rest', () => {
  it('tells whose key it is, and not the address of its user', async () => {
    const me = await open().client.me(NEVER)
    expect(me).toEqual({
      userId: '4',
      orgId: '2',
      orgName: 'READERS',
      orgUuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      roleId: expect.stringMatching(/^\d+$/),
      roleName: expect.any(String),
      permissions: expect.arrayContaining(['perm_auth']),
    })
    expect(JSON.stringify(me)).not.toContain('@')
  })

  it('tells whose key it is where MISP writes numbers as numbers', async () => {
    const body = JSON.stringify({ User: { id: 4, org_id: 2 }, Role: { id: 6, name: 'Read only' } })
    misp.faults.next({ kind: 'answer', status: 200, body })
    const me = await open().client.me(NEVER)
    expect(me).toMatchObject({ userId: '4', orgId: '2', roleId: '6' })
  })

  it('tells the version', async () => {
    expect(await open().client.version(NEVER)).toEqual({ version: '2.5.1' })
  })

  it('reads the enabled warninglists as MISP shows them', async () => {
    const lists = await open().client.warninglists(NEVER)
    const enabled = misp.store.warninglists.filter((list) => list.enabled)
    expect(lists).toHaveLength(enabled.length)
    expect(lists[0]).toMatchObject({ Warninglist: { WarninglistEntry: expect.any(Array) } })
  })

  it('tells whether a query finds anything', async () => {
    const { client } = open()
    expect(await client.count({ type: 'domain' }, NEVER)).toEqual({ empty: false })
    expect(await client.count({ type: 'banana' }, NEVER)).toEqual({ empty: true })
    expect(misp.requests.map(({ filters }) => filters.limit)).toEqual([1, 1])
  })
})

describe('what is sent', () => {
  let seen: { url: string; type: string; accept: string; key: string; body: string }[] = []
  let echo: Running

  beforeAll(async () => {
    echo = await serve(async (request, response) => {
      const { headers, url = '' } = request
      seen.push({
        url,
        type: headers['content-type'] ?? '',
        accept: headers.accept ?? '',
        key: headers.authorization ?? '',
        body: await bodyOf(request),
      })
      response.end(BODIES.page_after_last)
    })
  })
  afterAll(() => echo.close())
  afterEach(() => {
    seen = []
  })

  it.each([
    ['', '/attributes/restSearch'],
    ['/', '/attributes/restSearch'],
    ['///', '/attributes/restSearch'],
    ['/misp', '/misp/attributes/restSearch'],
    ['/misp/', '/misp/attributes/restSearch'],
    ['/a/misp//', '/a/misp/attributes/restSearch'],
    ['/misp/?x=1#y', '/misp/attributes/restSearch'],
  ])('reaches an install at %j', async (path, expected) => {
    const test = open({ key: ' key-of-misp\n' }, `http://127.0.0.1:${echo.port}${path}`)
    await allRows(test.client.attributes({ type: 'md5' }, {}, NEVER))
    expect(seen).toMatchObject([
      { url: expected, type: 'application/json', accept: 'application/json', key: 'key-of-misp' },
    ])
  })

  it.each([
    [{}, {}],
    [{ to_ids: true }, { to_ids: 1 }],
    [{ to_ids: 'yes' }, { to_ids: 1 }],
    [{ to_ids: '1' }, { to_ids: 1 }],
    [{ to_ids: 'no' }, { to_ids: 0 }],
    [{ to_ids: 'false' }, { to_ids: 0 }],
    [{ to_ids: 0 }, { to_ids: 0 }],
    [{ to_ids: false }, {}],
    [{ to_ids: null }, {}],
    [{ limit: 'abc', page: 'x', type: 'md5' }, { type: 'md5' }],
    [{ returnFormat: 'csv' }, {}],
  ])('%j becomes %j', async (query, expected) => {
    const test = open({}, `http://127.0.0.1:${echo.port}`)
    await allRows(test.client.attributes(query, {}, NEVER))
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      order: ['Attribute.event_id asc', 'Attribute.id asc'],
      limit: 10_000,
      page: 1,
      returnFormat: 'json',
      ...expected,
    })
  })

  it('keeps an order of the query, or none', async () => {
    const { client } = open({}, `http://127.0.0.1:${echo.port}`)
    await allRows(client.attributes({ order: 'Attribute.id desc' }, {}, NEVER))
    await allRows(client.attributes({}, { order: null }, NEVER))
    await allRows(client.attributes({}, { order: ['Attribute.id asc'] }, NEVER))
    expect(seen.map(({ body }) => JSON.parse(body).order)).toEqual([
      'Attribute.id desc',
      undefined,
      ['Attribute.id asc'],
    ])
  })

  it('is nothing when no event is asked for, which would mean all', async () => {
    const { client } = open({}, `http://127.0.0.1:${echo.port}`)
    expect(await allRows(client.attributes({ eventid: [] }, {}, NEVER))).toEqual([])
    expect(seen).toEqual([])
  })

  it.each(['', '  ', 'with space', 'line\nbreak', 'ключ'])('is never the key %j', (key) => {
    expect(() => clientFor('https://misp.example', { key })).toThrow(UsageError)
  })
})

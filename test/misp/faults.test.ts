/** Every fault, as a client sees it. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, index, post, search } from './asking.js'
import type { Fault } from './faults.js'
import { type Standin, startStandin } from './standin.js'
import { Store } from './store.js'

let misp: Standin
beforeAll(async () => {
  misp = await startStandin({ store: twoEvents })
})
beforeEach(() => misp.reset())
afterAll(() => misp.close())

function twoEvents(): Store {
  const store = new Store({ now: 1_795_300_000 })
  for (const id of [1, 2]) {
    const attributes = Array.from({ length: 6 }, (_, i) => ({
      ...{ type: i % 2 ? 'domain' : 'hostname', value: `n${i}.e${id}.example` },
      to_ids: i !== 5,
    }))
    store.addEvent({ id, attributes })
  }
  return store
}

const ORDERED = { order: 'Attribute.id asc' }
const ask = (filters: unknown = ORDERED) => post(misp, '/attributes/restSearch', filters)

describe('answers instead of the answer', () => {
  const table: [Fault, number, RegExp, RegExp][] = [
    [{ kind: 'forbidden' }, 403, /json/, /Authentication failed/],
    [{ kind: 'error-500' }, 500, /json/, /An Internal Error Has Occurred/],
    [{ kind: 'bad-gateway' }, 502, /^text\/html$/, /502 Bad Gateway/],
    [{ kind: 'login-redirect' }, 302, /text\/html/, /^$/],
    [{ kind: 'login-page' }, 200, /text\/html/, /users\/login/],
    [{ kind: 'answer', status: 418, body: 'tea', type: 'text/tea' }, 418, /tea/, /^tea$/],
  ]
  it.each(table)('%o', async (fault, status, type, body) => {
    misp.faults.next(fault)
    const response = await ask()
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toMatch(type)
    expect(await response.text()).toMatch(body)
    expect((await ask()).status).toBe(200)
  })

  it('429 tells when, in its own headers', async () => {
    misp.faults.next({ kind: 'rate-limit', reset: 7 })
    const { status, headers } = await ask()
    expect([status, headers.get('x-rate-limit-reset'), headers.get('retry-after')]).toEqual([
      ...[429, '7', null],
    ])
  })

  it('runs out of memory only for large pages', async () => {
    misp.faults.always({ kind: 'out-of-memory', limitAbove: 5 })
    const statuses = [5, 6, 0, undefined].map(async (limit) => (await ask({ limit })).status)
    expect(await Promise.all(statuses)).toEqual([200, 500, 500, 500])
  })
})

describe('which requests a fault strikes', () => {
  it('those of its path, after some, so many times', async () => {
    const ordered = misp.faults.next({ kind: 'error-500', path: 'restSearch', after: 1, times: 2 })
    const statuses: number[] = []
    for (let i = 0; i < 5; i++) {
      statuses.push((await ask()).status)
      expect((await get(misp, '/servers/getVersion')).status).toBe(200)
    }
    expect(statuses).toEqual([200, 500, 500, 200, 200])
    expect(ordered.struck).toBe(2)
  })

  it('all until it is taken back', async () => {
    const always = misp.faults.always({ kind: 'error-500' })
    misp.faults.always({ kind: 'bad-gateway', path: 'getVersion' })
    expect((await ask()).status).toBe(500)
    always.remove()
    expect((await ask()).status).toBe(200)
    expect((await get(misp, '/servers/getVersion')).status).toBe(502)
    misp.faults.clear()
    expect((await get(misp, '/servers/getVersion')).status).toBe(200)
  })
})

describe('a body that does not arrive', () => {
  it.each(['cut-length', 'cut-chunked', 'reset'] as const)('%s fails on the way', async (kind) => {
    misp.faults.next({ kind })
    await expect(ask().then((response) => response.text())).rejects.toThrow()
  })

  it('cut-clean is complete HTTP around half a document', async () => {
    misp.faults.next({ kind: 'cut-clean' })
    const response = await ask()
    const text = await response.text()
    expect(text.length).toBe(Number(response.headers.get('content-length')))
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
  })

  it('slow is whole in the end', async () => {
    misp.faults.next({ kind: 'slow', bytes: 400, everyMs: 1 })
    const response = await ask()
    let pieces = 0
    for await (const piece of response.body!) pieces += piece.length > 0 ? 1 : 0
    expect(pieces).toBeGreaterThan(5)
  })

  it.each([undefined, 0.5])('hang (after %s of it) is up to the client to end', async (at) => {
    misp.faults.next({ kind: 'hang', ...(at !== undefined && { at }) })
    const signal = AbortSignal.timeout(150)
    const asked = fetch(`${misp.url}/attributes/restSearch`, {
      ...{ method: 'POST', signal, body: '{}' },
      headers: { Authorization: misp.keys.readonly, Accept: 'application/json' },
    })
    await expect(asked.then((response) => response.text())).rejects.toThrow(/timeout/)
    expect(misp.requests.at(-1)!.status).toBe(0)
  })
})

describe('a world that is not believable', () => {
  it('empty', async () => {
    misp.faults.always({ kind: 'empty' })
    expect(await (await ask()).text()).toBe('{"response": {"Attribute": []}}\n')
    expect(await index(misp)).toEqual([])
  })

  it('half', async () => {
    misp.faults.always({ kind: 'half' })
    expect((await index(misp)).map((row) => row.id)).toEqual(['2'])
    expect(new Set((await search(misp, {})).rows.map((row) => row.event_id))).toEqual(
      new Set(['2']),
    )
  })

  it('flood', async () => {
    misp.faults.always({ kind: 'flood' })
    const events = await index(misp)
    const { rows } = await search(misp, { eventid: events.map((row) => row.id) })
    expect([events.length, rows.length]).toEqual([20, 120])
    expect(new Set(events.map((row) => row.uuid)).size).toBe(20)
    expect(new Set(rows.map((row) => row.uuid)).size).toBe(120)
    expect(new Set(rows.map((row) => row.id)).size).toBe(120)
  })

  it('filters-ignored', async () => {
    misp.faults.next({ kind: 'filters-ignored' })
    const asked = { type: 'domain', to_ids: 1, ...ORDERED }
    expect((await search(misp, asked)).rows.length).toBe(12)
    expect((await search(misp, asked)).rows.length).toBe(4)
  })

  it('wrong-counts', async () => {
    misp.faults.next({ kind: 'wrong-counts', count: 3 })
    const { counted, rows } = await search(misp, {})
    expect([counted, rows.length]).toEqual([3, 12])
  })

  it('drift', async () => {
    misp.faults.next({ kind: 'drift' })
    expect((await search(misp, ORDERED)).ids).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12])
    misp.faults.next({ kind: 'drift', change: (store) => store.deleteEvent(1) })
    expect((await search(misp, ORDERED)).ids).toEqual([7, 8, 9, 10, 11, 12])
  })
})

describe('rows that are not right', () => {
  const rowsUnder = async (fault: Fault) => {
    misp.faults.next(fault)
    const { response } = (await (await ask()).json()) as { response: { Attribute: object[] } }
    return response.Attribute
  }

  it('duplicates, a null, fields of the future, fields gone', async () => {
    const doubled = await rowsUnder({ kind: 'duplicates' })
    expect([doubled.length, new Set(doubled.map((row) => JSON.stringify(row))).size]).toEqual([
      ...[16, 12],
    ])
    expect((await rowsUnder({ kind: 'null-row' })).filter((row) => row === null)).toHaveLength(1)
    expect((await rowsUnder({ kind: 'extra-fields' }))[0]).toMatchObject({ Wave: null })
    const stripped = await rowsUnder({ kind: 'missing-fields' })
    for (const [i, field] of ['value', 'uuid', 'type', 'Event'].entries()) {
      expect([field, field in stripped[i]!, field in stripped[4]!]).toEqual([field, false, true])
    }
  })

  it('bytes that are no UTF-8, and a byte order mark', async () => {
    misp.faults.next({ kind: 'invalid-utf8' })
    const bytes = Buffer.from(await (await ask()).arrayBuffer())
    expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).toThrow(TypeError)
    misp.faults.next({ kind: 'bom' })
    const marked = Buffer.from(await (await ask()).arrayBuffer())
    expect([...marked.subarray(0, 4)]).toEqual([0xef, 0xbb, 0xbf, '{'.charCodeAt(0)])
  })
})

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SourceError } from '../../src/errors.js'
import type { AttributeOptions } from '../../src/misp/pages.js'
import type { Refusal } from '../../src/misp/rows.js'
import type { FaultSpec } from '../misp/faults.js'
import { type Standin, startStandin } from '../misp/standin.js'
import { bulkWorld } from '../misp/world.js'
import { allRows, clientFor, NEVER, type TestClient } from './client.js'
import { type Running, serve } from './servers.js'

const TOTAL = 5000
const clients: TestClient[] = []
let misp: Standin
let everyUuid: Set<string>

beforeAll(async () => {
  const store = () => bulkWorld({ attributes: TOTAL, eventsOf: [1, 300], now: 1_795_300_000 })
  misp = await startStandin({ store })
  everyUuid = new Set(misp.store.eventsById().flatMap((e) => e.attributes().map((r) => r.uuid)))
})
afterEach(async () => {
  misp.reset()
  for (const client of clients.splice(0)) await client.close()
})
afterAll(() => misp.close())

function open(pageSize: number): TestClient {
  const test = clientFor(misp.url, { key: misp.keys.readonly, pageSize })
  clients.push(test)
  return test
}

async function read(test: TestClient, options: AttributeOptions = {}) {
  const rows = await allRows(test.client.attributes({ deleted: [0, 1] }, options, NEVER))
  return { rows, uuids: new Set(rows.map(({ uuid }) => uuid)) }
}

function limits(): number[] {
  return misp.requests.map(({ filters }) => Number(filters.limit))
}

describe('pages', () => {
  it.each([
    [10_000, 1],
    [TOTAL + 1, 1],
    [TOTAL, 2],
    [TOTAL - 1, 2],
    [1000, 6],
    [777, 7],
  ])('of %i rows are %i requests for all rows, each once', async (pageSize, requests) => {
    const test = open(pageSize)
    const { rows, uuids } = await read(test)
    expect(rows).toHaveLength(TOTAL)
    expect(uuids).toEqual(everyUuid)
    expect(misp.requests).toHaveLength(requests)
    expect(test.metrics.read('tipline_pull_attributes_total', { source: 'main' })).toBe(TOTAL)
    expect(
      test.metrics.read('tipline_misp_received_bytes_total', { source: 'main' }),
    ).toBeGreaterThan(TOTAL * 400)
  })

  it('come in the order that was asked for', async () => {
    const { rows } = await read(open(700))
    const order = rows.map(({ eventId, id }) => Number(eventId) * 1e9 + Number(id))
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it('end where a page is short and nothing was skipped, and not before', async () => {
    const skip = (rows: number, skipped: number) => ({ rows, skipped })
    const plan = [skip(7, 3), skip(0, 10), skip(9, 1), skip(3, 0)]
    const server = await pagesOf(plan)
    const test = clientFor(`http://127.0.0.1:${server.port}`, { pageSize: 10 })
    clients.push(test)
    expect(await allRows(test.client.attributes({}, {}, NEVER))).toHaveLength(19)
    await server.close()
  })
})

describe('a limit of the user', () => {
  it.each([
    [50, 1000, [50]],
    [1000, 1000, [1000]],
    [2500, 1000, [1000, 1000, 1000]],
    [TOTAL + 5000, 10_000, [10_000]],
  ])('of %i rows is kept with pages of %i', async (maxRows, pageSize, asked) => {
    const { rows } = await read(open(pageSize), { maxRows })
    expect(rows).toHaveLength(Math.min(maxRows, TOTAL))
    expect(limits()).toEqual(asked)
  })
})

describe('a page that MISP can not manage', () => {
  it('is asked for again smaller, until it can', async () => {
    misp.faults.always({ kind: 'out-of-memory', limitAbove: 300 })
    const test = open(2000)
    const { uuids } = await read(test)
    expect(uuids).toEqual(everyUuid)
    expect(limits().slice(0, 3)).toEqual([2000, 1000, 250])
    const labels = { source: 'main', reason: 'server-error' }
    expect(test.metrics.read('tipline_misp_retries_total', labels)).toBeGreaterThan(1)
  })

  it('in the middle of the reading loses no row, and no page before it is read again', async () => {
    misp.faults.next({ kind: 'error-500', after: 2, times: 2 })
    const { rows, uuids } = await read(open(1000))
    expect(uuids).toEqual(everyUuid)
    expect(misp.requests.slice(0, 6).map(({ filters }) => [filters.limit, filters.page])).toEqual([
      [1000, 1],
      [1000, 2],
      [1000, 3],
      [500, 5],
      [125, 17],
      [125, 18],
    ])
    expect(rows.length).toBeLessThan(TOTAL + 250)
  })

  it('grows back slowly', async () => {
    misp.faults.next({ kind: 'bad-gateway' })
    const { uuids } = await read(open(400))
    expect(uuids).toEqual(everyUuid)
    const sizes = limits()
    expect(sizes.slice(0, 3)).toEqual([400, 200, 200])
    expect(sizes.at(-1)).toBe(400)
  })

  it('is remembered for the next reading', async () => {
    misp.faults.next({ kind: 'error-500' })
    const test = open(5001)
    await read(test)
    misp.requests.length = 0
    await read(test)
    expect(limits()[0]).toBe(2500)
  })

  it('whatever its size ends the reading with an error', async () => {
    misp.faults.always({ kind: 'error-500', after: 1 })
    const test = open(1000)
    await expect(read(test)).rejects.toMatchObject({ fault: 'server-error' })
    expect(limits()).toEqual([1000, 1000, 500, 125, 100, 100, 100])
    expect(test.waits).toHaveLength(5)
  })
})

describe('whatever goes wrong once', () => {
  const faults: FaultSpec[] = [
    { kind: 'error-500' },
    { kind: 'bad-gateway' },
    { kind: 'rate-limit' },
    { kind: 'reset' },
    { kind: 'cut-length' },
    { kind: 'cut-length', at: 0 },
    { kind: 'cut-length', at: 0.999 },
    { kind: 'cut-chunked' },
    { kind: 'cut-clean' },
    { kind: 'cut-clean', at: 0.999 },
    { kind: 'duplicates' },
    { kind: 'null-row' },
    { kind: 'extra-fields' },
    { kind: 'bom' },
    { kind: 'wrong-counts' },
    { kind: 'slow', bytes: 65_536, everyMs: 1 },
  ]

  it.each(faults)('loses no row: %j', async (fault) => {
    misp.faults.next({ ...fault, after: 2 })
    const { uuids } = await read(open(600))
    expect(uuids).toEqual(everyUuid)
  })
})

describe('rows that can not be read', () => {
  it('are told and counted, and the others are taken', async () => {
    misp.faults.next({ kind: 'missing-fields' })
    const refused: Refusal[] = []
    const test = open(1000)
    const { uuids } = await read(test, { onRefused: (refusal) => refused.push(refusal) })
    expect(uuids.size).toBe(TOTAL - refused.length)
    expect(refused.map(({ reason }) => reason)).toContain('uuid')
    const labels = { source: 'main', reason: 'uuid' }
    expect(test.metrics.read('tipline_pull_rows_refused_total', labels)).toBe(1)
  })

  it('for bytes that are no UTF-8 are none', async () => {
    misp.faults.next({ kind: 'invalid-utf8' })
    const { uuids } = await read(open(1000))
    expect(uuids).toEqual(everyUuid)
  })
})

describe('requests at once', () => {
  /** Reads three times beside each other from a MISP that fails the first `failures` requests. */
  async function mostAtOnce({ requests, failures }: { requests: number; failures: number }) {
    let open = 0
    let most = 0
    let asked = 0
    const failing: (() => void)[] = []
    const server = await serve((request, response) => {
      request.resume()
      asked += 1
      open += 1
      // What comes after the failures shows what has been learned of them.
      if (asked > failures) most = Math.max(most, open)
      const status = asked > failures ? 200 : 500
      const answer = () => {
        open -= 1
        response.writeHead(status, { 'content-type': 'application/json' })
        response.end('{"response":{"Attribute":[]}}')
      }
      if (status === 200) return void setTimeout(answer, 20)
      // All at once: one that is tried again must not fail in another's place.
      failing.push(answer)
      if (failing.length === failures) for (const fail of failing) fail()
    })
    const test = clientFor(`http://127.0.0.1:${server.port}`, { pageSize: 1000, requests })
    clients.push(test)
    const reading = () => allRows(test.client.attributes({}, {}, NEVER))
    await Promise.all([reading(), reading(), reading()])
    await server.close()
    return most
  }

  it('are no more than were asked for', async () => {
    expect(await mostAtOnce({ requests: 1, failures: 0 })).toBe(1)
    expect(await mostAtOnce({ requests: 2, failures: 0 })).toBe(2)
  })

  it('are one after the other where MISP could not manage a page', async () => {
    expect(await mostAtOnce({ requests: 2, failures: 2 })).toBe(1)
  })
})

describe('drifting pages', () => {
  it('lose nothing to soft deletions between them, when deleted rows are asked for too', async () => {
    misp.faults.next({ kind: 'drift', after: 1 })
    const { uuids } = await read(open(1000))
    expect(uuids).toEqual(everyUuid)
  })
})

describe('a server that turns no pages', () => {
  it('and sends everything each time is read to the end', async () => {
    const server = await pagesOf([{ rows: 30, skipped: 0 }], { again: true })
    const test = clientFor(`http://127.0.0.1:${server.port}`, { pageSize: 10 })
    clients.push(test)
    for (const maxRows of [undefined, 25]) {
      const options = maxRows === undefined ? {} : { maxRows }
      const rows = await allRows(test.client.attributes({}, options, NEVER))
      expect(new Set(rows.map(({ uuid }) => uuid)).size).toBe(maxRows ?? 30)
    }
    const requests = { source: 'main', status: '200' }
    expect(test.metrics.read('tipline_misp_requests_total', requests)).toBe(4)
    await server.close()
  })

  it('and sends one page each time is not believed', async () => {
    const server = await pagesOf([{ rows: 10, skipped: 0 }], { again: true })
    const test = clientFor(`http://127.0.0.1:${server.port}`, { pageSize: 10 })
    clients.push(test)
    await expect(allRows(test.client.attributes({}, {}, NEVER))).rejects.toThrow(SourceError)
    await server.close()
  })

  it('and skips everything each time is not believed for ever', async () => {
    const server = await pagesOf([{ rows: 0, skipped: 10 }], { again: true })
    const test = clientFor(`http://127.0.0.1:${server.port}`, { pageSize: 10 })
    clients.push(test)
    const reading = allRows(test.client.attributes({}, {}, NEVER))
    await expect(reading).rejects.toMatchObject({ fault: 'not-misp' })
    await server.close()
  })
})

/** Answers one page after the other, or with `again` always the first. */
function pagesOf(
  plan: readonly { rows: number; skipped: number }[],
  { again = false } = {},
): Promise<Running> {
  let page = 0
  return serve((request, response) => {
    request.resume()
    const { rows, skipped } = plan[again ? 0 : page] ?? { rows: 0, skipped: 0 }
    const from = again ? 0 : page * 1000
    const elements = Array.from({ length: rows }, (_, i) => attribute(from + i))
    page++
    response.setHeader('x-skipped-elements-count', skipped)
    response.end(JSON.stringify({ response: { Attribute: elements } }))
  })
}

function attribute(number: number) {
  const uuid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
  const Event = { uuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464', info: 'x', publish_timestamp: '1' }
  const fixed = { event_id: '1', type: 'domain', value: 'evil.example', to_ids: true }
  return { id: String(number), uuid, timestamp: '1', ...fixed, Event }
}

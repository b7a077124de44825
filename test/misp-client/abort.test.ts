import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { clientFor, type TestClient } from './client.js'
import { type Running, serve } from './servers.js'

const ROW = JSON.stringify({
  id: '1',
  event_id: '1',
  uuid: '9c529c4f-2b54-4ba9-b6d6-8ac33669c6f8',
  type: 'domain',
  value: 'evil.example',
  to_ids: true,
  timestamp: '1',
  Event: { uuid: '0b3c131a-a48f-4240-ab77-dbc03c7d5464', info: 'x' },
})
const HEAD = `{"response": {"Attribute": [${ROW},`

let server: Running
let test: TestClient
afterEach(async () => {
  await test.close()
  await server.close()
})

/** Answers with a first row and then never ends. */
async function endless() {
  server = await serve((request, response) => {
    request.resume()
    response.write(HEAD)
  })
  test = clientFor(`http://127.0.0.1:${server.port}`)
}

/** Hangs, and so fails, while a connection stays open. undici opens another one and closes it too. */
async function allClosed(): Promise<void> {
  while (server.open.size > 0) {
    await Promise.all([...server.open].map((socket) => once(socket, 'close')))
  }
}

describe('an abort', () => {
  it('before anything was asked asks nothing', async () => {
    await endless()
    const { client } = test
    const reason = new Error('stop')
    await expect(client.me(AbortSignal.abort(reason))).rejects.toBe(reason)
    expect(server.open.size).toBe(0)
  })

  it('while MISP thinks closes the connection', async () => {
    server = await serve(() => controller.abort(reason))
    test = clientFor(`http://127.0.0.1:${server.port}`)
    const controller = new AbortController()
    const reason = new Error('stop')
    await expect(test.client.me(controller.signal)).rejects.toBe(reason)
    await expect(allClosed()).resolves.toBeUndefined()
  })

  it('in the middle of an answer closes the connection', async () => {
    await endless()
    const controller = new AbortController()
    const reason = new Error('stop')
    let rows = 0
    const reading = async () => {
      for await (const batch of test.client.attributes({}, {}, controller.signal)) {
        rows += batch.length
        controller.abort(reason)
      }
    }
    await expect(reading()).rejects.toBe(reason)
    expect(rows).toBe(1)
    await expect(allClosed()).resolves.toBeUndefined()
  })

  it('between two tries ends the wait', async () => {
    const controller = new AbortController()
    const reason = new Error('stop')
    server = await serve((_, response) => response.writeHead(500).end())
    test = clientFor(`http://127.0.0.1:${server.port}`, {
      sleep: async (_, signal) => {
        controller.abort(reason)
        signal?.throwIfAborted()
      },
    })
    await expect(test.client.version(controller.signal)).rejects.toBe(reason)
  })
})

describe('a reader that leaves early', () => {
  it('closes the connection', async () => {
    await endless()
    const { signal } = new AbortController()
    for await (const batch of test.client.attributes({}, {}, signal)) if (batch.length > 0) break
    await expect(allClosed()).resolves.toBeUndefined()
  })
})

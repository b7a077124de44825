/** The key is in no error, no log line and no metric, whatever the server answers. */

import type { RequestListener } from 'node:http'
import { inspect } from 'node:util'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../src/log.js'
import { allRows, clientFor, KEY, NEVER, type TestClient } from './client.js'
import { type Running, serve } from './servers.js'

const running: (Running | TestClient)[] = []
afterEach(async () => {
  for (const thing of running.splice(0).reverse()) await thing.close()
})
afterAll(() => expect(running).toEqual([]))

/** Servers that say the key back wherever they can. */
const ECHOES: [string, RequestListener][] = [
  ['the message of a 403', (_, r) => r.writeHead(403).end(`{"message":"bad key ${KEY}"}`)],
  ['the message of a 500', (_, r) => r.writeHead(500).end(`{"message":"${KEY}"}`)],
  ['a page', (_, r) => r.writeHead(502).end(`<html>${KEY}</html>`)],
  [
    'where a redirect points',
    (_, r) => r.writeHead(302, { location: `https://${KEY}.example/${KEY}` }).end(),
  ],
  ['the reason of a status', (_, r) => r.writeHead(404, KEY).end()],
  ['JSON of another shape', (_, r) => r.end(`{"message":"${KEY}"}`)],
  ['what is no JSON', (_, r) => r.end(`{"response": {"Attribute": [${KEY}`)],
  ['what is no HTTP', (_, r) => r.socket?.end(`${KEY} ${KEY}\r\n\r\n`)],
  ['a header', (_, r) => r.writeHead(429, { 'x-rate-limit-reset': KEY }).end()],
  [
    'half an answer',
    (_, r) => {
      r.writeHead(200, { 'content-length': 1000 }).write(`{"x":"${KEY}`)
      setTimeout(() => r.socket?.destroy(), 5)
    },
  ],
  ['the names of fields', (_, r) => r.end(`{"response":{"Attribute":[{"${KEY}":1},"${KEY}"]}}`)],
]

describe('a server that says the key back in', () => {
  it.each(ECHOES)('%s', async (_, listener) => {
    const server = await serve((request, response) => {
      request.resume()
      listener(request, response)
    })
    const lines: string[] = []
    const destination = { write: (line: string) => lines.push(line) }
    const log = await createLogger({ level: 'trace', pretty: false, destination })
    const test = clientFor(`http://user:${KEY}@127.0.0.1:${server.port}`, { log, attempts: 3 })
    running.push(server, test)

    const errors: unknown[] = []
    const note = (error: unknown) => errors.push(error)
    const { client } = test
    await allRows(client.attributes({}, { onRefused: note }, NEVER)).catch(note)
    await client.eventIndex({}, NEVER).catch(note)
    await client.me(NEVER).catch(note)
    await client.version(NEVER).catch(note)
    await client.warninglists(NEVER).catch(note)
    await client.count({}, NEVER).catch(note)

    expect(errors.length).toBeGreaterThan(4)
    for (const error of errors) log.error({ err: error }, 'failed')
    const shown = [
      ...lines,
      ...errors.map((error) => inspect(error, { depth: 10, showHidden: true })),
      ...errors.map((error) => JSON.stringify(error)),
      ...errors.map((error) => JSON.stringify(hintOf(error))),
      JSON.stringify(test.metrics.samples()),
    ].join('\n')
    expect(shown).not.toContain(KEY)
    expect(shown.toLowerCase()).not.toContain(KEY.toLowerCase())
  })
})

function hintOf(error: unknown): unknown {
  return error instanceof Error && 'hint' in error ? error.hint : undefined
}

/** The feed maker against the recorded feed, and its server. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fixture } from '../misp/fixtures.js'
import { recordedWorld } from '../misp/recorded.js'
import { makeFeed } from './make.js'
import { type FeedServer, NOT_FOUND, serveFeed } from './serve.js'

const EVENT_A = '0b3c131a-a48f-4240-ab77-dbc03c7d5464'
const folder = mkdtempSync(join(tmpdir(), 'feed-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('a feed of the recorded world', () => {
  const recorded = JSON.parse(fixture('feed_manifest_and_hashes.json')) as {
    'manifest.json': Record<string, object>
    'hashes.csv_first_lines': string[]
  }
  beforeAll(() => makeFeed(folder, recordedWorld()))

  it('has the recorded manifest, without what was never published', () => {
    const manifest = JSON.parse(read('manifest.json')) as Record<string, object>
    expect(Object.keys(manifest)).toHaveLength(4)
    expect(manifest[EVENT_A]).toEqual(recorded['manifest.json'][EVENT_A])
    const other = 'bec1c2a5-f07a-434e-8d54-4042c9764fcf'
    expect(manifest[other]).toEqual(recorded['manifest.json'][other])
  })

  it('has the recorded hashes, both halves of composites', () => {
    const lines = read('hashes.csv').split('\n')
    expect(lines.slice(0, 8)).toEqual(recorded['hashes.csv_first_lines'])
    const half = createHash('md5').update('bd19836ddb62c11c55ab251ccaca5645').digest('hex')
    expect(lines).toContain(`${half},${EVENT_A}`)
  })

  it('has the recorded event', () => {
    const { content } = JSON.parse(fixture('feed_event.json')) as { content: object }
    expect(JSON.parse(read(`${EVENT_A}.json`))).toEqual(content)
  })

  it('puts the attributes of objects inside them', () => {
    const { Event } = JSON.parse(read('4936b2ad-f49a-4202-a468-9b339f6786e4.json')) as {
      Event: { Attribute: unknown[]; Object: { name: string; Attribute: unknown[] }[] }
    }
    expect(Event.Attribute).toEqual([])
    expect(Event.Object.map((object) => [object.name, object.Attribute.length])).toEqual([
      ['file', 4],
      ['domain-ip', 2],
    ])
  })
})

describe('a feed of one event', () => {
  it('carries the digest of each file when asked to', () => {
    makeFeed(folder, [{ uuid: EVENT_A, attributes: [{ type: 'domain', value: 'evil.example' }] }], {
      integrity: true,
    })
    const manifest = JSON.parse(read('manifest.json')) as Record<string, Record<string, string>>
    const digest = createHash('sha256')
      .update(read(`${EVENT_A}.json`))
      .digest('hex')
    expect(manifest[EVENT_A]!['integrity:sha256']).toBe(digest)
  })
})

describe('a feed over HTTP', () => {
  let feed: FeedServer
  beforeAll(async () => {
    feed = await serveFeed(folder)
  })
  afterAll(() => feed.close())
  const fetched = (file: string, headers = {}) =>
    fetch(new URL(file, feed.url), { headers, redirect: 'manual' })

  it('serves the files of the folder and nothing beside it', async () => {
    const response = await fetched('manifest.json')
    expect(await response.text()).toBe(read('manifest.json'))
    expect((await fetched('nothing.json')).status).toBe(404)
    expect((await fetched('..%2f..%2fetc%2fhosts')).status).toBe(404)
    const tag = response.headers.get('etag')!
    expect((await fetched('manifest.json', { 'If-None-Match': tag })).status).toBe(304)
  })

  it('fails on demand', async () => {
    feed.faults.next({ ...NOT_FOUND, path: 'manifest.json' })
    feed.faults.next({ kind: 'login-page', after: 1 })
    feed.faults.next({ kind: 'login-redirect', after: 2 })
    feed.faults.next({ kind: 'cut-length', after: 3 })
    expect((await fetched('manifest.json')).status).toBe(404)
    expect((await fetched('manifest.json')).headers.get('content-type')).toMatch('text/html')
    expect((await fetched('manifest.json')).status).toBe(302)
    await expect(fetched('manifest.json').then((response) => response.text())).rejects.toThrow()
    expect((await fetched('manifest.json')).status).toBe(200)
    expect(feed.requests.slice(-5).map((request) => request.status)).toEqual([
      ...[404, 200, 302, 200, 200],
    ])
  })
})

function read(file: string): string {
  return readFileSync(join(folder, file), 'utf8')
}

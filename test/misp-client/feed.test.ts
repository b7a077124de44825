import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from 'undici'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SourceError } from '../../src/errors.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { type Feed, openFeed, type UrlFeedOptions } from '../../src/misp/feed.js'
import { NEVER } from './client.js'
import { type Running, serve } from './servers.js'

const BODIES = JSON.parse(
  readFileSync(new URL('../fixtures/misp-client/bodies.json', import.meta.url), 'utf8'),
) as Record<string, string>
const EVENT = '0b3c131a-a48f-4240-ab77-dbc03c7d5464'
const OTHER = 'bec1c2a5-f07a-434e-8d54-4042c9764fcf'
const ENTRY = { Orgc: { name: 'ORGNAME' }, Tag: [], info: 'x', date: '2026-11-20', timestamp: 1 }

let folder: string
let server: Running
let status: number | undefined
let seen: { url: string; authorization: string | undefined }[] = []
const dispatcher = new Agent()

beforeAll(async () => {
  server = await serve((request, response) => {
    const { url = '', headers } = request
    seen.push({ url, authorization: headers.authorization })
    if (status !== undefined) {
      response.writeHead(status, { location: 'https://elsewhere.example/x' }).end('{}')
      return
    }
    try {
      response.end(readFileSync(join(folder, url.replace('/feed/', ''))))
    } catch {
      response.writeHead(404).end('Not found')
    }
  })
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tipline-feed-'))
  await put('manifest.json', BODIES.feed_manifest ?? '')
  await put(`${EVENT}.json`, BODIES.feed_event ?? '')
})
afterEach(async () => {
  seen = []
  status = undefined
  await rm(folder, { recursive: true })
})
afterAll(async () => {
  await dispatcher.close()
  await server.close()
})

function put(name: string, content: string | Buffer): Promise<void> {
  return writeFile(join(folder, name), content)
}

function putManifest(entries: Record<string, unknown>): Promise<void> {
  return put('manifest.json', JSON.stringify(entries))
}

function putEvent(event: Record<string, unknown>, name = EVENT): Promise<void> {
  const Event = { uuid: EVENT, info: 'x', timestamp: '1', Attribute: [], ...event }
  return put(`${name}.json`, JSON.stringify({ Event }))
}

const attribute = (last: string, more: Record<string, unknown> = {}) => ({
  uuid: `00000000-0000-4000-8000-00000000000${last}`,
  type: 'domain',
  value: 'evil.example',
  to_ids: true,
  timestamp: '1',
  ...more,
})

const metrics = new Metrics()
const common = () => ({
  name: 'open',
  log: silentLogger(),
  metrics,
  sleep: async () => undefined,
})
const fromFolder = () => openFeed({ ...common(), folder })
const fromUrl = (options: Partial<UrlFeedOptions> = {}) =>
  openFeed({ ...common(), dispatcher, url: `http://127.0.0.1:${server.port}/feed`, ...options })

async function faultOf(work: Promise<unknown>): Promise<SourceError> {
  const error = await work.catch((error: unknown) => error)
  if (error instanceof SourceError) return error
  throw new Error('expected a SourceError', { cause: error })
}

describe.each([
  ['a folder', fromFolder],
  ['a URL', fromUrl],
] as const)('a feed in %s', (_, open) => {
  it('lists its events', async () => {
    const { rows, refused, fetchedAt } = await open().manifest(NEVER)
    expect(refused).toBe(0)
    expect(fetchedAt).toBeGreaterThan(1.7e9)
    expect(rows).toHaveLength(3)
    expect(rows[0]).toEqual({
      uuid: EVENT,
      timestamp: 1795291164,
      info: expect.stringContaining('Événement'),
      tags: ['tlp:amber', 'misp-galaxy:threat-actor="APT28"', 'say "hi", it\'s é'],
      orgcName: 'ORGNAME',
    })
  })

  it('gives an event as recorded', async () => {
    const { meta, rows, refused } = await open().event(EVENT, NEVER)
    expect(refused).toEqual([])
    expect(rows).toHaveLength(55)
    expect(meta).toMatchObject({
      id: '',
      uuid: EVENT,
      timestamp: 1795291164,
      publishTimestamp: 1795291165,
      published: true,
      orgcName: 'ORGNAME',
      attributeCount: 55,
      threatLevel: 1,
    })
    expect(rows[0]).toMatchObject({
      uuid: '9c529c4f-2b54-4ba9-b6d6-8ac33669c6f8',
      id: '',
      eventId: '',
      eventUuid: EVENT,
      eventInfo: meta.info,
      type: 'md5',
      toIds: true,
      tags: ['tlp:amber', 'kill-chain:Delivery'],
      eventTags: meta.tags,
    })
  })

  it('gives the attributes of objects, and marks what is deleted', async () => {
    await putEvent({
      Attribute: [attribute('1'), attribute('2', { deleted: true })],
      Object: [
        { Attribute: [attribute('3', { object_relation: 'domain' })] },
        { deleted: true, Attribute: [attribute('4')] },
        null,
      ],
    })
    const { rows } = await open().event(EVENT, NEVER)
    const brief = rows.map(({ uuid, deleted, objectRelation }) => [
      uuid.at(-1),
      deleted,
      objectRelation,
    ])
    expect(brief).toEqual([
      ['1', false, null],
      ['2', true, null],
      ['3', false, 'domain'],
      ['4', true, null],
    ])
  })

  it('goes on after attributes that can not be read, and tells of them', async () => {
    const bad = attribute('2', { value: null })
    await putEvent({ Attribute: [attribute('1'), bad, null, attribute('3')] })
    const { rows, refused } = await open().event(EVENT, NEVER)
    expect(rows).toHaveLength(2)
    expect(refused.map(({ reason }) => reason)).toEqual(['value', 'not-an-object'])
  })

  it('is held to the SHA-256 in its manifest', async () => {
    const bytes = BODIES.feed_event ?? ''
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await putManifest({ [EVENT]: { ...ENTRY, 'integrity:sha256': sha256.toUpperCase() } })
    expect((await open().event(EVENT, NEVER)).rows).toHaveLength(55)
    await put(`${EVENT}.json`, `${bytes} `)
    const error = await faultOf(open().event(EVENT, NEVER))
    expect(error).toMatchObject({ fault: 'integrity' })
    expect(error.message).toContain(EVENT)
  })

  it.each([['nonsense'], [null], [5]])('is not believed with %j for a SHA-256', async (sha256) => {
    await putManifest({ [EVENT]: { ...ENTRY, 'integrity:sha256': sha256 } })
    expect(await faultOf(open().event(EVENT, NEVER))).toMatchObject({ fault: 'integrity' })
  })

  it('is not believed when a file holds another event', async () => {
    await putEvent({ uuid: OTHER })
    expect(await faultOf(open().event(EVENT, NEVER))).toMatchObject({ fault: 'integrity' })
  })

  it('names the event whose file is missing', async () => {
    const feed = open()
    await feed.manifest(NEVER)
    const error = await faultOf(feed.event(OTHER, NEVER))
    expect(error).toMatchObject({ fault: 'not-found', source: 'open' })
    expect(error.message).toContain(OTHER)
  })

  it('says what to do where there is no manifest', async () => {
    await rm(join(folder, 'manifest.json'))
    const error = await faultOf(open().manifest(NEVER))
    expect(error).toMatchObject({
      fault: 'not-found',
      hint: expect.stringContaining('manifest.json'),
    })
  })

  it.each([
    ['nothing', '', 'cut'],
    ['half of it', '{"a":', 'cut'],
    ['a page', '<!DOCTYPE html>', 'not-misp'],
    ['a list', '[]', 'not-misp'],
    ['text', '"x"', 'not-misp'],
  ])('with %s for a manifest is not believed', async (_, content, fault) => {
    await put('manifest.json', content)
    expect(await faultOf(open().manifest(NEVER))).toMatchObject({ fault })
  })

  it.each([
    ['half of it', '{"Event": {"uuid":', 'cut'],
    ['a page', '<html>', 'not-misp'],
    ['no Event', '{"event": {}}', 'not-misp'],
    ['an Event that says nothing', '{"Event": {}}', 'not-misp'],
  ])('with %s for an event is not believed', async (_, content, fault) => {
    await put(`${EVENT}.json`, content)
    expect(await faultOf(open().event(EVENT, NEVER))).toMatchObject({ fault })
  })

  it('lets no name in its manifest reach outside', async () => {
    const outside = ['../secret', '/etc/passwd', `..%2f${EVENT}`, `${EVENT}/../x`, `${EVENT}\n`, '']
    await putManifest(Object.fromEntries([...outside, EVENT].map((name) => [name, ENTRY])))
    const feed = open()
    const { rows, refused } = await feed.manifest(NEVER)
    expect(rows.map(({ uuid }) => uuid)).toEqual([EVENT])
    expect(refused).toBe(outside.length)
    const asked = seen.length
    for (const name of outside) {
      expect(await faultOf(feed.event(name, NEVER))).toMatchObject({ fault: 'not-found' })
    }
    expect(seen).toHaveLength(asked)
  })

  it('finds files that are named in capitals, and gives UUIDs in lower case', async () => {
    const capital = EVENT.toUpperCase()
    await putManifest({ [capital]: ENTRY })
    await rm(join(folder, `${EVENT}.json`))
    await putEvent({ uuid: capital, Attribute: [attribute('1')] }, capital)
    const feed = open()
    const { rows } = await feed.manifest(NEVER)
    expect(rows[0]?.uuid).toBe(EVENT)
    const { meta } = await feed.event(EVENT, NEVER)
    expect(meta.uuid).toBe(EVENT)
  })

  it('stops when aborted', async () => {
    const reason = new Error('stop')
    await expect(open().manifest(AbortSignal.abort(reason))).rejects.toBe(reason)
  })
})

describe('files', () => {
  it('that are too large are not read', async () => {
    const feed = openFeed({ ...common(), folder, maxFileBytes: 100 })
    expect(await faultOf(feed.manifest(NEVER))).toMatchObject({ fault: 'integrity' })
    const remote = fromUrl({ maxFileBytes: 100 })
    expect(await faultOf(remote.manifest(NEVER))).toMatchObject({ fault: 'integrity' })
    expect(seen).toHaveLength(1)
  })

  it('that are no files are not read', async () => {
    await putManifest({ [EVENT]: ENTRY, [OTHER]: ENTRY })
    await rm(join(folder, `${EVENT}.json`))
    await mkdir(join(folder, `${EVENT}.json`))
    await symlink('/dev/zero', join(folder, `${OTHER}.json`))
    const feed = fromFolder()
    for (const uuid of [EVENT, OTHER]) {
      expect(await faultOf(feed.event(uuid, NEVER))).toMatchObject({ fault: 'not-found' })
    }
  })
})

describe('a URL', () => {
  it.each(['/feed', '/feed/', '/feed//', '/feed/manifest.json', '/feed/?a=b#c'])(
    'may be written as %s',
    async (path) => {
      const url = `http://127.0.0.1:${server.port}${path}`
      expect((await fromUrl({ url }).manifest(NEVER)).rows).toHaveLength(3)
      expect(seen.map((request) => request.url)).toEqual(['/feed/manifest.json'])
    },
  )

  it('may carry a login, which is in no error', async () => {
    status = 401
    const url = `http://reader:p%40ssw0rd@127.0.0.1:${server.port}/feed`
    const error = await faultOf(fromUrl({ url }).manifest(NEVER))
    expect(error).toMatchObject({ fault: 'forbidden' })
    expect(`${error.message} ${error.hint}`).not.toContain('ssw0rd')
    const basic = `Basic ${Buffer.from('reader:p@ssw0rd').toString('base64')}`
    expect(seen[0]?.authorization).toBe(basic)
  })

  it('sends the headers of the config', async () => {
    await fromUrl({ headers: { authorization: 'Bearer token-of-feed' } }).manifest(NEVER)
    expect(seen[0]?.authorization).toBe('Bearer token-of-feed')
  })

  it.each([
    [301, 'not-misp', 1],
    [403, 'forbidden', 1],
    [404, 'not-found', 1],
    [410, 'not-found', 1],
    [503, 'server-error', 6],
  ])('that answers %i is %s after %i tries', async (code, fault, tries) => {
    status = code
    expect(await faultOf(fromUrl().manifest(NEVER))).toMatchObject({ fault })
    expect(seen).toHaveLength(tries)
  })
})

describe('what is counted', () => {
  it('are attributes and refusals', async () => {
    const counted = new Metrics()
    const feed: Feed = openFeed({ ...common(), metrics: counted, folder })
    await putEvent({ Attribute: [attribute('1'), null] })
    await feed.event(EVENT, NEVER)
    expect(counted.read('tipline_pull_attributes_total', { source: 'open' })).toBe(1)
    const labels = { source: 'open', reason: 'not-an-object' }
    expect(counted.read('tipline_pull_rows_refused_total', labels)).toBe(1)
  })
})

/** A MISP feed as a source: a folder or a URL with a manifest. */
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SyncReport } from '../../src/sync/sync.js'
import { makeFeed } from '../feeds/make.js'
import { type FeedServer, NOT_FOUND, serveFeed } from '../feeds/serve.js'
import { Store } from '../misp/store.js'
import { feedSettings, House, removedIn } from './house.js'
import { Oracle, type Wanted } from './oracle.js'
import { DAY, domains, HOUR, NOW } from './rig.js'

let folder: string
let store: Store
let server: FeedServer
let house: House
let oracle: Oracle

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-feed-'))
  store = new Store({ now: NOW })
  const old = { timestamp: NOW - DAY }
  store.addEvent({ ...old, tags: ['tlp:green'], attributes: domains(3, 'a') })
  store.addEvent({ ...old, attributes: domains(3, 'b') })
  store.addEvent({
    ...old,
    attributes: [{ type: 'ip-dst', value: '198.51.100.7' }, ...domains(2, 'c')],
  })
  makeFeed(folder, store)
  server = await serveFeed(folder)
  house = new House({
    sources: [feedSettings({ path: folder })],
    clock: () => store.now,
    attempts: 2,
  })
  oracle = new Oracle()
})
afterEach(async () => {
  await house.close()
  await server.close()
  rmSync(folder, { recursive: true })
})

async function syncRight(): Promise<SyncReport> {
  const report = await house.sync()
  expect(report.status).toBe(0)
  expect([...(await house.live()).keys()].sort()).toEqual([...oracle.live(store).keys()])
  return report
}

/** Something changes, and the feed is written anew. */
async function rewrite(change: (store: Store) => void, options = {}): Promise<void> {
  store.advance(HOUR)
  change(store)
  for (const id of store.events.keys()) store.publish(id)
  makeFeed(folder, store, options)
}

const fileOf = (id: number) => join(folder, `${store.event(id).uuid}.json`)
const values = async () => [...(await house.live()).keys()]
const warnings = ({ sources: [source] }: SyncReport) => (source?.ok ? source.warnings : [])

function edit(id: number, change: (event: { Attribute: Record<string, unknown>[] }) => void): void {
  const json = JSON.parse(readFileSync(fileOf(id), 'utf8'))
  change(json.Event)
  writeFileSync(fileOf(id), JSON.stringify(json))
}

const places = { 'a folder': () => ({ path: folder }), 'a URL': () => ({ url: server.url }) }
for (const [what, place] of Object.entries(places)) {
  describe(`a feed in ${what}`, () => {
    beforeEach(() => house.configure({ sources: [feedSettings(place())] }))

    it('is followed: events that change, come and go', async () => {
      await syncRight()
      expect((await house.pieces()).get('ip:198.51.100.7')).toBe(`${store.event(3).uuid}#ip-dst`)
      await rewrite((s) => {
        s.editAttribute(1, { value: 'moved.example.com' })
        s.setToIds(2, false)
        s.softDelete(3)
        s.deleteEvent(2)
        s.addEvent({ attributes: domains(2, 'new') })
      })
      const report = await syncRight()
      expect(removedIn(report)).toEqual({ to_ids: 1, absent: 4 })
    })

    it('is checked where the manifest says how', async () => {
      makeFeed(folder, store, { integrity: true })
      await syncRight()
      await rewrite((s) => s.editAttribute(1, { value: 'moved.example.com' }), { integrity: true })
      edit(1, (event) => event.Attribute.pop())
      const report = await house.sync()
      expect(report.status).toBe(0)
      expect(warnings(report)).toMatchObject([expect.stringMatching(/SHA-256/)])
      expect(await values()).toContain('domain:a0.example.com')
      makeFeed(folder, store, { integrity: true })
      await syncRight()
    })

    it('may lack a file: what is known of its event stays', async () => {
      await syncRight()
      await rewrite((s) => {
        s.editAttribute(1, { value: 'moved.example.com' })
        s.editAttribute(4, { value: 'moved2.example.com' })
      })
      const text = readFileSync(fileOf(1))
      rmSync(fileOf(1))
      const report = await house.sync()
      expect(report.status).toBe(0)
      expect(warnings(report)).toHaveLength(1)
      expect(await values()).toContain('domain:a0.example.com')
      expect(await values()).toContain('domain:moved2.example.com')
      writeFileSync(fileOf(1), text)
      await syncRight()
    })

    it('may have a file that is cut', async () => {
      await syncRight()
      await rewrite((s) => s.editAttribute(1, { value: 'moved.example.com' }))
      truncateSync(fileOf(1), 300)
      const report = await house.sync()
      expect(warnings(report)).toHaveLength(1)
      expect(await values()).toContain('domain:a0.example.com')
    })

    for (const [how, spoil] of Object.entries({
      cut: () => truncateSync(join(folder, 'manifest.json'), 200),
      empty: () => truncateSync(join(folder, 'manifest.json'), 0),
      'a page': () => writeFileSync(join(folder, 'manifest.json'), '<html>busy</html>'),
      'a list': () => writeFileSync(join(folder, 'manifest.json'), '[]'),
      'not there': () => rmSync(join(folder, 'manifest.json')),
    })) {
      it(`changes nothing when its manifest is ${how}`, async () => {
        await syncRight()
        await rewrite((s) => s.deleteEvent(1))
        spoil()
        const before = await house.dump()
        const report = await house.sync()
        expect(report.status).toBe(3)
        expect(await house.dump()).toEqual(before)
        makeFeed(folder, store)
        await syncRight()
      })
    }

    it('does not take events for gone while its manifest is partly unreadable', async () => {
      await syncRight()
      const path = join(folder, 'manifest.json')
      const manifest = JSON.parse(readFileSync(path, 'utf8'))
      manifest[store.event(1).uuid] = 'what?'
      writeFileSync(path, JSON.stringify(manifest))
      expect((await house.sync()).status).toBe(0)
      await syncRight()
    })

    it('tells what is gone and what it can not read, though an entry never becomes readable', async () => {
      await syncRight()
      const path = join(folder, 'manifest.json')
      const manifest = JSON.parse(readFileSync(path, 'utf8'))
      delete manifest[store.event(1).uuid].timestamp
      delete manifest[store.event(2).uuid]
      writeFileSync(path, JSON.stringify(manifest))
      store.deleteEvent(2)
      const { sources } = await syncRight()
      const told = ['what the manifest says of 1 events is unreadable; they stay']
      expect(sources).toMatchObject([{ removed: { absent: 3 }, warnings: told }])
      manifest.about = {}
      delete manifest[store.event(3).uuid]
      writeFileSync(path, JSON.stringify(manifest))
      const report = await syncRight()
      expect(report.sources[0]?.ok && report.sources[0].warnings).toContain(
        '1 entries of the manifest name no event; nothing is taken for gone',
      )
    })

    it('is read anew when the filters change', async () => {
      await syncRight()
      const wanted: Wanted = { tags: ['tlp:green'], toIds: false }
      oracle = new Oracle(wanted)
      const filters = { tags: wanted.tags, to_ids: wanted.toIds }
      house.configure({ sources: [feedSettings({ ...place(), filters })] })
      const report = await syncRight()
      expect(removedIn(report)).toEqual({ tag: 6 })
    })
  })
}

describe('rows of a feed', () => {
  it('of objects count, unless the object or the row is deleted', async () => {
    const object = (id: number) => ({
      id,
      uuid: `f88e81a7-3eef-471c-8031-95400000000${id}`,
      name: 'file',
      distribution: 5,
      deleted: false,
    })
    await rewrite((s) =>
      s.addEvent({
        objects: [object(1), object(2)],
        attributes: domains(4, 'o').map((row, n) => ({ ...row, object_id: 1 + (n % 2) })),
      }),
    )
    await syncRight()
    expect(await values()).toContain('domain:o3.example.com')
    const id = store.eventsById().at(-1)!.id
    store.advance(HOUR)
    edit(id, (event) => {
      const objects = (event as unknown as { Object: Record<string, unknown>[] }).Object
      objects[0]!.deleted = true
      ;(objects[1]!.Attribute as Record<string, unknown>[])[0]!.deleted = true
    })
    bump(id)
    const report = await house.sync()
    expect(removedIn(report)).toEqual({ deleted: 3 })
    expect(await values()).toContain('domain:o3.example.com')
  })

  it('that can not be read stay as they are known, and are read again', async () => {
    await syncRight()
    edit(1, (event) => {
      event.Attribute[0]!.value = ['?']
      event.Attribute[1] = { type: 'domain', value: 'nameless.example.com' }
    })
    bump(1)
    const report = await house.sync()
    expect(report.status).toBe(0)
    expect(removedIn(report)).toEqual({})
    expect(warnings(report)).toMatchObject([expect.stringMatching(/2 attributes .* unreadable/)])
    makeFeed(folder, store)
    bump(1)
    await syncRight()
  })

  /** The manifest says that the event has changed. */
  function bump(id: number): void {
    const path = join(folder, 'manifest.json')
    const manifest = JSON.parse(readFileSync(path, 'utf8'))
    manifest[store.event(id).uuid].timestamp = store.now
    writeFileSync(path, JSON.stringify(manifest))
  }
})

describe('requests to a feed', () => {
  beforeEach(() => house.configure({ sources: [feedSettings({ url: server.url })] }))
  const asked = () => server.requests.splice(0).map(({ path }) => path.slice(1))

  it('are for the manifest, and for files that changed', async () => {
    await syncRight()
    expect(asked()).toHaveLength(4)
    await syncRight()
    expect(asked()).toEqual(['manifest.json'])
    await rewrite((s) => s.editAttribute(1, { value: 'moved.example.com' }))
    await syncRight()
    expect(asked()).toEqual(['manifest.json', `${store.event(1).uuid}.json`])
  })

  it('that fail for a whole server change nothing', async () => {
    await syncRight()
    await rewrite((s) => {
      s.deleteEvent(2)
      s.editAttribute(1, { value: 'moved.example.com' })
    })
    const before = await house.dump()
    for (const fault of [
      'error-500',
      'forbidden',
      'login-redirect',
      'reset',
      'cut-length',
    ] as const) {
      server.faults.always({ kind: fault, path: 'manifest' })
      expect((await house.sync()).status).toBe(3)
      server.faults.clear()
    }
    for (const fault of ['error-500', 'forbidden', 'reset'] as const) {
      server.faults.always({ kind: fault, after: 1 })
      expect((await house.sync()).status).toBe(3)
      server.faults.clear()
    }
    server.faults.always({ ...NOT_FOUND, path: 'manifest' })
    expect((await house.sync()).status).toBe(3)
    server.faults.clear()
    expect(await house.dump()).toEqual(before)
    await syncRight()
  })
})

describe('the guard', () => {
  it('does not believe that a feed lost most of its events', async () => {
    await rewrite((s) => s.addEvent({ attributes: domains(200, 'many') }))
    await syncRight()
    writeFileSync(join(folder, 'manifest.json'), '{}')
    const report = await house.sync()
    expect(report.status).toBe(4)
    expect(await values()).toHaveLength(209)
    makeFeed(folder, store)
    await syncRight()
  })
})

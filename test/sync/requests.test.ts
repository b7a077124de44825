/** What a cycle costs: MISP in requests, the sink in writes. */
import { afterEach, describe, expect, it } from 'vitest'
import { bulkWorld, smallWorld, touch } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'
import { counter } from './contents.js'
import { removedIn } from './house.js'
import { domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

async function writesOf(work: () => Promise<unknown>): Promise<number> {
  const before = await counter(rig.memcached!, 'cmd_set')
  await work()
  return (await counter(rig.memcached!, 'cmd_set')) - before
}

/** Heartbeat, net lengths and MISP2memcached's counter. */
const BEAT = 4

describe.skipIf(!hasMemcached())('a cycle in which nothing changed', () => {
  const worlds = {
    'a hundred events': () => smallWorld({ now: NOW }),
    'two thousand events': () => bulkWorld({ now: NOW, attributes: 4000, eventsOf: 2 }),
  }
  for (const [what, store] of Object.entries(worlds)) {
    it(`sends one request and writes the heartbeat, with ${what}`, async () => {
      rig = await Rig.start({ store, memcached: true })
      await rig.syncRight()
      rig.store.advance(HOUR)
      rig.misp.requests.length = 0
      const writes = await writesOf(() => rig.house.sync())
      expect(rig.misp.requests.map(({ path, filters }) => [path, filters])).toEqual([
        ['/events/index', { minimal: 1 }],
      ])
      expect(writes).toBe(BEAT)
    })
  }
})

describe.skipIf(!hasMemcached())('a cycle in which a little changed', () => {
  it('writes what changed, and where it stands', async () => {
    const store = () => bulkWorld({ now: NOW, attributes: 5000, eventsOf: 50 })
    rig = await Rig.start({ store, memcached: true })
    await rig.syncRight()
    const events = rig.store.eventsById().slice(0, 10)
    rig.store.advance(HOUR)
    for (const { id } of events) {
      rig.store.addAttribute(id, { type: 'domain', value: `late${id}.example.com` })
      rig.store.publish(id)
    }
    rig.store.advance(HOUR)
    expect(await writesOf(() => rig.house.sync())).toBe(10 + 1 + BEAT)
    await rig.expectRight()
  })
})

describe('what is asked for', () => {
  it('is the events that changed, and each once', async () => {
    rig = await Rig.start({
      store: () => bulkWorld({ now: NOW, attributes: 5000, eventsOf: 50 }),
    })
    await rig.syncRight()
    rig.store.advance(HOUR)
    const touched = touch(rig.store, 10)
    const events = touched.map((id) => String(rig.store.attribute(id).event_id))
    rig.store.advance(HOUR)
    const requests = await rig.requestsOfSync()
    const asked = requests.map(({ path, filters }) => [path, filters.eventid])
    expect(asked).toEqual([
      ['/events/index', undefined],
      ['/events/index', events],
      ['/attributes/restSearch', events],
      ['/events/index', events],
    ])
    const rows = requests.reduce((sum, request) => sum + request.rows, 0)
    expect(rows).toBe(500)
  })

  it('is no row of a draft that nobody has published yet', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ published: false, attributes: domains(3) })
    await rig.syncRight()
    expect(rig.misp.requests.map(({ path }) => path)).not.toContain('/attributes/restSearch')
  })

  it('is comments too where something is known, and they are not taken for strangers', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ attributes: [...domains(1), { type: 'comment', value: 'words' }] })
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.edit(1, { value: 'moved.example.com' })
    await rig.syncRight()
    const labels = { source: 'main', reason: 'type' } as const
    expect(rig.house.metrics.read('tipline_pull_rows_refused_total', labels)).toBe(0)
  })

  it('is once more an event with an unreadable row, and then no more', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ attributes: domains(3) })
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.edit(1, { value: '' })
    for (const expected of [5, 4, 1]) {
      rig.misp.requests.length = 0
      expect((await rig.house.sync()).status).toBe(0)
      expect(rig.misp.requests.length).toBeLessThanOrEqual(expected)
      expect(rig.misp.requests.length > 1).toBe(expected > 1)
      expect(await rig.values()).toContain('n0.example.com')
    }
  })

  it('is never again an event that has nothing to match', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ attributes: [{ type: 'text', value: 'only words' }] })
    rig.store.addEvent({ attributes: [{ type: 'domain', value: 'x.example.com', to_ids: false }] })
    rig.store.addEvent({ published: false, attributes: domains(3) })
    rig.store.addEvent({ attributes: [{ type: 'domain', value: 'not a domain' }] })
    rig.store.advance(HOUR)
    await rig.syncRight()
    expect(await rig.requestsOfSync()).toHaveLength(1)
  })

  it('is never again an event whose attributes this key may not see', async () => {
    rig = await Rig.start()
    const hidden = domains(3).map((row) => ({ ...row, distribution: 0 }))
    rig.store.addEvent({ attributes: hidden })
    rig.store.advance(HOUR)
    await rig.syncRight()
    await rig.syncRight()
    expect(await rig.requestsOfSync()).toHaveLength(1)
  })

  it('is never again an event that lost its last attribute', async () => {
    rig = await Rig.start()
    rig.store.addEvent({ attributes: domains(2) })
    rig.store.advance(HOUR)
    await rig.syncRight()
    for (const id of [1, 2]) rig.store.softDelete(id)
    rig.store.advance(HOUR)
    const report = await rig.syncRight()
    expect(removedIn(report)).toEqual({ deleted: 2 })
    for (let n = 0; n < 2; n += 1) {
      expect(await rig.requestsOfSync()).toHaveLength(1)
    }
  })

  it('waits for nothing: no retry, no pause', async () => {
    rig = await Rig.start({ store: () => smallWorld({ now: NOW }) })
    await rig.syncRight()
    expect(rig.house.waits).toEqual([])
  })
})

/** The snapshot pull: a raw search, whose answer is the wanted state, and its windows of time. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Store } from '../misp/store.js'
import { removedIn } from './house.js'
import { DAY, domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig
afterEach(() => rig.close())

/** Whatever vanishes without a word is withheld. */
const STRICT = { revoke_min: 0, revoke_percent: 0 }

async function start(search: object, { guard = STRICT, source = {} } = {}): Promise<void> {
  rig = await Rig.start({ source: { search, ...source }, guard })
}

function addAged(store: Store, days: number, prefix: string, count = 2): number {
  const at = NOW - days * DAY
  const attributes = domains(count, prefix).map((row) => ({ ...row, timestamp: at }))
  return store.addEvent({ timestamp: at, publish_timestamp: at, attributes }).id
}

async function syncGood(): Promise<unknown> {
  const report = await rig.house.sync()
  expect(report.status).toBe(0)
  return removedIn(report)
}

describe('a search', () => {
  it('is the wanted state: what comes, changes and goes', async () => {
    await start({ to_ids: 1, published: 1 }, { guard: {} as typeof STRICT })
    const first = addAged(rig.store, 2, 'a')
    const second = addAged(rig.store, 1, 'b')
    await syncGood()
    expect(await rig.values()).toHaveLength(4)
    rig.store.deleteEvent(first)
    rig.store.editAttribute(3, { value: 'moved.example.com' })
    rig.store.hardDelete(4)
    rig.store.publish(second)
    expect(await syncGood()).toEqual({ absent: 3 })
    expect(await rig.values()).toEqual(['moved.example.com'])
  })

  it('takes what MISP gives, but nothing deleted, and no context unless asked for', async () => {
    await start({ deleted: [0, 1] })
    const id = addAged(rig.store, 1, 'a', 3)
    rig.store.setToIds(1, false)
    rig.store.softDelete(2)
    rig.store.publish(id)
    await syncGood()
    expect(await rig.values()).toEqual(['a0.example.com', 'a2.example.com'])
  })

  for (const [to_ids, expected] of [
    [1, ['on0.example.com']],
    ['yes', ['on0.example.com']],
    [0, ['off0.example.com']],
    ['no', ['off0.example.com']],
    [false, ['off0.example.com', 'on0.example.com']],
  ] as const) {
    it(`means by to_ids ${JSON.stringify(to_ids)} what a person would`, async () => {
      await start({ to_ids })
      const off = domains(1, 'off').map((row) => ({ ...row, to_ids: false }))
      rig.store.addEvent({ attributes: [...domains(1, 'on'), ...off] })
      await syncGood()
      expect(await rig.values()).toEqual(expected)
    })
  }

  it('keeps the number of rows that it asks for', async () => {
    await start({ limit: 150, order: 'Attribute.id desc' }, { source: { page_size: 100 } })
    addAged(rig.store, 1, 'a', 250)
    await syncGood()
    expect(await rig.values()).toHaveLength(150)
    expect(await rig.values()).toContain('a249.example.com')
  })

  it('revokes nothing that drifting pages hid', async () => {
    await start({}, { source: { page_size: 100 } })
    const id = addAged(rig.store, 1, 'a', 250)
    addAged(rig.store, 1, 'b', 10)
    await syncGood()
    const change = (store: Store) => {
      for (const row of [1, 2, 3]) store.softDelete(row)
      store.publish(id)
    }
    rig.misp.faults.next({ kind: 'drift', path: 'restSearch', after: 1, change })
    expect(await syncGood()).toEqual({})
    expect(await rig.values()).toHaveLength(260)
    rig.house.configure({ guard: {} })
    expect(await syncGood()).toEqual({ absent: 3 })
  })

  it('takes nothing for gone while rows are unreadable', async () => {
    await start({})
    addAged(rig.store, 1, 'a', 5)
    addAged(rig.store, 1, 'b', 5)
    await syncGood()
    rig.misp.faults.next({ kind: 'missing-fields', path: 'restSearch' })
    expect(await syncGood()).toEqual({})
    expect(await rig.values()).toHaveLength(10)
    rig.misp.faults.next({ kind: 'null-row', path: 'restSearch' })
    rig.store.deleteEvent(2)
    expect(await syncGood()).toEqual({})
  })
})

describe('a window', () => {
  const windows: Record<string, object> = {
    last: { last: '3d' },
    publish_timestamp: { publish_timestamp: '3d' },
    timestamp: { timestamp: '3d' },
    'timestamp of the event': { event_timestamp: '3d' },
  }
  for (const [what, search] of Object.entries(windows)) {
    it(`lets rows expire by its ${what}, and the guard does not mind`, async () => {
      await start(search)
      addAged(rig.store, 2, 'a', 120)
      addAged(rig.store, 1, 'b', 3)
      await syncGood()
      rig.store.advance(1.5 * DAY)
      expect(await syncGood()).toEqual({ expired: 120 })
      expect(await rig.values()).toHaveLength(3)
    })

    it(`still sees what vanished within its ${what}`, async () => {
      await start(search)
      const id = addAged(rig.store, 2, 'a', 4)
      addAged(rig.store, 1, 'b', 3)
      await syncGood()
      rig.store.deleteEvent(id)
      const report = await rig.house.sync()
      expect(report.status).toBe(4)
      expect(await rig.values()).toHaveLength(7)
    })
  }

  it('is no reason for anything where it does not move', async () => {
    await start({ timestamp: NOW - 3 * DAY })
    addAged(rig.store, 1, 'a')
    await syncGood()
    rig.store.advance(10 * DAY)
    expect(await syncGood()).toEqual({})
    rig.store.deleteEvent(1)
    expect((await rig.house.sync()).status).toBe(4)
  })

  it('may be left empty by a quiet week', async () => {
    await start({ last: '3d', to_ids: 1 })
    addAged(rig.store, 2, 'a', 120)
    await syncGood()
    rig.store.advance(7 * DAY)
    expect(await syncGood()).toEqual({ expired: 120 })
    const asked = rig.misp.requests.at(-1)
    expect(asked?.filters).toMatchObject({ to_ids: 1, limit: 1 })
    expect(asked?.filters).not.toHaveProperty('last')
  })

  it('is not believed to be empty when the same question without it fails', async () => {
    await start({ last: '3d' })
    addAged(rig.store, 2, 'a', 120)
    await syncGood()
    rig.store.advance(7 * DAY)
    rig.misp.faults.next({ kind: 'forbidden', path: 'restSearch', after: 1 })
    const report = await rig.house.sync()
    expect(report.status).toBe(3)
    expect(await rig.values()).toHaveLength(120)
    expect(await syncGood()).toEqual({ expired: 120 })
  })

  it('never left is a loss: an empty answer freezes', async () => {
    await start({ last: '30d' }, { guard: {} as typeof STRICT })
    addAged(rig.store, 2, 'a', 120)
    await syncGood()
    rig.misp.faults.always({ kind: 'empty', path: 'restSearch' })
    rig.store.advance(HOUR)
    const report = await rig.house.sync()
    expect(report.status).toBe(4)
    expect(await rig.values()).toHaveLength(120)
  })
})

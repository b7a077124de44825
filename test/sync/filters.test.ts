/** Which attributes a source's filters let in, and what a changed filter does to those that are in. */
import { afterEach, describe, expect, it } from 'vitest'
import { compileFilters, goneBy } from '../../src/sync/filters.js'
import type { Store } from '../misp/store.js'
import { mispSettings, removedIn } from './house.js'
import { DAY, domains, HOUR, NOW, Rig, type RigOptions } from './rig.js'

let rig: Rig
/** Whoever would vanish without a word is withheld. */
const STRICT = { revoke_min: 0, revoke_percent: 0 }

afterEach(() => rig.close())

async function start(options: RigOptions, fill: (store: Store) => void): Promise<void> {
  rig = await Rig.start({ guard: STRICT, ...options })
  fill(rig.store)
  rig.store.advance(HOUR)
  await rig.syncRight()
}

/** What the last pull took away, by cause. */
async function removedBySync(): Promise<unknown> {
  return removedIn(await rig.syncRight())
}

describe('tags', () => {
  function tagged(store: Store): void {
    const of = (value: string, tags: readonly string[]) => ({ type: 'domain', value, tags })
    store.addEvent({ tags: ['tlp:green'], attributes: domains(2, 'green') })
    store.addEvent({ tags: ['TLP:RED'], attributes: domains(2, 'red') })
    store.addEvent({ attributes: domains(1, 'bare') })
    store.addEvent({
      attributes: [of('own.example.com', ['tlp:amber']), of('ownred.example.com', ['Tlp:Red'])],
    })
    store.addEvent({ tags: ['tlp:amber'], attributes: [of('mixed.example.com', ['TLP:RED'])] })
  }

  it('takes patterns, and excludes whatever the case', async () => {
    await start({ filters: { tags: ['tlp:%', '!tlp:red'] } }, tagged)
    expect(await rig.values()).toEqual([
      'green0.example.com',
      'green1.example.com',
      'own.example.com',
    ])
  })

  it('takes only exclusions too', async () => {
    await start({ filters: { tags: ['!tlp:red'] } }, tagged)
    expect(await rig.values()).toContain('bare0.example.com')
    expect(await rig.values()).not.toContain('red0.example.com')
  })

  it('lets a tag that comes and goes decide', async () => {
    await start({ filters: { tags: ['!tlp:red'] } }, tagged)
    rig.store.tagEvent(1, 'TLP:RED')
    rig.store.advance(HOUR)
    expect(await removedBySync()).toEqual({ tag: 2 })
    rig.store.untagEvent(1, 'TLP:RED')
    rig.store.publish(1)
    rig.store.advance(HOUR)
    await rig.syncRight()
    expect(await rig.values()).toContain('green0.example.com')
  })

  it('matches as MISP does, but for the case', () => {
    const admits = (pattern: string, tag: string) =>
      compileFilters({ toIds: true, tags: [pattern] }).admits([tag], [])
    expect(admits('tlp:%', 'tlp:green')).toBe(true)
    expect(admits('%green', 'tlp:green')).toBe(true)
    expect(admits('t%:%n', 'tlp:green')).toBe(true)
    expect(admits('%', '')).toBe(true)
    expect(admits('ab%ba', 'aba')).toBe(false)
    expect(admits('a%a%a', 'aa')).toBe(false)
    expect(admits('tlp:gree', 'tlp:green')).toBe(false)
    expect(admits('a.c', 'abc')).toBe(false)
    expect(admits('!%red', 'TLP:RED')).toBe(false)
  })

  it('names the first reason why a row does not count', () => {
    const filters = compileFilters({ toIds: true, tags: ['!x'] })
    const row = { deleted: false, toIds: true, tags: [] as string[] }
    expect(goneBy(row, [], filters)).toBe(null)
    expect(goneBy(row, ['X'], filters)).toBe('tag')
    expect(goneBy({ ...row, toIds: false }, ['x'], filters)).toBe('to_ids')
    expect(goneBy({ ...row, toIds: false, deleted: true }, ['x'], filters)).toBe('deleted')
  })
})

describe('to_ids and published', () => {
  function mixed(store: Store): void {
    const off = domains(2, 'off').map((row) => ({ ...row, to_ids: false }))
    store.addEvent({ attributes: [...domains(2, 'on'), ...off] })
    store.addEvent({ published: false, attributes: domains(2, 'draft') })
  }

  it('takes context too, when asked to', async () => {
    await start({ filters: { toIds: false } }, mixed)
    expect(await rig.values()).toHaveLength(4)
    rig.want({})
    expect(await removedBySync()).toEqual({ to_ids: 2 })
  })

  it('takes drafts when asked to, and follows them', async () => {
    await start({ filters: { published: 'any' } }, mixed)
    expect(await rig.values()).toContain('draft0.example.com')
    const [, , , , draft] = rig.store.eventsById().flatMap((event) => event.attributes())
    rig.store.editAttribute(draft!.id, { value: 'redrafted.example.com' })
    rig.store.advance(HOUR)
    await rig.syncRight()
    expect(await rig.values()).toContain('redrafted.example.com')
  })

  it('gives back what it took of drafts, when only what is published is wanted', async () => {
    await start({ filters: { published: 'any' } }, mixed)
    rig.want({})
    expect(await removedBySync()).toEqual({ filter: 2 })
    expect(await rig.values()).toEqual(['on0.example.com', 'on1.example.com'])
  })
})

describe('types', () => {
  function typed(store: Store): void {
    store.addEvent({
      attributes: [...domains(3), { type: 'md5', value: '0d61f8370cad1d412f80b84d143e1257' }],
    })
    store.addEvent({ attributes: [{ type: 'ip-dst', value: '198.51.100.7' }] })
  }

  it('reads all anew when they change; fewer types leave by the filter', async () => {
    await start({}, typed)
    rig.want({ types: ['domain', 'ip-dst'] })
    expect(await removedBySync()).toEqual({ filter: 1 })
    rig.want({ types: ['md5', 'domain'] })
    expect(await removedBySync()).toEqual({ filter: 1 })
    expect([...(await rig.house.live()).keys()]).toContain('md5:0d61f8370cad1d412f80b84d143e1257')
  })

  it('still sees what really vanished at the same time', async () => {
    await start({}, typed)
    rig.want({ types: ['domain'] })
    rig.store.hardDelete(1)
    rig.store.publish(1)
    rig.store.advance(HOUR)
    const report = await rig.house.sync()
    expect(report.status).toBe(4)
    expect(removedIn(report)).toEqual({ filter: 2 })
  })

  it('does not take rows of other types, though MISP sends them', async () => {
    await start({ filters: { types: ['domain'] } }, () => undefined)
    typed(rig.store)
    rig.misp.faults.always({ kind: 'filters-ignored' })
    await rig.syncRight()
    const labels = { source: 'main', reason: 'type' } as const
    expect(rig.house.metrics.read('tipline_pull_rows_refused_total', labels)).toBe(2)
  })
})

describe('since', () => {
  const old = { timestamp: NOW - 30 * DAY, publish_timestamp: NOW - 30 * DAY }
  function aged(store: Store): void {
    store.addEvent({ ...old, attributes: domains(1, 'old') })
    store.addEvent({ ...old, publish_timestamp: NOW - DAY, attributes: domains(1, 'republished') })
    store.addEvent({ timestamp: NOW - DAY, attributes: domains(1, 'fresh') })
    store.addEvent({ ...old, timestamp: NOW - DAY, attributes: domains(1, 'edited') })
  }

  it('loads what changed or was published since, and nothing loaded ages out', async () => {
    await start({ filters: { since: NOW - 10 * DAY } }, aged)
    expect(await rig.values()).toEqual([
      'edited0.example.com',
      'fresh0.example.com',
      'republished0.example.com',
    ])
  })

  it('moves with time where it is a duration, and keeps what has been loaded', async () => {
    rig = await Rig.start({ source: { filters: { since: '10d' } }, guard: STRICT })
    aged(rig.store)
    await rig.house.sync()
    const loaded = ['edited0.example.com', 'fresh0.example.com', 'republished0.example.com']
    expect(await rig.values()).toEqual(loaded)
    rig.store.advance(60 * DAY)
    expect((await rig.house.sync()).status).toBe(0)
    expect(await rig.values()).toEqual(loaded)
    rig.edit(1, { value: 'awake.example.com' })
    await rig.house.sync()
    expect(await rig.values()).toEqual(['awake.example.com', ...loaded])
  })

  it('is about what is new: what is loaded follows the other filters however old it is', async () => {
    await start({ filters: { since: NOW - 10 * DAY } }, aged)
    rig.store.advance(60 * DAY)
    const since = String(rig.store.now - 10 * DAY)
    const { misp } = rig
    const settings = { filters: { since, types: ['ip-dst'] } }
    rig.house.configure({ sources: [mispSettings(misp.url, misp.keys.readonly, settings)] })
    expect(removedIn(await rig.house.sync())).toEqual({ filter: 3 })
  })

  it('asks no more for it than one request', async () => {
    await start({ filters: { since: NOW - 10 * DAY } }, aged)
    const asked = await rig.requestsOfSync()
    expect(asked.map(({ path }) => path)).toEqual(['/events/index', '/events/index'])
  })

  it('takes a date', async () => {
    const day = new Date((NOW - 10 * DAY) * 1000).toISOString().slice(0, 10)
    rig = await Rig.start({ source: { filters: { since: day } } })
    aged(rig.store)
    await rig.house.sync()
    expect(await rig.values()).toHaveLength(3)
  })
})

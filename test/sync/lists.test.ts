/** Where the warninglists come from: the package, a folder, the MISPs themselves. */
import { mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError, SourceError, UsageError } from '../../src/errors.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { policySettings } from '../../src/policy/settings.js'
import { loadLists } from '../../src/sync/lists.js'
import { DAY, domains, NOW, Rig } from './rig.js'

let rig: Rig
beforeEach(async () => {
  rig = await Rig.start()
})
afterEach(() => rig.close())

function load(settings: object, { now = NOW, offline = false } = {}) {
  const policy = policySettings.parse({ shipped_lists: false, ...settings })
  return loadLists({
    policy,
    sources: rig.house.options.sources,
    dataDir: rig.house.dataDir,
    deps: { log: silentLogger(), metrics: new Metrics(), attempts: 1 },
    now,
    offline,
    signal: new AbortController().signal,
  })
}

const asked = () => rig.misp.requests.splice(0).map(({ path }) => path)
const cache = () => join(rig.house.dataDir, 'lists', 'main.json')
const fetchedAt = (at: number) => utimesSync(cache(), at, at)

describe('the lists of a MISP', () => {
  it('are fetched once a day, and hold what is on them', async () => {
    const lists = await load({ misp_lists: true })
    const enabled = rig.store.warninglists.filter((list) => list.enabled)
    const names = (of: readonly { name: string }[]) => of.map(({ name }) => name).sort()
    expect(names(lists)).toEqual(names(enabled))
    expect(asked()).toHaveLength(1 + enabled.length)
    fetchedAt(NOW)
    expect(await load({ misp_lists: true }, { now: NOW + DAY - 1 })).toHaveLength(lists.length)
    expect(asked()).toEqual([])
    await load({ misp_lists: true }, { now: NOW + DAY })
    expect(asked()).toHaveLength(1 + enabled.length)

    rig.store.addEvent({
      attributes: [{ type: 'domain', value: 'www.example.com' }, ...domains(1)],
    })
    rig.house.configure({ lists })
    await rig.house.sync()
    expect(await rig.values()).toEqual(['n0.example.com'])
  })

  it("are yesterday's where the MISP is down, and nothing but an error without any", async () => {
    rig.misp.faults.always({ kind: 'error-500' })
    await expect(load({ misp_lists: true })).rejects.toThrow(SourceError)
    rig.misp.faults.clear()
    const lists = await load({ misp_lists: true })
    fetchedAt(NOW - 2 * DAY)
    rig.misp.faults.always({ kind: 'error-500' })
    expect(await load({ misp_lists: true })).toHaveLength(lists.length)
  })

  it('are fetched again where the clock was put back, and their copy is of a day to come', async () => {
    await load({ misp_lists: true })
    fetchedAt(NOW + 9 * DAY)
    asked()
    await load({ misp_lists: true })
    expect(asked()).not.toEqual([])
  })

  it('are fetched again where their copy is damaged, which is whole or not there', async () => {
    const lists = await load({ misp_lists: true })
    for (const text of ['', '[{"Warn', '{}']) {
      writeFileSync(cache(), text)
      fetchedAt(NOW)
      expect(await load({ misp_lists: true }), text).toHaveLength(lists.length)
    }
    expect(readdirSync(join(rig.house.dataDir, 'lists'))).toEqual(['main.json'])
  })

  it('may hold one that can not be read: the others count', async () => {
    const lists = await load({ misp_lists: true })
    const [first, ...others] = rig.store.warninglists
    rig.store.warninglists = [{ ...first!, type: 'astrology' as 'cidr' }, ...others]
    fetchedAt(NOW - 2 * DAY)
    expect(await load({ misp_lists: true })).toHaveLength(lists.length - 1)
  })

  it('are not asked for offline', async () => {
    expect(await load({ misp_lists: true }, { offline: true })).toEqual([])
    expect(asked()).toEqual([])
    const lists = await load({ misp_lists: true })
    fetchedAt(NOW - 9 * DAY)
    asked()
    expect(await load({ misp_lists: true }, { offline: true })).toHaveLength(lists.length)
    expect(asked()).toEqual([])
  })
})

describe('the lists of a folder', () => {
  const folder = () => join(rig.house.dataDir, 'mine')
  const put = (name: string, text: string) => {
    mkdirSync(folder(), { recursive: true })
    writeFileSync(join(folder(), name), text)
  }

  it('are read by name, and other files left alone', async () => {
    put('b.json', JSON.stringify({ name: 'B', type: 'cidr', list: ['192.0.2.0/24'] }))
    put('a.json', JSON.stringify({ name: 'A', type: 'string', list: ['x.example.com'] }))
    put('README.md', 'not a list')
    const lists = await load({ lists_folder: folder() })
    expect(lists.map(({ name }) => name)).toEqual(['A', 'B'])
  })

  it('must be readable, for a list that is left out lets through what it is to hold', async () => {
    await expect(load({ lists_folder: folder() })).rejects.toThrow(UsageError)
    symlinkSync(folder(), folder())
    const asked = load({ lists_folder: folder() })
    await expect(asked).rejects.toThrow(/folder of lists can't be read: ELOOP/)
    await expect(asked).rejects.toBeInstanceOf(UsageError)
    rmSync(folder())
    put('a.json', '{"name":')
    await expect(load({ lists_folder: folder() })).rejects.toThrow(ConfigError)
    put('a.json', '{"name":"A","type":"astrology","list":[]}')
    await expect(load({ lists_folder: folder() })).rejects.toThrow(ConfigError)
  })

  it('come with the package too', async () => {
    expect((await load({ shipped_lists: true })).length).toBeGreaterThan(3)
  })
})

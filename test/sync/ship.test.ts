/** From the ledger to the sinks: what is rebuilt, what is caught up with, what is set aside. */
import { copyFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { headSeq } from '../../src/ledger/changes.js'
import type { NewHold } from '../../src/ledger/holds.js'
import { readSinkAside } from '../../src/ledger/sink-aside.js'
import { sqlite } from '../../src/ledger/sqlite.js'
import { reasonToRebuild } from '../../src/sync/ship.js'
import type { SyncReport } from '../../src/sync/sync.js'
import { hasMemcached } from '../servers/memcached.js'
import { contents } from './contents.js'
import { House } from './house.js'
import { MemorySink } from './memory-sink.js'
import { DAY, domains, HOUR, NOW, Rig } from './rig.js'

let rig: Rig

function addEvents(count: number): void {
  for (let n = 0; n < count; n += 1) {
    rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(10, `e${n}x`) })
  }
}

/** Why the first sink was rebuilt. */
function rebuilt({ sinks }: SyncReport): string | null | undefined {
  return sinks[0]?.rebuilt
}

describe('the reasons to rebuild', () => {
  const there = { ledger: 'L', seq: 10, settings: 's' }
  const here = { seq: 10, settings: 's' }
  const standing = { there, here, ledger: 'L', settings: 's' }
  const table: [
    what: string,
    change: Partial<Parameters<typeof reasonToRebuild>[0]>,
    why: string | null,
  ][] = [
    ['nothing', {}, null],
    ['a sink that is not known here', { here: null }, 'new'],
    ['a sink that remembers nothing', { there: null }, 'it remembers nothing'],
    ['another ledger', { ledger: 'M' }, 'it holds the state of another ledger'],
    [
      'a sink that was thrown back',
      { there: { ...there, seq: 9 } },
      'it has lost what was written last',
    ],
    ['a ledger that was thrown back', { here: { ...here, seq: 9 } }, 'it is ahead of the ledger'],
    ['other settings', { settings: 't' }, 'its settings changed'],
    ['other settings there', { there: { ...there, settings: 't' } }, 'its settings changed'],
    ['other settings here', { here: { ...here, settings: 't' } }, 'its settings changed'],
  ]
  for (const [what, change, why] of table) {
    it(`${why === null ? 'do not' : 'do'} include ${what}`, () => {
      expect(reasonToRebuild({ ...standing, ...change })).toBe(why)
    })
  }
})

describe.skipIf(!hasMemcached())('memcached', () => {
  beforeEach(async () => {
    rig = await Rig.start({ memcached: true })
    addEvents(5)
    expect(rebuilt(await rig.syncRight())).toBe('new')
  })
  afterEach(() => rig.close())

  /** Rebuilt for this reason, and MISP is asked for no more than ever. */
  async function expectRebuilt(why: string): Promise<void> {
    rig.misp.requests.length = 0
    expect(rebuilt(await rig.syncRight())).toBe(why)
    expect(rig.misp.requests).toHaveLength(1)
    expect(rebuilt(await rig.syncRight())).toBe(null)
  }

  it('is rebuilt after a flush and after a restart', async () => {
    await rig.memcached!.say('flush_all\r\n', 'OK\r\n')
    await expectRebuilt('it remembers nothing')
    await rig.memcached!.restart()
    await expectRebuilt('it remembers nothing')
  })

  it('is rebuilt when another ledger has written to it', async () => {
    const misp = await Rig.start()
    misp.store.addEvent({ attributes: domains(3, 'other') })
    const other = new House({ ...misp.house.options, memcached: rig.memcached!.port })
    const before = await contents(rig.memcached!)
    const refused = await other.sync()
    expect(refused.status).toBe(3)
    expect(refused.sinks[0]?.error?.message).toMatch(/is written to by another ledger/)
    expect(await contents(rig.memcached!)).toEqual(before)
    await rig.memcached!.say('md tipline:state\r\n', '\r\n')
    expect(rebuilt(await other.sync())).toBe('new')
    expect([...(await contents(rig.memcached!)).keys()]).toContain('misp-domain:other0.example.com')
    expect((await contents(rig.memcached!)).size).toBe(3)
    await expectRebuilt('it holds the state of another ledger')
    await other.close()
    await misp.close()
  })

  it('is rebuilt when the ledger is an older copy of itself', async () => {
    const copy = await copyLedger()
    rig.edit(1, { value: 'moved.example.com' })
    await rig.syncRight()
    await copy.putBack()
    // The event is as it was before, so its change comes again; the sink may hold yet another state.
    expect(rebuilt(await rig.syncRight())).toBe('it is ahead of the ledger')
  })

  it('is rebuilt though the older ledger has passed its number meanwhile', async () => {
    const copy = await copyLedger()
    rig.store.addEvent({ attributes: domains(1, 'brief') })
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.store.deleteEvent(6)
    addEvents(3)
    await copy.putBack()
    expect(rebuilt(await rig.syncRight())).toBe('it is ahead of the ledger')
  })

  it('is rebuilt when it is behind', async () => {
    const state = JSON.parse((await rig.memcached!.read('tipline:state'))!)
    const text = JSON.stringify({ ...state, seq: state.seq - 1 })
    await rig.memcached!.say(`set tipline:state 0 0 ${text.length}\r\n${text}\r\n`, 'STORED\r\n')
    await expectRebuilt('it has lost what was written last')
  })

  it('is repaired when a sample shows that it has lost some of its keys', async () => {
    const keys = [...(await contents(rig.memcached!)).keys()]
    for (const key of keys.slice(0, 5)) await rig.memcached!.say(`md ${key}\r\n`, '\r\n')
    const orphan = 'misp-domain:orphan.example.com'
    await rig.memcached!.say(`ms ${orphan} 1\r\nx\r\n`, '\r\n')
    const report = await rig.house.sync()
    expect(report.sinks).toMatchObject([{ ok: true, rebuilt: null, alarms: [] }])
    expect(report.sinks[0]?.repaired).toMatch(/^5 of \d+ sampled keys are missing or differ$/)
    expect([...(await contents(rig.memcached!)).keys()]).toEqual(keys)
    expect((await rig.syncRight()).sinks[0]?.repaired).toBeNull()
  })

  it('is rebuilt when its settings change', async () => {
    rig.house.configure({ memcachedSettings: { value: 'json' } })
    expect(rebuilt(await rig.house.sync())).toBe('its settings changed')
    const value = (await contents(rig.memcached!)).get('misp-domain:e0x0.example.com')
    expect(JSON.parse(value!)).toMatchObject([{ event: '1', type: 'domain' }])
    rig.house.configure({ memcachedSettings: {} })
    await expectRebuilt('its settings changed')
  })

  it('catches up when it comes back', async () => {
    await rig.memcached!.stop()
    rig.edit(1, { value: 'moved.example.com' })
    const report = await rig.house.sync()
    expect(report.status).toBe(3)
    expect(report.sources).toMatchObject([{ ok: true, changed: 1 }])
    expect(report.sinks).toMatchObject([{ ok: false, sink: 'memcached' }])
    expect(report.sinks[0]?.error?.message).toMatch(/127\.0\.0\.1/)
    await rig.memcached!.restart()
    await expectRebuilt('it remembers nothing')
  })

  it('catches up when it died in the middle of its work', async () => {
    for (let n = 0; n < 12; n += 1) {
      rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(1000, `big${n}x`) })
    }
    rig.house.configure({ guard: { growth_min: 100_000 } })
    let dying: Promise<void> | undefined
    const report = await rig.house.sync([], {
      onProgress: ({ phase }) => {
        if (phase === 'ship') dying ??= rig.memcached!.stop()
      },
    })
    await dying
    expect(report.status).toBe(3)
    await rig.memcached!.restart()
    await expectRebuilt('it remembers nothing')
  })

  it('sets aside what it can not hold, shows it, and forgets it when that has gone', async () => {
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.example.com`
    rig.store.addAttribute(1, { type: 'domain', value: long })
    rig.store.addAttribute(1, { type: 'domain', value: 'fine.example.com' })
    rig.store.publish(1)
    rig.store.advance(HOUR)
    const report = await rig.syncRight()
    expect(report.sinks).toMatchObject([{ ok: true, setAside: 1 }])
    expect(rig.house.metrics.read('tipline_sink_set_aside_total', { sink: 'memcached' })).toBe(1)
    expect(await aside()).toEqual([`domain:${long}`])
    // What it does not hold is no loss; what it has lost beside that is one.
    expect((await rig.syncRight()).sinks[0]?.repaired).toBeNull()
    for (const key of [...(await contents(rig.memcached!)).keys()].slice(0, 5)) {
      await rig.memcached!.say(`md ${key}\r\n`, '\r\n')
    }
    expect((await rig.syncRight()).sinks[0]?.repaired).toMatch(/^5 of \d+ sampled keys/)
    await rig.memcached!.restart()
    expect((await rig.syncRight()).sinks).toMatchObject([{ setAside: 1 }])
    expect(await aside()).toEqual([`domain:${long}`])
    rig.store.editAttribute(rig.store.event(1).attributes()[10]!.id, { value: 'short.example.com' })
    rig.store.publish(1)
    rig.store.advance(HOUR)
    expect((await rig.syncRight()).sinks).toMatchObject([{ setAside: 0 }])
    expect(await aside()).toEqual([])
  })

  it('forgets what it set aside when that has gone by the time it is rebuilt', async () => {
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.example.com`
    rig.store.addAttribute(1, { type: 'domain', value: long })
    rig.store.publish(1)
    rig.store.advance(HOUR)
    await rig.syncRight()
    rig.store.deleteEvent(1)
    await rig.memcached!.restart()
    await rig.syncRight()
    expect(await aside()).toEqual([])
  })

  async function aside(): Promise<string[]> {
    return readSinkAside((await rig.house.ledger()).db, 10).map(({ item }) => item)
  }

  async function copyLedger(): Promise<{ putBack(): Promise<void> }> {
    const { dataDir } = rig.house
    const db = new (sqlite().DatabaseSync)(join(dataDir, 'ledger.db'))
    db.prepare('VACUUM INTO ?').run(join(dataDir, 'copy'))
    db.close()
    return {
      async putBack() {
        await rig.house.reopen()
        const files = readdirSync(dataDir).filter((name) => name.startsWith('ledger.db'))
        for (const name of files) rmSync(join(dataDir, name))
        copyFileSync(join(dataDir, 'copy'), join(dataDir, 'ledger.db'))
      },
    }
  }
})

describe('several sinks', () => {
  let one: MemorySink
  let two: MemorySink

  beforeEach(async () => {
    one = new MemorySink('one')
    two = new MemorySink('two')
    rig = await Rig.start({ sinks: [one, two] })
    addEvents(5)
  })
  afterEach(() => rig.close())

  async function live(): Promise<Record<string, string>> {
    const pieces = [...(await rig.house.pieces())]
    return Object.fromEntries(pieces.map(([key, text]) => [key, `${text}#main`]))
  }

  it('hold the same, and beat with each cycle', async () => {
    await rig.syncRight()
    expect(Object.fromEntries(one.held)).toEqual(await live())
    expect(Object.fromEntries(two.held)).toEqual(await live())
    expect(one.beats).toMatchObject([
      { at: NOW, keys: { domain: 50 }, sources: [{ name: 'main', lastGoodSync: NOW }] },
    ])
    one.calls.length = 0
    await rig.syncRight()
    expect(one.calls).toEqual(['open', 'beat'])
  })

  it('do not wait for one that is down, which catches up alone', async () => {
    await rig.syncRight()
    two.goesDown('open', 4)
    rig.store.deleteEvent(1)
    const report = await rig.house.sync()
    expect(report.status).toBe(3)
    expect(report.sinks).toMatchObject([{ ok: true }, { ok: false }])
    expect(Object.fromEntries(one.held)).toEqual(await live())
    expect(two.held.size).toBe(50)
    expect(rig.house.metrics.read('tipline_sink_errors_total', { sink: 'two' })).toBe(1)
    const next = await rig.syncRight()
    expect(next.sinks).toMatchObject([{ keys: 0 }, { keys: 10, rebuilt: null }])
    expect(Object.fromEntries(two.held)).toEqual(await live())
  })

  for (const method of ['apply', 'remember', 'beat'] as const) {
    it(`are tried again when one breaks off in ${method}`, async () => {
      await rig.syncRight()
      rig.store.deleteEvent(1)
      two.goesDown(method, 1)
      await rig.syncRight()
      expect(rig.house.waits).toHaveLength(1)
      expect(Object.fromEntries(two.held)).toEqual(await live())
    })
  }

  it('begin a rebuild again that broke off', async () => {
    two.goesDown('rebuild', 4)
    expect((await rig.house.sync()).sinks).toMatchObject([{ ok: true }, { ok: false }])
    expect(two.position).toBe(null)
    expect((await rig.syncRight()).sinks).toMatchObject([{ rebuilt: null }, { rebuilt: 'new' }])
    expect(Object.fromEntries(two.held)).toEqual(await live())
  })

  it('are all served before a bug of one comes out', async () => {
    one.failures.push(['open', new TypeError('a bug')])
    two.pauseMs = 50
    await expect(rig.house.sync()).rejects.toThrow('a bug')
    expect(two.held.size).toBe(50)
    expect(two.beats).toHaveLength(1)
    await rig.syncRight()
  })

  it('may each set aside something else', async () => {
    one.refuses = (key) => key.includes('e0x0.')
    const report = await rig.syncRight()
    expect(report.sinks).toMatchObject([{ setAside: 1 }, { setAside: 0 }])
    expect(one.held.size).toBe(49)
    expect(two.held.size).toBe(50)
    one.refuses = () => false
    rig.store.advance(HOUR)
    rig.edit(1, { comment: 'again' })
    await rig.syncRight()
    expect(one.held.size).toBe(50)
    expect(readSinkAside((await rig.house.ledger()).db, 10)).toEqual([])
  })

  it('miss nothing of what changes while a new one is filled, though the ledger is pruned', async () => {
    rig.house.configure({ sinks: [one] })
    await rig.syncRight()
    rig.house.configure({ sinks: [one, two] })
    const { writer } = await rig.house.ledger()
    const rebuild = two.rebuild.bind(two)
    // As the daemon prunes: beside the sinks, and right after a reload.
    two.rebuild = (states) => rebuild(afterTheFirst(states, holdAndPrune))
    const holdAndPrune = async () => {
      await writer.addHold({ hold: handOn('e0x0.example.com'), now: NOW })
      const { head } = await positions()
      await writer.moveCursor({ sink: 'one', seq: head, settings: 'one', at: NOW })
      await writer.prune({ sinks: ['one', 'two'], historyBefore: 0 })
    }
    await rig.house.sync()
    expect(Object.keys(await live())).toHaveLength(49)
    expect(Object.fromEntries(two.held)).toEqual(await live())
    await rig.house.sync()
    expect(await positions()).toMatchObject({ left: 0 })
  })

  async function positions(): Promise<{ head: number; left: number }> {
    const { db } = await rig.house.ledger()
    const row = db.prepare('SELECT count(*) AS left FROM change').get() as { left: number }
    return { head: headSeq(db), left: row.left }
  }

  it('come and go with the config', async () => {
    await rig.syncRight()
    rig.house.configure({ sinks: [one] })
    rig.store.deleteEvent(1)
    await rig.syncRight()
    rig.house.configure({ sinks: [one, two] })
    expect((await rig.syncRight()).sinks).toMatchObject([{ rebuilt: null }, { rebuilt: 'new' }])
    expect(Object.fromEntries(two.held)).toEqual(await live())
  })
})

/** Does something when the first batch has been taken. */
async function* afterTheFirst<T>(
  batches: AsyncIterable<T>,
  work: () => Promise<void>,
): AsyncGenerator<T> {
  let isFirst = true
  for await (const batch of batches) {
    yield batch
    if (isFirst) await work()
    isFirst = false
  }
}

function handOn(value: string): NewHold {
  const targets = [{ space: 'domain', value, port: 0 }]
  return { target: value, targets, event: null, author: 'test', why: 'test', until: null }
}

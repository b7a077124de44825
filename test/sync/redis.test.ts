/** MISP to a real Redis: what is rebuilt, what is caught up with. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SINKS } from '../../src/sinks/registry.js'
import type { Sink } from '../../src/sinks/sink.js'
import { hasRedis, Redis } from '../servers/redis.js'
import { sinkDeps } from '../sinks/states.js'
import { asKeys } from './contents.js'
import { sortedPieces } from './house.js'
import { DAY, domains, NOW, Rig } from './rig.js'

describe.skipIf(!hasRedis())('a sync to Redis', () => {
  let server: Redis
  let sink: Sink
  let rig: Rig

  beforeEach(async () => {
    // Saved with every write, so that a kill loses nothing.
    server = await Redis.start(['--appendonly', 'yes', '--appendfsync', 'always'])
    const settings = SINKS.redis.settings.parse({ url: server.url, value: 'ids' })
    sink = await SINKS.redis.create(settings, sinkDeps())
    rig = await Rig.start({ sinks: [sink] })
    for (let n = 0; n < 5; n += 1) {
      rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(10, `e${n}x`) })
    }
    expect(await cycle()).toBe('new')
  })
  afterEach(async () => {
    await rig.close()
    await sink.close()
    await server.close()
  })

  /** Everything is as MISP has it; answers why the sink was rebuilt. */
  async function cycle(): Promise<string | null | undefined> {
    const { sinks } = await rig.syncRight()
    const keys = (await server.keys()).filter((key) => /^misp-(?!stats)/.test(key))
    const values = await server.askAll(keys.map((key) => ['GET', key]))
    const there = keys.map((key, n) => [key, sortedPieces(String(values[n]).split(','))])
    expect(Object.fromEntries(there)).toEqual(Object.fromEntries(asKeys(await rig.house.pieces())))
    return sinks[0]?.rebuilt
  }

  it('follows adds, edits and revocations', async () => {
    rig.edit(1, { value: 'moved.example.com' })
    expect(await cycle()).toBe(null)
    rig.store.deleteEvent(2)
    rig.store.addEvent({ attributes: domains(3, 'more') })
    expect(await cycle()).toBe(null)
    expect(await server.read('misp-stats')).toBe('43')
  })

  it('goes on where it was after a restart of a server that saves', async () => {
    await server.stop()
    rig.edit(1, { value: 'moved.example.com' })
    const report = await rig.house.sync()
    expect(report.status).toBe(3)
    expect(report.sources).toMatchObject([{ ok: true, changed: 1 }])
    expect(report.sinks[0]?.error?.message).toMatch(/^redis 127\.0\.0\.1:\d+\/0: refused the conn/)
    await server.restart()
    expect(await cycle()).toBe(null)
    expect(await server.read('misp-domain:moved.example.com')).toBe('1#domain')
  })

  it('is rebuilt after a restart of one that does not, and after a FLUSHALL', async () => {
    await server.restart(['--appendonly', 'no'])
    expect(await cycle()).toBe('it remembers nothing')
    await server.ask('FLUSHALL')
    expect(await cycle()).toBe('it remembers nothing')
    expect(await cycle()).toBe(null)
  })

  it('is rebuilt when the server was thrown back to an older snapshot', async () => {
    await server.restart(['--appendonly', 'no'])
    await cycle()
    await server.ask('SAVE')
    rig.edit(1, { value: 'moved.example.com' })
    rig.store.deleteEvent(2)
    expect(await cycle()).toBe(null)
    await server.restart()
    expect(await server.read('misp-domain:e0x0.example.com')).toBe('1#domain')
    expect(await cycle()).toBe('it has lost what was written last')
  })

  it('catches up when the server died in the middle of a large batch', async () => {
    for (let n = 0; n < 12; n += 1) {
      rig.store.addEvent({ timestamp: NOW - DAY, attributes: domains(1000, `big${n}x`) })
    }
    rig.house.configure({ guard: { growth_min: 100_000 } })
    let dying: Promise<void> | undefined
    const report = await rig.house.sync([], {
      onProgress: ({ phase }) => {
        if (phase === 'ship') dying ??= server.stop()
      },
    })
    await dying
    expect(report.status).toBe(3)
    await server.restart()
    await cycle()
    expect(await cycle()).toBe(null)
  })
})

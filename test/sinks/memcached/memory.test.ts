/** Memory: what is needed, what is thrown out, and that repairing does not make it worse. */
import { afterEach, describe, expect, it } from 'vitest'
import { Metrics } from '../../../src/metrics.js'
import { itemBytes, memoryFor, slabOptions } from '../../../src/sinks/memcached/slab.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { carrier, heartbeat, inBatches, ipStates, NOW } from '../states.js'
import { make, NEVER } from './make.js'

const ASKER = { ledger: 'ledger-a', seq: 1 }
const MIB = 1024 * 1024

describe.skipIf(!hasMemcached())('memory', () => {
  const running: Memcached[] = []
  afterEach(async () => {
    for (const server of running.splice(0)) await server.stop()
  })

  it.each([
    [[]],
    [['-C']],
    [['-n', '100', '-f', '1.1']],
    [['-I', '64k', '-o', 'slab_chunk_max=32768']],
  ])('of an item is counted as memcached does, with %j', async (options) => {
    const server = await start(options)
    const settings = statsIn(await server.say('stats settings\r\n', 'END\r\n'))
    const bytesOf = itemBytes(slabOptions(settings))
    for (const size of [0, 1, 30, 90, 200, 1000, 5000, 20_000]) {
      await server.restart()
      const key = `misp-ip:${size}`
      await server.say(`ms ${key} ${size}\r\n${'x'.repeat(size)}\r\n`, 'HD\r\n')
      const slabs = statsIn(await server.say('stats slabs\r\n', 'END\r\n'))
      const used = [...slabs].find(([name, value]) => /:used_chunks$/.test(name) && value === '1')!
      const chunk = Number(slabs.get(used[0].replace('used_chunks', 'chunk_size')))
      expect({ size, bytes: bytesOf(key.length, size) }).toEqual({ size, bytes: chunk })
    }
  })

  it('is estimated from a sample, and so much holds everything', async () => {
    const states = longStates(80_000)
    const small = await start(['-m', '64'])
    const { sink, metrics } = await filled(small, states.slice(0, 20_000))
    await sink.verify(states.slice(0, 500))
    await sink.beat(heartbeat({ keys: { ip: states.length } }))
    const labels = { sink: 'memcached', server: small.address }
    const need = metrics.read('tipline_sink_memory_needed_bytes', labels)
    expect(need).toBeGreaterThan(70 * MIB)
    const { findings } = await sink.check()
    const found = findings.find(({ message }) => message.startsWith('needs'))
    expect(found?.level).toBe('error')
    const enough = memoryFor(need)
    expect(found?.hint).toContain(`-m ${enough} would do`)
    await sink.close()
    const large = await start(['-m', String(enough)])
    const all = await filled(large, states)
    expect(await all.sink.verify(states)).toMatchObject({ missing: 0, different: 0 })
    expect(statsIn(await large.say('stats\r\n', 'END\r\n')).get('evictions')).toBe('0')
    await all.sink.close()
  })

  it('that is short raises an alarm, stops repairs, and says which -m would do', async () => {
    const states = longStates(20_000)
    const server = await start(['-m', '8'])
    const { sink } = await filled(server, states)
    await sink.verify(states.slice(0, 500))
    await sink.beat(heartbeat({ keys: { ip: states.length } }))
    await sink.close()
    const next = make(server.address, { value: 'json' })
    expect(await next.open(NEVER, ASKER)).not.toBeNull()
    expect((await next.verify(states.slice(0, 5000))).missing).toBeGreaterThan(0)
    expect(next.strays!()).toBeNull()
    // Changes go on; only what was lost stays lost.
    const change = ipStates(1, ['7'])
    await next.apply(change, NEVER)
    expect(await next.verify(change)).toMatchObject({ missing: 0, different: 0 })
    expect(next.alarms!()).toEqual([
      expect.stringMatching(/127\.0\.0\.1:\d+ throws out items .* -m 64 would do$/),
    ])
    await next.close()
    // One that missed changes may hold what was revoked: that is repaired whatever memory there is.
    const other = await start([])
    const ahead = await filled(other, states.slice(0, 10))
    await ahead.sink.remember({ ...ASKER, seq: 2, settings: ahead.sink.settings })
    await ahead.sink.close()
    const both = [other.address, server.address]
    const behind = make(both, { value: 'json', placement: 'replicate' })
    await behind.open(NEVER, { ...ASKER, seq: 2 })
    expect(behind.strays!()).toBe(`${server.address}: it has missed changes`)
    await behind.close()
    // A day later it is tried again.
    const later = make(server.address, { value: 'json' }, { clock: () => NOW + 86_401 })
    await later.open(NEVER, ASKER)
    await later.verify(states.slice(0, 5000))
    expect(later.strays!()).toMatch(/sampled keys/)
    expect(later.alarms!()).toEqual([])
    await later.close()
  })

  it('that is enough raises none, and repairs', async () => {
    const states = ipStates(1000)
    const server = await start([])
    const { sink } = await filled(server, states)
    await server.say('md misp-ip:10.0.0.7\r\n', 'HD\r\n')
    await sink.verify(states)
    expect(sink.alarms!()).toEqual([])
    expect(sink.strays!()).toBe('1 of 1000 sampled keys are missing or differ')
    await sink.close()
  })

  it.each([0, 1, 40 * MIB, 64 * MIB, 1000 * MIB])(
    'for %i bytes is never less than they take',
    (bytes) => {
      expect(memoryFor(bytes) * MIB).toBeGreaterThan(bytes * 1.2)
    },
  )

  async function start(options: readonly string[]): Promise<Memcached> {
    const server = await Memcached.start(options)
    running.push(server)
    return server
  }

  async function filled(server: Memcached, states: readonly KeyState[]) {
    const metrics = new Metrics()
    const sink: Sink = make(server.address, { value: 'json' }, { metrics })
    await sink.open(NEVER, { ...ASKER, seq: null })
    await sink.rebuild(inBatches(states), NEVER)
    await sink.remember({ ...ASKER, settings: sink.settings })
    return { sink, metrics }
  }
})

describe.skipIf(!hasMemcached())('a value that the server can not hold', () => {
  it('is cut to the newest events, with what was left out, and counted', async () => {
    const server = await Memcached.start(['-I', '2k', '-o', 'slab_chunk_max=2048'])
    const metrics = new Metrics()
    const sink = make(server.address, { value: 'json' }, { metrics })
    await sink.open(NEVER)
    const carriers = Array.from({ length: 30 }, (_, n) =>
      carrier({ eventId: String(100 - n), timestamp: NOW - n, eventInfo: 'x'.repeat(100) }),
    )
    await sink.apply([{ space: 'ip', value: '198.51.100.7', carriers }], NEVER)
    const value = JSON.parse((await server.read('misp-ip:198.51.100.7'))!)
    expect(value[0].event).toBe('100')
    expect(value.at(-1)).toEqual({ more: 30 - (value.length - 1) })
    expect(metrics.read('tipline_sink_values_cut_total', { sink: 'memcached' })).toBe(1)
    await sink.close()
    await server.stop()
  })
})

/** About a kilobyte each as JSON. */
function longStates(count: number): KeyState[] {
  return ipStates(count).map(({ space, value }) => ({
    space,
    value,
    carriers: [carrier({ eventInfo: 'x'.repeat(256), tags: ['y'.repeat(200), 'z'.repeat(200)] })],
  }))
}

function statsIn(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/^STAT (\S+) (.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]),
  )
}

/** Several servers: one that is down, comes back empty, or missed something, and what the others do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SinkUnavailable } from '../../../src/errors.js'
import { Metrics } from '../../../src/metrics.js'
import { parseAddress } from '../../../src/sinks/memcached/address.js'
import { ring } from '../../../src/sinks/memcached/ring.js'
import type { KeyState, Position, Sink } from '../../../src/sinks/sink.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { heartbeat, inBatches, ipState, ipStates, NOW } from '../states.js'
import { make, NEVER, type Settings } from './make.js'

const ASKER = { ledger: 'ledger-a', seq: 10 }

describe.skipIf(!hasMemcached())('several servers', () => {
  let servers: Memcached[]
  let sink: Sink
  const metrics = new Metrics()

  beforeEach(async () => {
    servers = await Promise.all([1, 2, 3].map(() => Memcached.start()))
  })
  afterEach(async () => {
    await sink.close()
    await Promise.all(servers.map((server) => server.stop()))
  })

  describe.each(['ring', 'replicate'] as const)('by %s', (placement) => {
    beforeEach(async () => {
      sink = several({ placement })
      await sink.open(NEVER, { ...ASKER, seq: null })
      await sink.rebuild(inBatches(STATES), NEVER)
      await sink.remember(at(10))
      await sink.beat(heartbeat())
    })

    it('hold every key where it belongs, and nowhere else', async () => {
      const ownerOf = ring(servers.map(({ address }) => parseAddress(address)!))
      for (const [n, server] of servers.entries()) {
        const keys = STATES.map(({ value }) => `misp-ip:${value}`)
        const wanted = placement === 'ring' ? keys.filter((key) => ownerOf(key) === n) : keys
        expect(await ours(server)).toEqual(wanted.toSorted())
      }
    })

    it('all tell the heartbeat, the counter and their position', async () => {
      for (const server of servers) {
        expect(JSON.parse((await server.read('tipline:heartbeat'))!)).toMatchObject({ behind: [] })
        expect(await server.read('misp-stats')).toBe('6')
        expect(JSON.parse((await server.read('tipline:state'))!)).toEqual(at(10))
      }
    })

    it('go on without one that is down, and tell of it at the end, and on every log line', async () => {
      await servers[1]!.stop()
      expect(await sink.open(NEVER, ASKER)).toEqual(at(10))
      const changes = STATES.map(({ value }) => ipState(value, ['2']))
      await sink.apply(changes, NEVER)
      await sink.remember(at(20))
      expect(await sink.verify(changes)).toMatchObject({ missing: 0, different: 0 })
      const error = await sink.beat(heartbeat()).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(SinkUnavailable)
      expect(error.message).toBe(`memcached ${servers[1]!.address}: refused the connection`)
      for (const n of [0, 2]) {
        expect(JSON.parse((await servers[n]!.read('tipline:heartbeat'))!)).toMatchObject({
          behind: [servers[1]!.address],
        })
      }
      expect(gauge(1)).toBe(0)
      expect(gauge(2)).toBe(1)
    })

    it('repair one alone that came back empty', async () => {
      await servers[1]!.restart()
      expect(await sink.open(NEVER, ASKER)).toEqual(at(10))
      await canary(0)
      expect(sink.strays!()).toBe(`${servers[1]!.address}: it remembers nothing`)
      await sink.repair!(inBatches(STATES), NEVER)
      await sink.remember(at(10))
      expect(sink.strays!()).toBeNull()
      expect(await sink.verify(STATES)).toMatchObject({ missing: 0, different: 0 })
      // What is not touched keeps what a rebuild would have taken away.
      expect(await servers[0]!.read('misp-ip:192.0.2.77')).toBe('canary')
      for (const server of servers) {
        expect(JSON.parse((await server.read('tipline:state'))!)).toEqual(at(10))
      }
    })

    it('repair one alone once, though there is a key that none of them takes', async () => {
      await servers[1]!.restart()
      await sink.open(NEVER, ASKER)
      const long = { ...ipState('198.51.100.1'), space: 'domain', value: `${'a.'.repeat(130)}test` }
      await expect(sink.repair!(inBatches([...STATES, long]), NEVER)).rejects.toMatchObject({
        items: [{ item: `domain:${long.value}` }],
      })
      expect(sink.strays!()).toBeNull()
      await sink.remember(at(10))
      await sink.open(NEVER, ASKER)
      expect(sink.strays!()).toBeNull()
    })

    it('repair one alone that was cut off and missed revocations', async () => {
      servers[1]!.freeze()
      sink = several({ placement, timeout: 0.3 })
      await sink.open(NEVER, ASKER)
      const revoked = STATES.map(({ value }) => ipState(value, []))
      await sink.apply(revoked.slice(1), NEVER)
      await sink.remember(at(20))
      servers[1]!.thaw()
      expect((await ours(servers[1]!)).length).toBeGreaterThan(100)
      expect(await sink.open(NEVER, { ...ASKER, seq: 20 })).toEqual(at(20))
      expect(sink.strays!()).toBe(`${servers[1]!.address}: it has missed changes`)
      await sink.repair!(inBatches(STATES.slice(0, 1)), NEVER)
      expect(await sink.verify([STATES[0]!, ...revoked.slice(1)])).toMatchObject({
        missing: 0,
        different: 0,
      })
    })

    it('lose one in the middle of a rebuild, and have the rest', async () => {
      async function* states() {
        yield STATES.slice(0, 500)
        await servers[1]!.stop()
        yield STATES.slice(500)
      }
      await sink.rebuild(states(), NEVER)
      await sink.remember(at(30))
      await expect(sink.beat(heartbeat())).rejects.toThrow(servers[1]!.address)
      await servers[1]!.restart()
      expect(await sink.open(NEVER, { ...ASKER, seq: 30 })).toEqual(at(30))
      expect(sink.strays!()).toMatch(/remembers nothing/)
    })

    it('find what one has lost, and repair that one', async () => {
      const key = (await ours(servers[2]!))[0]!
      await servers[2]!.say(`md ${key}\r\n`, '\r\n')
      await sink.open(NEVER, ASKER)
      expect(sink.strays!()).toBeNull()
      expect(await sink.verify(STATES)).toMatchObject({ checked: STATES.length, missing: 1 })
      expect(sink.strays!()).toBe(
        `${servers[2]!.address}: 1 of ${STATES.length} sampled keys are missing or differ`,
      )
      // It goes on taking changes meanwhile.
      const changed = STATES.map(({ value }) => ipState(value, ['2']))
      await sink.apply(changed, NEVER)
      expect(await sink.verify(changed)).toMatchObject({ missing: 0, different: 0 })
    })

    it('fail together when none is left, and name them all', async () => {
      await Promise.all(servers.map((server) => server.stop()))
      const error = await sink.open(NEVER, ASKER).catch((thrown) => thrown)
      expect(error).toBeInstanceOf(SinkUnavailable)
      for (const { address } of servers) expect(error.message).toContain(address)
    })

    it('are looked at one by one by doctor', async () => {
      await servers[1]!.stop()
      const { ok, findings } = await sink.check('ledger-a')
      expect(ok).toBe(false)
      expect(findings.find(({ level }) => level === 'error')?.message).toContain(
        servers[1]!.address,
      )
      for (const n of [0, 2]) {
        const about = findings.filter(({ message }) => message.includes(servers[n]!.address))
        expect(about.length).toBeGreaterThan(3)
      }
    })
  })

  it('by ring move every key when a server is added, and leave none where it was', async () => {
    const [one, two] = servers.map(({ address }) => address)
    const before = make([one!, two!], { value: 'ids' })
    await before.open(NEVER)
    await before.rebuild(inBatches(STATES), NEVER)
    await before.close()
    sink = several({ placement: 'ring' })
    expect(sink.settings).not.toBe(before.settings)
    await sink.open(NEVER)
    await sink.rebuild(inBatches(STATES), NEVER)
    const all = await Promise.all(servers.map(ours))
    expect(all.flat().toSorted()).toEqual(STATES.map(({ value }) => `misp-ip:${value}`).toSorted())
  })

  it('by replicate take in another without touching the others', async () => {
    const [one, two] = servers.map(({ address }) => address)
    const before = make(one!, { value: 'ids' })
    await before.open(NEVER)
    await before.rebuild(inBatches(STATES), NEVER)
    await before.remember({ ...at(10), settings: before.settings })
    await before.close()
    sink = make([one!, two!], { value: 'ids', placement: 'replicate' })
    expect(await sink.open(NEVER, ASKER)).toMatchObject({ seq: 10 })
    expect(sink.strays!()).toBe(`${two}: it remembers nothing`)
  })

  function several(settings: Settings): Sink {
    const addresses = servers.map(({ address }) => address)
    return make(addresses, { value: 'ids', ...settings }, { metrics })
  }

  function at(seq: number): Position {
    return { ledger: 'ledger-a', seq, settings: sink.settings }
  }

  function gauge(n: number): number {
    return metrics.read('tipline_sink_server_up', {
      sink: 'memcached',
      server: servers[n]!.address,
    })
  }

  async function canary(n: number): Promise<void> {
    await servers[n]!.say('ms misp-ip:192.0.2.77 6\r\ncanary\r\n', 'HD\r\n')
  }
})

describe.skipIf(!hasMemcached())('a server that another ledger writes to', () => {
  let server: Memcached
  beforeEach(async () => {
    server = await Memcached.start()
    const other = make(server.address)
    await other.open(NEVER)
    await other.apply([ipState('198.51.100.1')], NEVER)
    await other.remember({ ledger: 'ledger-b', seq: 5, settings: other.settings })
    await other.beat(heartbeat({ at: NOW - 600 }))
    await other.close()
  })
  afterEach(() => server.stop())

  it('is left alone by one that has never written to it', async () => {
    const sink = make(server.address)
    const error = await sink.open(NEVER, { ...ASKER, seq: null }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(SinkUnavailable)
    expect(error.message).toMatch(
      /another ledger \(ledger-b\), last 600 s ago; nothing was changed/,
    )
    expect(error.hint).toMatch(/delete the key tipline:state/)
    expect(await server.read('misp-ip:198.51.100.1')).not.toBeNull()
  })

  it('is taken back by one that has, as a restored ledger', async () => {
    const sink = make(server.address)
    expect(await sink.open(NEVER, ASKER)).toMatchObject({ ledger: 'ledger-b' })
    await sink.close()
  })

  it('is taken over an hour after its last word, or when its position is deleted', async () => {
    const later = make(server.address, {}, { clock: () => NOW + 3601 })
    expect(await later.open(NEVER, { ...ASKER, seq: null })).toMatchObject({ ledger: 'ledger-b' })
    await later.close()
    await server.say('md tipline:state\r\n', '\r\n')
    const sink = make(server.address)
    expect(await sink.open(NEVER, { ...ASKER, seq: null })).toBeNull()
    await sink.close()
  })
})

const STATES: readonly KeyState[] = ipStates(1000)

async function ours(server: Memcached): Promise<string[]> {
  return (await server.keys()).filter((key) => key.startsWith('misp-ip:')).toSorted()
}

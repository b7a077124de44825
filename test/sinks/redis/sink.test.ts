import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import type { Sink } from '../../../src/sinks/sink.js'
import { hasRedis, Redis } from '../../servers/redis.js'
import { carrier, heartbeat, inBatches, ipState, ipStates, NOW, POSITION } from '../states.js'
import { make, NEVER } from './make.js'

const DAY = 86_400

describe.skipIf(!hasRedis())('the Redis sink', () => {
  let server: Redis
  let sink: Sink

  beforeAll(async () => {
    server = await Redis.start()
  })
  afterAll(async () => {
    await sink?.close()
    await server?.close()
  })
  beforeEach(async () => {
    await sink?.close()
    await server.ask('FLUSHALL')
    sink = make(server.url, { value: 'ids' })
    await sink.open(NEVER)
  })

  /** All but the register. */
  async function keys(database?: number): Promise<string[]> {
    return (await server.keys(database)).filter((key) => !key.includes('tipline:register'))
  }

  describe('its keys and values', () => {
    it("are memcached's, as plain strings", async () => {
      const carriers = [
        carrier({ eventId: '7', type: 'ip-dst|port', port: 443 }),
        carrier({ eventId: '8', type: 'ip-src' }),
      ]
      await sink.apply([{ space: 'ip', value: '198.51.100.7', carriers }], NEVER)
      expect(await server.ask('TYPE', 'misp-ip:198.51.100.7')).toBe('string')
      expect(await server.read('misp-ip:198.51.100.7')).toBe('8#ip-src,7#ip-dst|port')
      expect(await server.ask('TTL', 'misp-ip:198.51.100.7')).toBe(-1)
    })

    it('include the hashed key of what may be long', async () => {
      const url = `http://example.test/${'a'.repeat(300)}`
      const states = [
        { space: 'url', value: url, carriers: [carrier()] },
        { space: 'user-agent', value: 'Mozilla/5.0 (evil)', carriers: [carrier()] },
      ]
      await sink.apply(states, NEVER)
      expect(await keys()).toEqual([
        expect.stringMatching(/^misp-url-sha256:[0-9a-f]{64}$/),
        expect.stringMatching(/^misp-user-agent-sha256:[0-9a-f]{64}$/),
        'misp-user-agent:Mozilla/5.0 (evil)',
      ])
    })

    it('are refused by name where memcached could hold none', async () => {
      const long = { space: 'domain', value: `${'a.'.repeat(200)}example`, carriers: [carrier()] }
      const work = sink.apply([ipState('198.51.100.1'), long, ipState('198.51.100.2')], NEVER)
      await expect(work).rejects.toMatchObject({ items: [{ item: `domain:${long.value}` }] })
      expect(await keys()).toEqual(['misp-ip:198.51.100.1', 'misp-ip:198.51.100.2'])
      await sink.apply([{ ...long, carriers: [] }], NEVER)
    })

    it('stand in the database and behind the prefix that the settings say', async () => {
      const other = make(`${server.url}/5`, { prefix: 'soc:' })
      await other.open(NEVER)
      await other.apply([ipState('198.51.100.1')], NEVER)
      await other.remember(POSITION)
      await other.beat(heartbeat())
      await other.close()
      expect(await keys()).toEqual([])
      expect(await keys(5)).toEqual([
        'soc:misp-ip:198.51.100.1',
        'soc:misp-stats',
        'soc:tipline:heartbeat',
        'soc:tipline:state',
      ])
    })

    it('are cut where there are very many events, and that is told', async () => {
      const lines: string[] = []
      const destination = { write: (line: string) => void lines.push(line) }
      const log = await createLogger({ level: 'warn', pretty: false, destination })
      const cutting = make(server.url, { value: 'ids' }, { log })
      await cutting.open(NEVER)
      const events = Array.from({ length: 100_000 }, (_, n) => String(100_000_000 + n))
      await cutting.apply([ipState('198.51.100.7', events)], NEVER)
      await cutting.close()
      expect(JSON.parse(lines.pop() ?? '')).toMatchObject({ level: 40, sink: 'redis', keys: 1 })
      expect((await server.read('misp-ip:198.51.100.7'))?.length).toBeGreaterThan(1_000_000)
    })
  })

  describe('expiry', () => {
    it.each([
      ['an hour', '1h', 3600],
      ['90 days', '90d', 90 * DAY],
    ])('a key lives for %s', async (_, network, seconds) => {
      const expiring = make(server.url, { expires: { network } }, { clock: () => NOW })
      await expiring.open(NEVER)
      const carriers = [carrier({ liveSince: NOW - 10 })]
      await expiring.apply([{ ...ipState('198.51.100.7'), carriers }], NEVER)
      await expiring.close()
      const left = Number(await server.ask('TTL', 'misp-ip:198.51.100.7'))
      expect(left).toBeGreaterThan(seconds - 30)
      expect(left).toBeLessThanOrEqual(seconds - 10)
    })

    it('a key that expires no more is there for ever again', async () => {
      const expiring = make(server.url, { expires: { network: '1h' } })
      await expiring.open(NEVER)
      await expiring.apply([ipState('198.51.100.7')], NEVER)
      await expiring.close()
      expect(await server.ask('TTL', 'misp-ip:198.51.100.7')).toBeGreaterThan(0)
      await sink.apply([ipState('198.51.100.7')], NEVER)
      expect(await server.ask('TTL', 'misp-ip:198.51.100.7')).toBe(-1)
    })

    it('a key whose time is up goes', async () => {
      await sink.apply([ipState('198.51.100.7')], NEVER)
      const expiring = make(server.url, { expires: { network: 100 } })
      await expiring.open(NEVER)
      await expiring.apply([ipState('198.51.100.7')], NEVER)
      await expiring.close()
      expect(await server.read('misp-ip:198.51.100.7')).toBeNull()
    })
  })

  describe('a rebuild', () => {
    it('takes away what the register names and nobody wants, and looks at nothing else', async () => {
      await sink.apply(ipStates(3000), NEVER)
      await server.ask('SET', 'misp-ip:203.0.113.9', "somebody else's")
      await server.ask('SADD', 'misp-domain:evil.example', 'not even a string')
      await server.ask('CONFIG', 'RESETSTAT')
      await sink.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      expect(await server.ask('INFO', 'commandstats')).not.toMatch(/cmdstat_(scan|keys|flush)/)
      expect(await keys()).toEqual([
        'misp-domain:evil.example',
        'misp-ip:198.51.100.7',
        'misp-ip:203.0.113.9',
      ])
    })

    it('leaves one generation of the register', async () => {
      for (const value of ['198.51.100.1', '198.51.100.2']) {
        await sink.rebuild(inBatches([ipState(value)]), NEVER)
      }
      const generations = (await server.ask('SMEMBERS', 'tipline:register')) as string[]
      expect(generations).toHaveLength(1)
      const sets = (await server.keys()).filter((key) => key.startsWith('tipline:register:'))
      expect(sets).toHaveLength(64)
      expect(sets.every((set) => set.startsWith(`tipline:register:${generations[0]}:`))).toBe(true)
    })

    it('takes away what one that was cut short has written, too', async () => {
      await sink.apply([ipState('192.0.2.1')], NEVER)
      async function* broken() {
        yield [ipState('192.0.2.2')]
        throw new Error('the ledger is gone')
      }
      await expect(sink.rebuild(broken(), NEVER)).rejects.toThrow('the ledger is gone')
      const next = make(server.url)
      expect(await next.open(NEVER)).toBeNull()
      await next.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      await next.close()
      expect(await keys()).toEqual(['misp-ip:198.51.100.7'])
    })

    it('takes away nothing that is no key of ours, whatever was put into the register', async () => {
      await sink.apply([ipState('192.0.2.1')], NEVER)
      const sets = (await server.keys()).filter((key) => key.startsWith('tipline:register:'))
      for (const set of sets) await server.ask('SADD', set, 'canary', 'misp-stats', 'tipline:state')
      await server.ask('SET', 'canary', 'alive')
      await sink.beat(heartbeat())
      await sink.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      expect(await keys()).toEqual([
        'canary',
        'misp-ip:198.51.100.7',
        'misp-stats',
        'tipline:heartbeat',
      ])
    })
  })

  describe('the register', () => {
    it('forgets keys that were taken away', async () => {
      await sink.apply(ipStates(1000), NEVER)
      await sink.apply(ipStates(1000, []), NEVER)
      const sets = (await server.keys()).filter((key) => key.startsWith('tipline:register:'))
      const sizes = await server.askAll(sets.map((set) => ['SCARD', set]))
      // The empty name in each.
      expect(new Set(sizes)).toEqual(new Set([1]))
    })

    it.each([
      ['a set of it', /^tipline:register:.*:17$/],
      ['its list', /^tipline:register$/],
    ])('is not trusted any more when %s was thrown out', async (_, pattern) => {
      await sink.apply(ipStates(100), NEVER)
      await sink.remember(POSITION)
      const lost = (await server.keys()).filter((key) => pattern.test(key))
      expect(lost).toHaveLength(1)
      await server.ask('DEL', ...lost)
      const { findings } = await sink.check()
      expect(findings.map(({ message }) => message).join('\n')).toContain('lost a part of the reg')
      expect(await sink.open(NEVER)).toBeNull()
      await sink.rebuild(inBatches(ipStates(100)), NEVER)
      await sink.remember(POSITION)
      expect(await sink.open(NEVER)).toEqual(POSITION)
      expect(await keys()).toHaveLength(101)
    })
  })

  describe('its position', () => {
    it.each([
      '',
      '{',
      'null',
      '[]',
      '{"ledger":1}',
      '{"ledger":"a","seq":-1,"settings":"b"}',
      '\xff',
    ])('is none where there stands %j', async (text) => {
      await sink.remember(POSITION)
      await server.ask('SET', 'tipline:state', Buffer.from(text, 'latin1'))
      expect(await sink.open(NEVER)).toBeNull()
    })
  })

  it('counts keys written and removed', async () => {
    const metrics = new Metrics()
    const counting = make(server.url, {}, { metrics })
    await counting.open(NEVER)
    await counting.apply([...ipStates(5), ipState('192.0.2.1', [])], NEVER)
    await counting.rebuild(inBatches(ipStates(2)), NEVER)
    await counting.close()
    expect(metrics.read('tipline_sink_written_total', { sink: 'redis' })).toBe(7)
    expect(metrics.read('tipline_sink_removed_total', { sink: 'redis' })).toBe(4)
  })

  it('tells the heartbeat, the counter and the lengths of nets', async () => {
    await sink.beat(heartbeat({ netLengths: { v4: [16, 24], v6: [48] } }))
    expect(await server.read('misp-stats')).toBe('6')
    expect(await server.read('tipline:net-lengths')).toBe('{"v4":[16,24],"v6":[48]}')
    expect(JSON.parse((await server.read('tipline:heartbeat')) ?? '')).toEqual({
      at: NOW,
      oldest: NOW - 60,
      sources: { main: NOW - 5, feed: NOW - 60 },
    })
  })

  describe('memory', () => {
    it('of keys and register is freed again', async () => {
      await sink.apply(ipStates(20_000), NEVER)
      const used = await server.ask('INFO', 'memory')
      await sink.apply(ipStates(20_000, []), NEVER)
      expect(await keys()).toEqual([])
      expect(usedBytes(await server.ask('INFO', 'memory'))).toBeLessThan(usedBytes(used))
    })
  })
})

function usedBytes(info: unknown): number {
  return Number(/used_memory:(\d+)/.exec(String(info))?.[1])
}

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SinkUnavailable } from '../../../src/errors.js'
import { createLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import type { Sink } from '../../../src/sinks/sink.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { carrier, heartbeat, inBatches, ipState, ipStates, NOW, POSITION } from '../states.js'
import { make, NEVER } from './make.js'

describe.skipIf(!hasMemcached())('the memcached sink', () => {
  let server: Memcached
  let sink: Sink

  beforeAll(async () => {
    server = await Memcached.start()
  })
  afterAll(async () => {
    await sink?.close()
    await server?.stop()
  })
  beforeEach(async () => {
    await sink?.close()
    await server.say('flush_all\r\n', 'OK\r\n')
    sink = make(server.address, { value: 'ids' })
    await sink.open(NEVER)
  })

  describe('its keys and values', () => {
    it('are as MISP2memcached writes them', async () => {
      const carriers = [
        carrier({ eventId: '7', type: 'ip-dst|port', port: 443 }),
        carrier({ eventId: '8', type: 'ip-src' }),
      ]
      await sink.apply([{ space: 'ip', value: '198.51.100.7', carriers }], NEVER)
      expect(await server.say('get misp-ip:198.51.100.7\r\n', 'END\r\n')).toBe(
        'VALUE misp-ip:198.51.100.7 0 22\r\n8#ip-src,7#ip-dst|port\r\nEND\r\n',
      )
    })

    it('name the source where there are several', async () => {
      const several = make(server.address, { value: 'ids' }, { sourceNames: ['main', 'other'] })
      await several.open(NEVER)
      await several.apply([ipState('198.51.100.7')], NEVER)
      await several.close()
      expect(await server.read('misp-ip:198.51.100.7')).toBe('1#ip-dst#main')
    })

    it('include the hashed key of what may be long, and base64 keys of what holds blanks', async () => {
      const states = [
        { space: 'url', value: `http://example.test/${'a'.repeat(300)}`, carriers: [carrier()] },
        { space: 'user-agent', value: 'Mozilla/5.0 (evil)', carriers: [carrier()] },
      ]
      await sink.apply(states, NEVER)
      const keys = (await server.keys()).toSorted()
      expect(keys).toHaveLength(3)
      expect(keys[0]).toMatch(/^misp-url-sha256:[0-9a-f]{64}$/)
      expect(keys[1]).toMatch(/^misp-user-agent-sha256:[0-9a-f]{64}$/)
      expect(keys[2]).toBe('misp-user-agent:Mozilla/5.0 (evil)')
      await sink.apply(
        states.map((state) => ({ ...state, carriers: [] })),
        NEVER,
      )
      expect(await server.keys()).toEqual([])
    })

    it('are refused by name where memcached can hold no such key', async () => {
      const long = { space: 'domain', value: `${'a.'.repeat(200)}example`, carriers: [carrier()] }
      const work = sink.apply([ipState('198.51.100.1'), long, ipState('198.51.100.2')], NEVER)
      await expect(work).rejects.toMatchObject({ items: [{ item: `domain:${long.value}` }] })
      expect((await server.keys()).toSorted()).toEqual([
        'misp-ip:198.51.100.1',
        'misp-ip:198.51.100.2',
      ])
      await sink.apply([{ ...long, carriers: [] }], NEVER)
    })

    it('are cut to what the server takes, and that is told', async () => {
      const lines: string[] = []
      const log = await createLogger({
        level: 'warn',
        pretty: false,
        destination: { write: (line) => void lines.push(line) },
      })
      const small = await Memcached.start(['-I', '2k', '-o', 'slab_chunk_max=1024'])
      for (const value of ['ids', 'json'] as const) {
        const cutting = make(small.address, { value }, { log })
        await cutting.open(NEVER)
        const events = Array.from({ length: 500 }, (_, n) => String(1000 + n))
        await cutting.apply([ipState('198.51.100.7', events), ipState('198.51.100.8')], NEVER)
        expect(JSON.parse(lines.pop() ?? '')).toMatchObject({
          level: 40,
          sink: 'memcached',
          keys: 1,
        })
        const text = await small.read('misp-ip:198.51.100.7')
        expect(text?.length).toBeGreaterThan(1000)
        await cutting.close()
      }
      await small.stop()
    })

    it('fill an item to the last byte that is safe, also with the longest key', async () => {
      const value = `${'k'.repeat(62)}.`.repeat(4).slice(0, 238)
      const carriers = Array.from({ length: 60_000 }, (_, n) =>
        carrier({ eventId: String(100_000_000 + n), attributeUuid: String(n) }),
      )
      await sink.apply([{ space: 'domain', value, carriers }], NEVER)
      const text = await server.read(`misp-domain:${value}`)
      expect(text?.length).toBeGreaterThan(1_000_000)
    })
  })

  describe('what it counts', () => {
    it('is keys written and removed', async () => {
      const metrics = new Metrics()
      const counting = make(server.address, {}, { metrics })
      await counting.open(NEVER)
      await counting.apply([...ipStates(5), ipState('192.0.2.1', [])], NEVER)
      await counting.rebuild(inBatches(ipStates(2)), NEVER)
      await counting.close()
      const read = (name: 'tipline_sink_written_total' | 'tipline_sink_removed_total') =>
        metrics.read(name, { sink: 'memcached' })
      expect(read('tipline_sink_written_total')).toBe(7)
      expect(read('tipline_sink_removed_total')).toBe(4)
    })
  })

  describe('the heartbeat', () => {
    it('tells the last good sync of each source and of the oldest, and the legacy counter', async () => {
      await sink.beat(heartbeat())
      expect(await server.read('misp-stats')).toBe('6')
      expect(JSON.parse((await server.read('tipline:heartbeat')) ?? '')).toEqual({
        at: NOW,
        oldest: NOW - 60,
        sources: { main: NOW - 5, feed: NOW - 60 },
      })
    })

    it('knows no oldest as long as a source was never read', async () => {
      await sink.beat(heartbeat({ sources: [{ name: 'ä', lastGoodSync: null }] }))
      const text = (await server.read('tipline:heartbeat')) ?? ''
      expect(text).toBe(`{"at":${NOW},"oldest":null,"sources":{"\\u00e4":null}}`)
      await sink.beat(heartbeat({ sources: [] }))
      expect(await server.read('tipline:heartbeat')).toContain('"oldest":null')
    })

    it('tells the lengths of the nets where they are known, and else leaves them', async () => {
      await sink.beat(heartbeat({ netLengths: { v4: [16, 24], v6: [48] } }))
      await sink.beat(heartbeat())
      expect(await server.read('tipline:net-lengths')).toBe('{"v4":[16,24],"v6":[48]}')
    })

    it('writes nothing else and expires never', async () => {
      await sink.beat(heartbeat())
      await sink.remember(POSITION)
      const keys = ['misp-stats', 'tipline:heartbeat', 'tipline:memory', 'tipline:state']
      expect((await server.keys()).toSorted()).toEqual(keys)
      for (const key of keys)
        expect(await server.say(`mg ${key} t f\r\n`, '\r\n')).toBe('HD t-1 f0\r\n')
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
      await server.say(`ms tipline:state ${text.length}\r\n${text}\r\n`, '\r\n')
      expect(await sink.open(NEVER)).toBeNull()
    })
  })

  describe('a rebuild', () => {
    const ORPHANS = [
      'misp-ip:192.0.2.1',
      'misp-md5:00000000000000000000000000000000',
      'misp-url:http://example.test/%20%zz',
      'misp-hostname:old.example',
      'misp-net:192.0.2.0/24',
      'misp-url-sha256:00',
    ]
    const NOT_OURS = [
      ...['canary', 'misp-', 'misp-:', 'misp-ip', 'misp-ips:1', 'misp-nothing:1', 'xmisp-ip:1'],
      ...['MISP-ip:1', 'misp-ip-sha1:1', 'tipline:heartbeat', 'misp-stats', 'misp-event:1'],
    ]

    it("takes away every orphan, also an earlier MISP2memcached's, and nothing else", async () => {
      for (const key of [...ORPHANS, ...NOT_OURS]) await set(key)
      await sink.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      const keys = ['misp-ip:198.51.100.7', 'tipline:state', ...NOT_OURS]
      expect((await server.keys()).toSorted()).toEqual(keys.toSorted())
    })

    it('finds keys whose bytes are no text', async () => {
      const odd = [
        Buffer.from('misp-user-agent:a b\r\nflush_all\r\n'),
        Buffer.from('misp-filename:\xff\x00%41%\xfe', 'latin1'),
      ]
      const foreign = Buffer.from('foreign: \xff\x00', 'latin1')
      for (const key of [...odd, foreign]) {
        await server.say(`ms ${key.toString('base64')} 1 b\r\nx\r\n`, 'HD\r\n')
      }
      await sink.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      expect((await server.keys()).toSorted()).toEqual(
        [foreign.toString('latin1'), 'misp-ip:198.51.100.7', 'tipline:state'].toSorted(),
      )
    })

    it('takes away a long key that is not ASCII, as others may write it', async () => {
      const key = Buffer.from(`misp-url:http://${'\u00e4'.repeat(100)}.example/`)
      const head = Buffer.concat([Buffer.from('set '), key, Buffer.from(' 0 0 1\r\nx\r\n')])
      await server.say(head.toString('latin1'), 'STORED\r\n')
      await sink.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      expect((await server.keys()).toSorted()).toEqual(['misp-ip:198.51.100.7', 'tipline:state'])
    })

    it('finds orphans among many keys, and more than it keeps in memory', async () => {
      const large = await Memcached.start(['-m', '256'])
      const many = make(large.address, { value: 'ids' })
      await many.open(NEVER)
      const states = ipStates(260_000)
      await many.apply(states, NEVER)
      await many.rebuild(inBatches(states.slice(0, 1000), states.slice(1000, 30_000)), NEVER)
      expect(await many.verify(states)).toEqual({
        checked: 260_000,
        missing: 230_000,
        different: 0,
      })
      await many.close()
      await large.stop()
    })

    it('leaves what somebody else writes while it runs', async () => {
      async function* states() {
        yield [ipState('198.51.100.7')]
        await set('misp-ip:192.0.2.9')
      }
      await sink.rebuild(states(), NEVER)
      expect(await server.read('misp-ip:192.0.2.9')).toBe('x')
    })

    it('does not begin to trust a server that lists no keys', async () => {
      const mute = await Memcached.start(['-X'])
      const rebuilding = make(mute.address)
      await rebuilding.open(NEVER)
      const work = rebuilding.rebuild(inBatches([ipState('198.51.100.7')]), NEVER)
      await expect(work).rejects.toThrow(SinkUnavailable)
      expect(await rebuilding.open(NEVER)).toBeNull()
      expect((await rebuilding.check()).ok).toBe(false)
      await rebuilding.close()
      await mute.stop()
    })

    async function set(key: string): Promise<void> {
      expect(await server.say(`ms ${key} 1\r\nx\r\n`, '\r\n')).toBe('HD\r\n')
    }
  })

  describe('what doctor says', () => {
    it('of a new server', async () => {
      expect(await findings(sink)).toEqual([
        ['ok', `memcached ${await version()} at ${server.address} answers`],
        ['ok', expect.stringMatching(/^uses [\d.]+ of 64 MiB for \d+ items$/)],
        ['warn', 'holds no state of tipline: new, restarted or flushed'],
        ['warn', 'has no heartbeat of tipline'],
      ])
    })

    it('of other settings, and of a heartbeat that stopped', async () => {
      await sink.remember(POSITION)
      await sink.beat(heartbeat({ at: NOW - 7200 }))
      expect((await findings(sink)).slice(2)).toEqual([
        ['warn', 'holds the state of ledger ledger-a up to change 42, with other settings'],
        ['warn', 'its heartbeat is 7200 s old'],
      ])
    })

    it('of one that has too little memory', async () => {
      const small = await Memcached.start(['-m', '2'])
      const filling = make(small.address, { value: 'ids' })
      await filling.open(NEVER)
      await filling.apply(ipStates(60_000), NEVER)
      const warned = (await filling.check()).findings.filter(({ hint }) =>
        hint?.includes('-m 64 would do'),
      )
      expect(warned.map(({ message }) => message)).toContainEqual(
        expect.stringMatching(/has thrown out \d+ items for want of memory/),
      )
      await filling.close()
      await small.stop()
    })

    async function findings(of: Sink) {
      return (await of.check()).findings.map(({ level, message }) => [level, message])
    }

    async function version(): Promise<string> {
      return (await server.say('version\r\n', '\r\n')).slice('VERSION '.length, -2)
    }
  })
})

/**
 * The sink's one promise, at the other end: whoever asks with the real Dalli, as Logstash's filter does,
 * finds what was written and nothing that was taken back. Keys of every kind, three servers, over
 * additions, edits, revocations, a restart, an outage and a rebuild.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { lookupKeys } from '../../../src/indicators/keys.js'
import { parseAddress } from '../../../src/sinks/memcached/address.js'
import { ring } from '../../../src/sinks/memcached/ring.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { fuzzRuns } from '../../fuzz.js'
import { hasDalli, hasMemcached, Memcached } from '../../servers/memcached.js'
import { heartbeat } from '../states.js'
import { stateOf, statesOf } from './kinds.js'
import { make, NEVER } from './make.js'

const COUNT = fuzzRuns(100_000)
const BATCH = 1000

/** What a filter would ask in an event's one round trip, over and over; all that was found. */
const READ = `
  require "dalli"
  require "json"
  Dalli.logger.level = Logger::FATAL
  client = Dalli::Client.new(ARGV)
  found = {}
  STDIN.each_line(chomp: true).each_slice(50) { |keys| found.merge!(client.get_multi(*keys)) }
  puts JSON.generate(found)`

describe.skipIf(!hasMemcached() || !hasDalli()).each(['ring', 'replicate'] as const)(
  'what Dalli finds on three servers, placed by %s',
  (placement) => {
    let servers: Memcached[]
    let sink: Sink
    /** What every key is to hold. */
    const wanted = new Map<string, string>()
    /** Every key that was ever written. */
    const ever = new Set<string>()
    let seq = 1

    beforeAll(async () => {
      servers = await Promise.all([1, 2, 3].map(() => Memcached.start(['-m', '256'])))
      sink = make(addresses(), { value: 'ids', placement })
    })
    afterAll(async () => {
      await sink.close()
      await Promise.all(servers.map((server) => server.stop()))
    })

    it('after the first fill', async () => {
      await open()
      await rebuild(statesOf(COUNT))
      await expectAll()
    })

    it('after additions, edits and revocations', async () => {
      await open()
      const quarter = Math.floor(COUNT / 4)
      await apply(range(0, quarter).map((n) => stateOf(n, ['900000'])))
      await apply(range(quarter, 2 * quarter).map((n) => stateOf(n, [])))
      await apply(statesOf(quarter, COUNT))
      await expectAll()
    })

    it('while a server is empty after a restart: nothing false, and after its repair all', async () => {
      await servers[1]!.restart()
      for (const [key, value] of await read()) expect(value).toBe(wanted.get(key))
      await open()
      expect(sink.strays!()).toContain(servers[1]!.address)
      await sink.repair!(batches(live()), NEVER)
      await remember()
      await expectAll()
    })

    it('while a server is down: all that the others hold', async () => {
      await servers[2]!.stop()
      const ownerOf = ring(addresses().map((text) => parseAddress(text)!))
      const found = await read()
      const expected = [...wanted].filter(
        ([key]) => placement === 'replicate' || ownerOf(key) !== 2,
      )
      expectSame(found, new Map(expected))
    })

    it('while it is down and things are taken back, and when it is there again', async () => {
      await open()
      await apply(range(0, 500).map((n) => stateOf(n, [])))
      expect([...(await read()).keys()].filter((key) => !wanted.has(key))).toEqual([])
      await servers[2]!.restart()
      await open()
      await sink.repair!(batches(live()), NEVER)
      await remember()
      await expectAll()
    })

    it('after a rebuild with less', async () => {
      await open()
      await rebuild(statesOf(Math.floor(COUNT / 3), 100))
      await expectAll()
    })

    function addresses(): string[] {
      return servers.map(({ address }) => address)
    }

    async function open(): Promise<void> {
      await sink.open(NEVER, { ledger: 'ledger-a', seq })
    }

    async function remember(): Promise<void> {
      seq++
      await sink.remember({ ledger: 'ledger-a', seq, settings: sink.settings })
      await sink.beat(heartbeat()).catch(() => undefined)
    }

    async function rebuild(states: readonly KeyState[]): Promise<void> {
      wanted.clear()
      note(states)
      await sink.rebuild(batches(states), NEVER)
      await remember()
    }

    async function apply(states: readonly KeyState[]): Promise<void> {
      note(states)
      for await (const batch of batches(states)) await sink.apply(batch, NEVER)
      await remember()
    }

    function note(states: readonly KeyState[]): void {
      for (const { space, value, carriers } of states) {
        for (const key of lookupKeys(space, value)) {
          ever.add(key)
          const text = carriers.map(({ eventId, type }) => `${eventId}#${type}`).join(',')
          if (text === '') wanted.delete(key)
          else wanted.set(key, text)
        }
      }
    }

    /** The states that `wanted` stands for; all of them have one carrier. */
    function live(): KeyState[] {
      return statesOf(2 * COUNT).flatMap((state) => {
        const [key] = lookupKeys(state.space, state.value)
        const event = key && wanted.get(key)?.split('#')[0]
        if (!event) return []
        return { ...state, carriers: state.carriers.map((c) => ({ ...c, eventId: event })) }
      })
    }

    async function expectAll(): Promise<void> {
      expectSame(await read(), wanted)
    }

    async function read(): Promise<Map<string, string>> {
      const ruby = spawn('ruby', ['-e', READ, ...addresses()], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      const pieces: Buffer[] = []
      ruby.stdout.on('data', (piece) => pieces.push(piece))
      ruby.stdin.end([...ever].join('\n'))
      const [status] = await once(ruby, 'close')
      expect(status).toBe(0)
      return new Map(Object.entries(JSON.parse(Buffer.concat(pieces).toString())))
    }
  },
  600_000,
)

/** Without a diff of a hundred thousand lines. */
function expectSame(found: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string>): void {
  const missing = [...wanted].filter(([key, value]) => found.get(key) !== value)
  const tooMuch = [...found.keys()].filter((key) => !wanted.has(key))
  expect({ missing: missing.slice(0, 5), tooMuch: tooMuch.slice(0, 5) }).toEqual({
    missing: [],
    tooMuch: [],
  })
  expect(found.size).toBe(wanted.size)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, n) => from + n)
}

async function* batches(states: readonly KeyState[]) {
  for (let at = 0; at < states.length; at += BATCH) yield states.slice(at, at + BATCH)
}

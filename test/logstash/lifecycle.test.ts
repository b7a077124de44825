/**
 * Any pipeline on Logstash's memcached filter finds what we wrote, and nothing that we took back: keys of
 * every kind over adds, edits, revocations and a rebuild, asked for by Dalli as the filter does.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HASH_LENGTHS, type HashSpace } from '../../src/indicators/hashes.js'
import { lookupKeys } from '../../src/indicators/keys.js'
import { MATCHABLE } from '../../src/indicators/matchable.js'
import type { KeyState, Sink } from '../../src/sinks/sink.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { hasDalli, hasMemcached, Memcached } from '../servers/memcached.js'
import { make, NEVER } from '../sinks/memcached/make.js'
import { carrier, inBatches } from '../sinks/states.js'
import { randomFrom } from '../sync/happenings.js'
import { fill } from './fill.js'
import { type Data, Ruby } from './ruby.js'

const SPACES = [
  'net',
  ...new Set(MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space))),
]

describe.skipIf(!hasMemcached() || !hasDalli())("a pipeline on Logstash's memcached filter", () => {
  let memcached: Memcached
  let ruby: Ruby
  beforeEach(async () => {
    memcached = await Memcached.start(['-m', '512'])
    ruby = new Ruby()
  })
  afterEach(async () => {
    await ruby.close()
    await memcached.stop()
  })

  it.each(['ids', 'json'] as const)('finds what is there and nothing else (%s)', async (value) => {
    const random = randomFrom(fuzzSeed())
    const chance = (share: number) => random() < share
    const sink = make(memcached.address, { value })
    await sink.open(NEVER)
    const states = new Map<string, KeyState>()
    const put = (n: number, events: number) => {
      const state = stateOf(n, events)
      states.set(`${state.space}:${state.value}`, state)
      return state
    }
    const total = fuzzRuns(100_000)
    await apply(
      sink,
      range(total, (n) => put(n, 1 + (n % 3))),
    )
    expect(await wrong(states)).toEqual([])
    for (const _ of [1, 2, 3]) {
      // Edited, revoked, back again, and new ones.
      const some = range(total, (n) => n).filter(() => chance(0.2))
      await apply(
        sink,
        some.map((n) => put(n, chance(0.5) ? 0 : 1 + Math.floor(random() * 5))),
      )
      expect(await wrong(states)).toEqual([])
    }
    for (const [key, state] of states) if (chance(0.3)) states.set(key, { ...state, carriers: [] })
    const live = [...states.values()].filter(({ carriers }) => carriers.length > 0)
    await sink.rebuild(inBatches(live), NEVER)
    expect(await wrong(states)).toEqual([])
    await sink.close()
  })

  /** Keys that are there and should not be, or the other way round, or that hold something else. */
  async function wrong(states: ReadonlyMap<string, KeyState>): Promise<object[]> {
    const asked = [...states.values()].flatMap((state) =>
      lookupKeys(state.space, state.value).map((key) => ({ key, state })),
    )
    const answers = await ruby.ask<(string | null)[]>('found', {
      hosts: [memcached.address],
      keys: asked.map(({ key }) => key),
    })
    const bad = asked.flatMap(({ key, state }, n) => {
      const wanted = piecesOf(state)
      const found = readPieces(answers[n] ?? null)
      return wanted === found ? [] : [{ key, wanted, found }]
    })
    return bad.slice(0, 5)
  }

  it("reads them by templates, and MISP2memcached's kind of script takes them apart", async () => {
    const states = ['ip', 'domain', 'md5', 'url'].map((space, n) => ({
      space,
      value: aValue(space, n),
      carriers: [
        carrier({ eventId: '8', type: 'ip-dst|port' }),
        carrier({ eventId: '7', type: `${space}-x` }),
      ],
    }))
    await fill(memcached.address, { states, settings: { value: 'ids' } })
    const get = { 'misp-ip:%{[source][ip]}': '[enrich][tmp]' }
    const events: Data[] = [
      { source: { ip: states[0]!.value } },
      { source: { ip: '192.0.2.99' } },
      {},
    ]
    const after = await ruby.ask<Data[]>('old_pipeline', {
      hosts: [memcached.address],
      get,
      events,
    })
    expect(after[0]).toEqual({
      ...events[0],
      enrich: {},
      misp: { event_id: ['7', '8'], type: ['ip-x', 'ip-dst|port'] },
    })
    expect(after.slice(1)).toEqual(events.slice(1))
    const namespace = {
      namespace: 'misp-domain',
      get: { '%{[dns][question][name]}': '[enrich][tmp]' },
    }
    const [named] = await ruby.ask<Data[]>('old_pipeline', {
      hosts: [memcached.address],
      ...namespace,
      events: [{ dns: { question: { name: states[1]!.value } } }],
    })
    expect(named?.misp).toEqual({ event_id: ['7', '8'], type: ['domain-x', 'ip-dst|port'] })
  })

  it('shows what the filter alone can not do, and the script does', async () => {
    const ip = '198.51.100.7'
    await fill(memcached.address, {
      states: [{ space: 'ip', value: ip, carriers: [carrier()] }],
      settings: { value: 'ids' },
    })
    const hosts = [memcached.address]
    const get = {
      'misp-ip:%{[source][ip]}': '[source][misp]',
      'misp-ip:%{[destination][ip]}': '[destination][misp]',
    }
    const both = { source: { ip }, destination: { ip } }
    const [one, list] = await ruby.ask<Data[]>('memcached_filter', {
      hosts,
      get,
      events: [both, { source: { ip: [ip, '192.0.2.1'] } }],
    })
    // Equal keys: only the last field hears of it. A list is joined with a comma and never met.
    expect(one).toEqual({ source: { ip }, destination: { ip, misp: '1#ip-dst' } })
    expect(list).toEqual({ source: { ip: [ip, '192.0.2.1'] } })
  })
})

async function apply(sink: Sink, states: readonly KeyState[]): Promise<void> {
  for (let start = 0; start < states.length; start += 5000)
    await sink.apply(states.slice(start, start + 5000), NEVER)
}

function range<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n))
}

function stateOf(n: number, events: number): KeyState {
  const space = SPACES[n % SPACES.length]!
  const carriers = range(events, (event) =>
    carrier({ eventId: String(n + event), type: 'ip-dst', timestamp: 1_700_000_000 - event }),
  )
  return { space, value: aValue(space, n), carriers }
}

/** A normal form of its kind, another for each n. */
function aValue(space: string, n: number): string {
  const [length] = HASH_LENGTHS[space as HashSpace] ?? []
  if (length !== undefined) return n.toString(16).padStart(length, 'a')
  const make = VALUES[space]
  if (make === undefined) throw new Error(`no value for ${space}`)
  return make(n)
}

const VALUES: Record<string, (n: number) => string> = {
  ip: (n) =>
    n % 2
      ? `2001:db8::${(n >>> 12).toString(16)}:${((n & 0xfff) + 1).toString(16)}`
      : `198.${n >>> 16}.${(n >>> 8) & 255}.${n & 255}`,
  net: (n) => `10.${n >>> 8}.${n & 255}.0/24`,
  domain: (n) => `n${n}.example.com`,
  hostname: (n) => `host${n}.example.com`,
  url: (n) => `http://example.net/${n}?a=b%20c${'x'.repeat((n % 7) * 60)}`,
  email: (n) => `n${n}+tag@example.com`,
  eppn: (n) => `n${n}@example.org`,
  'message-id': (n) => `N${n}.Abc=@example.com`,
  filename: (n) => (n % 2 ? `evil name ${n} .exe` : `évil-${n}.exe`),
  'user-agent': (n) => `Mozilla/5.0 (evil; ${n}) ${'like Gecko '.repeat(n % 20)}`.trim(),
  regkey: (n) => `HKLM\\Software\\Evil ${n}`,
  mutex: (n) => `Global\\evil-${n}`,
  'named-pipe': (n) => `\\\\.\\pipe\\evil ${n}`,
  'community-id': (n) => `1:${String(n).padStart(27, 'A')}=`,
  'ssh-fingerprint': (n) => `SHA256:${String(n).padStart(43, 'B')}`,
  mac: (n) =>
    `00:00:5e:${[n >>> 16, (n >>> 8) & 255, n & 255].map((part) => part.toString(16).padStart(2, '0')).join(':')}`,
  'azure-application-id': (n) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  'mobile-application-id': (n) => `com.example.Evil${n}`,
  'chrome-extension-id': (n) =>
    n
      .toString(16)
      .padStart(32, 'a')
      .replace(/./g, (digit) => 'abcdefghijklmnop'['0123456789abcdef'.indexOf(digit)]!),
}

/** Its events and types, in no order; '' where there is to be nothing. */
function piecesOf({ carriers }: KeyState): string {
  return [...new Set(carriers.map(({ eventId, type }) => `${eventId}#${type}`))].sort().join(',')
}

function readPieces(value: string | null): string {
  if (value === null) return ''
  if (!value.startsWith('[')) return value.split(',').sort().join(',')
  const carriers = JSON.parse(value) as { event: string; type: string }[]
  return [...new Set(carriers.map(({ event, type }) => `${event}#${type}`))].sort().join(',')
}

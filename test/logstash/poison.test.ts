/**
 * Poisoned values all the way: MISP, ledger, memcached, script, event. And once more by somebody who can
 * write into memcached itself. Nothing but strings in the right fields comes out.
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OPT_IN_KINDS } from '../../src/indicators/entry.js'
import type { Meaning } from '../../src/indicators/indicator.js'
import { MATCHABLE } from '../../src/indicators/matchable.js'
import { normalise } from '../../src/indicators/normalise.js'
import { legacyPolicySettings } from '../../src/policy/settings.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { startStandin } from '../misp/standin.js'
import { Store } from '../misp/store.js'
import { hasDalli, hasMemcached, Memcached } from '../servers/memcached.js'
import { poison } from '../sinks/poisons.js'
import { House, mispSettings } from '../sync/house.js'
import { expectClean } from './clean.js'
import { Ruby } from './ruby.js'

const NOW = Math.floor(Date.now() / 1000)
const AN_EVENT = 50
const AT_ONCE = 1000
const ALL_KINDS = `policy: { kinds: [${OPT_IN_KINDS.join(', ')}] }`
const SPACES = [...new Set(MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space)))]
/** A field for each namespace. */
const FIELDS = SPACES.map((space) => `x.${space}: ${space}`).join('\n')

/** Good values of the commonest types; `n` makes each one different. */
const GOOD: readonly ((n: number) => { type: string; value: string })[] = [
  (n) => ({
    type: 'ip-dst',
    value: `2001:db8::${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}`,
  }),
  (n) => ({ type: 'domain', value: `n${n}.example.com` }),
  (n) => ({ type: 'url', value: `http://www.example.net/${n}` }),
  (n) => ({ type: 'md5', value: n.toString(16).padStart(32, 'a') }),
  (n) => ({ type: 'email-src', value: `n${n}@example.com` }),
  (n) => ({ type: 'filename', value: `évil ${n} .exe` }),
]

interface Written {
  readonly type: string
  readonly value: string
  readonly isGood: boolean
}

describe.skipIf(!hasMemcached() || !hasDalli())('poison', () => {
  let memcached: Memcached
  let ruby: Ruby
  const closers: (() => Promise<void>)[] = []

  beforeEach(async () => {
    memcached = await Memcached.start(['-m', '1024'])
    ruby = new Ruby()
  })
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
    await ruby.close()
    await memcached.stop()
  })

  it.each(['json', 'ids'] as const)('through MISP, ledger and memcached (%s)', async (value) => {
    const rows = attributes(fuzzRuns(100_000) / 2)
    const misp = await startStandin({ store: () => poisoned(rows) })
    closers.push(() => misp.close())
    const house = new House({
      sources: [mispSettings(misp.url, misp.keys.readonly)],
      memcached: memcached.port,
      memcachedSettings: { value },
      policy: { ...legacyPolicySettings, kinds: [...OPT_IN_KINDS] },
      guard: { growth_min: 1_000_000 },
    })
    closers.push(() => house.close())
    expect((await house.sync()).status).toBe(0)
    const live = await house.live()
    await ruby.load({
      servers: [memcached.address],
      sources: `  - { name: main, url: "${misp.url}", key: k }`,
      ownFields: FIELDS,
      more: ALL_KINDS,
    })
    const wanted = rows.flatMap((row) => meaningsOf(row).map((meaning) => ({ row, meaning })))
    let hits = 0
    for (let start = 0; start < wanted.length; start += AT_ONCE) {
      const some = wanted.slice(start, start + AT_ONCE)
      const before = some.map(({ meaning }) => ({ x: { [meaning.space]: meaning.value } }))
      const after = await ruby.filter(before, 2)
      for (const [n, { row, meaning }] of some.entries()) {
        const told = expectClean(after[n]!, before[n]!)
        const isLive = live.has(`${meaning.space}:${meaning.value}`)
        if (row.isGood) expect([isLive, told.length > 0, row]).toEqual([true, true, row])
        if (told.length > 0) hits++
      }
    }
    expect(hits).toBeGreaterThan(rows.length / 2)
  })

  it('put into memcached by somebody else', async () => {
    await ruby.load({ servers: [memcached.address], ownFields: FIELDS, more: ALL_KINDS })
    const total = fuzzRuns(100_000)
    const socket = connect(memcached.port, '127.0.0.1')
    await once(socket, 'connect')
    for (let start = 0; start < total; start += AT_ONCE) {
      const seed = fuzzSeed() + start
      const values = fc.sample(foreign(), { numRuns: AT_ONCE, seed })
      const sets = values.map(({ bytes, flags }, n) => [
        Buffer.from(`ms misp-md5:${digest(n)} ${bytes.length} F${flags} q\r\n`),
        bytes,
        Buffer.from('\r\n'),
      ])
      const own = ['tipline:heartbeat', 'tipline:net-lengths'].map((key, n) => [
        Buffer.from(`ms ${key} ${values[n]!.bytes.length} q\r\n`),
        values[n]!.bytes,
        Buffer.from('\r\n'),
      ])
      socket.write(Buffer.concat([...sets.flat(), ...own.flat(), Buffer.from('mn\r\n')]))
      await once(socket, 'data')
      const before = values.map((_, n) => ({ x: { md5: digest(n), ip: '192.0.2.1' } }))
      const after = await ruby.filter(before)
      for (const [n, event] of after.entries()) expectClean(event, before[n]!)
    }
    socket.destroy()
  })
})

function attributes(count: number): Written[] {
  const types = fc.constantFrom(...MATCHABLE.map(({ type }) => type))
  const bad = fc.tuple(types, poison()).map(([type, value]) => ({ type, value, isGood: false }))
  const good = fc.tuple(fc.constantFrom(...GOOD), fc.nat()).map(([make]) => make)
  const sampled = fc.sample(fc.oneof(bad, bad, good), { numRuns: count, seed: fuzzSeed() })
  return sampled.flatMap((one, n) => [
    typeof one === 'function' ? { ...one(n), isGood: true } : one,
    { ...GOOD[n % GOOD.length]!(n + 1_000_000), isGood: true },
  ])
}

/** Its infos and tags are poison too. */
function poisoned(rows: readonly Written[]): Store {
  const store = new Store({ now: NOW })
  const texts = fc.sample(poison(), { numRuns: 500, seed: fuzzSeed() })
  const text = (n: number) => texts[n % texts.length]!.slice(0, 250)
  for (let start = 0, n = 0; start < rows.length; start += AN_EVENT, n++) {
    store.addEvent({
      timestamp: NOW - 86_400,
      info: text(n),
      tags: [text(n + 1), 'tlp:green', text(n + 2)].filter((tag) => tag.trim() !== ''),
      attributes: rows.slice(start, start + AN_EVENT).map(({ type, value }) => ({ type, value })),
    })
  }
  return store
}

/** What a log would hold that meets it; of what is no indicator, the value itself. */
function meaningsOf({ type, value }: Written): Pick<Meaning, 'space' | 'value'>[] {
  const found = normalise(type, value)
  if (found.ok) return found.meanings.filter(({ space }) => SPACES.includes(space))
  const [half] = MATCHABLE.find((entry) => entry.type === type)!.halves
  return /\p{Surrogate}/u.test(value) ? [] : [{ space: half!.space, value }]
}

/** Bytes as an attacker would choose them: nearly what tipline writes, and anything else. */
function foreign(): fc.Arbitrary<{ bytes: Buffer; flags: number }> {
  const leaf = fc.oneof(
    poison(),
    fc.json(),
    fc.integer(),
    fc.double(),
    fc.constantFrom(null, true, '7', 'md5', 'tlp:red', {}, []),
  )
  const names = fc.constantFrom(
    'event',
    'event_uuid',
    'attribute',
    'type',
    'port',
    'info',
    'tags',
    'source',
    'timestamp',
    'first_seen',
    'last_seen',
    'more',
    'json_class',
    '__proto__',
    'v4',
    'v6',
    'oldest',
    'at',
  )
  const good = {
    event: '7',
    type: 'md5',
    info: 'x',
    tags: ['tlp:green'],
    source: 'main',
    timestamp: NOW,
  }
  const object = fc.dictionary(names, fc.oneof(leaf, fc.array(leaf, { maxLength: 3 })), {
    maxKeys: 8,
  })
  const carriers = fc.array(
    fc.oneof(
      object,
      object.map((odd) => ({ ...good, ...odd })),
      leaf,
    ),
    { maxLength: 4 },
  )
  const ids = fc.array(
    fc
      .tuple(
        fc.oneof(fc.constantFrom('7', ''), poison()),
        fc.oneof(fc.constantFrom('md5', 'domain', ''), poison()),
      )
      .map((pair) => pair.join('#')),
    { maxLength: 3 },
  )
  const text = fc.oneof(
    carriers.map((all) => JSON.stringify(all)),
    object.map((one) => JSON.stringify(one)),
    carriers.map((all) =>
      JSON.stringify(all).replace(
        /[^ -~]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      ),
    ),
    ids.map((all) => all.join(',')),
    poison(),
    fc.constantFrom(
      '',
      '[',
      '[]',
      '{}',
      '[[[[[[[[1]]]]]]]]',
      `[${'['.repeat(100_000)}`,
      '[{"json_class":"String","event":"1","type":"md5"}]',
      `[${'1,'.repeat(50_000)}1]`,
      '7#md5',
      '7#md5#main#x',
      ',#,#',
      '[{"event":"7","type":"md5","info":"\\ud800"}]',
      '[NaN]',
      '[{"event":"7","type":"md5","timestamp":1e999}]',
    ),
  )
  const bytes = fc.oneof(
    text.map((each) => Buffer.from(each)),
    fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
    fc.constant(Buffer.from('\x04\x08o:\x0bGem::Foo\x00', 'latin1')),
  )
  return fc.record({ bytes, flags: fc.constantFrom(0, 0, 0, 0, 1, 2, 3, 16) })
}

function digest(n: number): string {
  return n.toString(16).padStart(32, '0')
}

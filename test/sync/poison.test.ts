/**
 * Hostile values all the way: MISP, ledger, memcached. As every type that can be matched, in events
 * whose titles and tags are hostile too, into a memcached that would even obey `shutdown`. Afterwards
 * each value stands under the keys that were meant for it, or is set aside with a reason; nothing else
 * came to be, and nothing was harmed.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { lookupKeys } from '../../src/indicators/keys.js'
import { MATCHABLE_TYPES, OPT_IN_KINDS } from '../../src/indicators/types.js'
import { totals } from '../../src/ledger/knowledge.js'
import { readSinkAside } from '../../src/ledger/sink-aside.js'
import { legacyPolicySettings } from '../../src/policy/settings.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { hostileText } from '../indicators/hostile.js'
import { expectInvariants } from '../ledger/invariants.js'
import type { Store } from '../misp/store.js'
import { hasMemcached, type Memcached } from '../servers/memcached.js'
import { CANARIES } from '../sinks/hostile-states.js'
import { poison } from '../sinks/poisons.js'
import { asKeys, contents, counter, piecesIn } from './contents.js'
import { DAY, HOUR, NOW, Rig } from './rig.js'

/** Values of one round: a MISP, a ledger and a memcached of their own. */
const ROUND = 5000
const EVENT = 250
/** What is served, whatever it is: here nothing is to be held back. */
const POLICY = { ...legacyPolicySettings, kinds: [...OPT_IN_KINDS] }
const OWN = [
  'tipline:state',
  'tipline:heartbeat',
  'tipline:net-lengths',
  'tipline:memory',
  'misp-stats',
]

/** Values that begin well: what is glued to them is what a careless reader would let through. */
const GOOD = [
  ...['198.51.100.7', '203.0.113.0/24', '2001:db8::1', 'evil.example', 'http://evil.example/a'],
  ...['86af938f85895f7eed698da2d2fa9f1e', `${'ab'.repeat(32)}`, 'a@evil.example', 'invoice.js'],
  ...['198.51.100.7|443', 'evil.example|198.51.100.7', `invoice.js|${'0b'.repeat(16)}`],
]
const glued = fc
  .tuple(fc.constantFrom(...GOOD), poison(), fc.constantFrom('', '|', ' ', '\n'), fc.boolean())
  .map(([good, bad, glue, before]) => (before ? bad + glue + good : good + glue + bad))
const hostileValue = fc.oneof(poison(), hostileText, glued).filter((value) => value.trim() !== '')
const hostileWord = fc.oneof(poison(), hostileText).map((text) => text.slice(0, 300) || 'x')

let rig: Rig
afterEach(() => rig.close())

describe.skipIf(!hasMemcached())('poisoned values of a MISP', () => {
  const rounds = Math.ceil(fuzzRuns(100_000) / ROUND)
  for (let round = 0; round < rounds; round += 1) {
    const form = round % 2 === 0 ? 'ids' : 'json'
    it(`stand under their keys or are set aside, and that is all (${round + 1}, ${form})`, async () => {
      rig = await Rig.start({
        memcached: true,
        memcachedOptions: ['-A', '-m', '256'],
        memcachedSettings: { value: form },
        filters: { policy: POLICY },
        policy: POLICY,
        guard: { growth_min: 1_000_000, revoke_min: 1_000_000 },
      })
      const memcached = rig.memcached!
      for (const canary of CANARIES) await memcached.say(`ms ${canary} 5\r\nalive\r\n`, 'HD\r\n')
      fill(rig.store, fuzzSeed() + round)
      expect((await rig.house.sync()).status).toBe(0)
      await expectMeant(memcached, form)
      await expectAllAccountedFor()
      await expectUnharmed(memcached)
      for (const { id } of rig.store.eventsById()) rig.store.deleteEvent(id)
      rig.store.advance(HOUR)
      expect((await rig.house.sync()).status).toBe(0)
      expect(await indicatorKeys(memcached)).toEqual([])
      await expectUnharmed(memcached)
    })
  }
})

function fill(store: Store, seed: number): void {
  const values = fc.sample(hostileValue, { numRuns: ROUND, seed })
  const words = fc.sample(hostileWord, { numRuns: (ROUND / EVENT) * 3, seed })
  for (let first = 0; first < ROUND; first += EVENT) {
    const [info, ...tags] = words.splice(0, 3)
    store.addEvent({
      timestamp: NOW - DAY,
      info: info!,
      tags,
      attributes: values.slice(first, first + EVENT).map((value, n) => ({
        type: MATCHABLE_TYPES[(first + n) % MATCHABLE_TYPES.length]!,
        value,
      })),
    })
  }
}

/** Worked out from MISP's side. */
function wanted(): Map<string, string> {
  return rig.oracle.live(rig.store)
}

async function expectMeant(memcached: Memcached, form: 'ids' | 'json'): Promise<void> {
  const meant = asKeys(wanted())
  const keys = await indicatorKeys(memcached)
  expect(keys).toEqual([...meant.keys()].toSorted())
  expect(keys.filter((key) => !/^misp-[a-z0-9-]+:[ -~]{1,240}$/.test(key))).toEqual([])
  expect(keys.length).toBeGreaterThan(ROUND / 20)
  if (form === 'ids') {
    const there = await piecesIn(memcached)
    for (const canary of CANARIES) there.delete(canary)
    expect(Object.fromEntries(there)).toEqual(Object.fromEntries(meant))
    return
  }
  for (const [key, text] of await contents(memcached)) {
    if (CANARIES.includes(key)) continue
    expect(text).toMatch(/^\[[ -~]*\]$/)
    const told = JSON.parse(text) as { event?: string; type?: string; more?: number }[]
    const pieces = told.filter(({ event }) => event).map(({ event, type }) => `${event}#${type}`)
    const all = new Set(meant.get(key)!.split(','))
    expect(pieces.filter((piece) => !all.has(piece))).toEqual([])
  }
}

/** Every attribute is there: with an indicator, or set aside with a reason; so is every key. */
async function expectAllAccountedFor(): Promise<void> {
  const { db } = await rig.house.ledger()
  expectInvariants(db, { steady: true })
  expect(db.prepare('SELECT count(*) AS n FROM attribute').get()).toEqual({ n: ROUND })
  const { setAside } = totals(db)
  expect(setAside.length).toBeGreaterThan(0)
  for (const { reason } of setAside) expect(reason).toMatch(/^[ -~]+$/)
  const keyless = [...wanted().keys()].filter((key) => {
    const colon = key.indexOf(':')
    return lookupKeys(key.slice(0, colon), key.slice(colon + 1)).length === 0
  })
  const refused = readSinkAside(db, ROUND)
  expect(refused.map(({ item }) => item).toSorted()).toEqual(keyless.toSorted())
  for (const { reason } of refused) expect(reason).toMatch(/^[ -~]+$/)
}

async function expectUnharmed(memcached: Memcached): Promise<void> {
  const others = CANARIES.filter((canary) => !OWN.includes(canary))
  const values = await Promise.all(others.map((canary) => memcached.read(canary)))
  expect(new Set(values)).toEqual(new Set(['alive']))
  expect(await counter(memcached, 'cmd_flush')).toBe(0)
  const { db } = await rig.house.ledger()
  expect(db.prepare('PRAGMA integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
}

async function indicatorKeys(memcached: Memcached): Promise<string[]> {
  const known = [...CANARIES, ...OWN]
  return (await memcached.keys()).filter((key) => !known.includes(key)).toSorted()
}

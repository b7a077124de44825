/**
 * Poisoned values through the sink into a real memcached, one that would even obey `shutdown`: no key
 * appears that was not meant, none is harmed, and every one of them can be taken away again.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lookupKeys } from '../../../src/indicators/keys.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { fuzzRuns, fuzzSeed } from '../../fuzz.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { applyHostile, CANARIES, hostileStates } from '../hostile-states.js'
import { carrier, inBatches } from '../states.js'
import { make, NEVER } from './make.js'

const BATCH = 2500

describe.skipIf(!hasMemcached())('poisoned values', () => {
  let server: Memcached

  beforeEach(async () => {
    server = await Memcached.start(['-A', '-m', '512'])
  })
  afterEach(() => server.stop())

  it.each(['ids', 'json'] as const)('do nothing but stand under their keys (%s)', async (value) => {
    const sink = make(server.address, { value }, { sourceCount: 2 })
    await sink.open(NEVER)
    for (const canary of CANARIES) await server.say(`ms ${canary} 5\r\nalive\r\n`, 'HD\r\n')
    const rounds = Math.ceil(fuzzRuns(50_000) / BATCH)
    for (let round = 0; round < rounds; round++) {
      await oneRound(sink, hostileStates(BATCH, fuzzSeed() + round))
    }
    expect(await server.say('stats\r\n', 'END\r\n')).toMatch(/STAT cmd_flush 0\r\n/)
    await sink.rebuild(inBatches([{ space: 'md5', value: 'last', carriers: [carrier()] }]), NEVER)
    expect((await server.keys()).toSorted()).toEqual(
      [...CANARIES, 'misp-md5:last', 'tipline:state'].toSorted(),
    )
    await sink.close()
  })

  async function oneRound(sink: Sink, states: readonly KeyState[]): Promise<void> {
    const refused = await applyHostile(sink, states)
    const kept = states.filter(({ space, value }) => !refused.has(`${space}:${value}`))
    const wanted = new Set(kept.flatMap(({ space, value }) => lookupKeys(space, value)))
    await expectKeys([...wanted].map((key) => Buffer.from(key).toString('latin1')))
    expect(await sink.verify(kept)).toEqual({ checked: kept.length, missing: 0, different: 0 })
    await sink.apply(
      states.map((state) => ({ ...state, carriers: [] })),
      NEVER,
    )
    await expectKeys([])
  }

  async function expectKeys(ours: readonly string[]): Promise<void> {
    const found = (await server.keys()).filter((key) => key !== 'tipline:state')
    expect(found.toSorted()).toEqual([...CANARIES, ...ours].toSorted())
    const canaries = await Promise.all(CANARIES.map((key) => server.read(key)))
    expect(new Set(canaries)).toEqual(new Set(['alive']))
  }
})

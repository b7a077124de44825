/**
 * Poisoned values through the sink into a real Redis: no key appears that was not meant, nothing is
 * executed, and every one of them can be taken away again.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lookupKeys } from '../../../src/indicators/keys.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { fuzzRuns, fuzzSeed } from '../../fuzz.js'
import { hasRedis, Redis } from '../../servers/redis.js'
import { applyHostile, CANARIES, hostileStates } from '../hostile-states.js'
import { carrier, inBatches } from '../states.js'
import { make, NEVER } from './make.js'

const BATCH = 2500

describe.skipIf(!hasRedis())('poisoned values', () => {
  let server: Redis

  beforeEach(async () => {
    server = await Redis.start()
  })
  afterEach(() => server.close())

  it.each(['ids', 'json'] as const)('do nothing but stand under their keys (%s)', async (value) => {
    const sink = make(server.url, { value }, { sourceNames: ['main', 'other'] })
    await sink.open(NEVER)
    await server.askAll(CANARIES.map((canary) => ['SET', canary, 'alive']))
    const rounds = Math.ceil(fuzzRuns(50_000) / BATCH)
    for (let round = 0; round < rounds; round++) {
      await oneRound(sink, hostileStates(BATCH, fuzzSeed() + round))
    }
    const commands = String(await server.ask('INFO', 'commandstats'))
    const known =
      /^cmdstat_(set|sadd|srem|smembers|sdiff|exists|mset|mget|unlink|get|keys|info|select)$/
    const names = [...commands.matchAll(/^(cmdstat_[^:]+):/gm)].map(([, name = '']) => name)
    expect(names.filter((name) => !known.test(name) && name !== 'cmdstat_ping')).toEqual([])
    await sink.rebuild(inBatches([{ space: 'md5', value: 'last', carriers: [carrier()] }]), NEVER)
    await expectKeys(['misp-md5:last'])
    await sink.close()
  })

  async function oneRound(sink: Sink, states: readonly KeyState[]): Promise<void> {
    const refused = await applyHostile(sink, states)
    const kept = states.filter(({ space, value }) => !refused.has(`${space}:${value}`))
    const wanted = new Set(kept.flatMap(({ space, value }) => lookupKeys(space, value)))
    await expectKeys([...wanted])
    expect(await sink.verify(kept)).toEqual({ checked: kept.length, missing: 0, different: 0 })
    await sink.apply(
      states.map((state) => ({ ...state, carriers: [] })),
      NEVER,
    )
    await expectKeys([])
  }

  async function expectKeys(ours: readonly string[]): Promise<void> {
    const found = (await server.keys()).filter((key) => !key.startsWith('tipline:register'))
    expect(found).toEqual([...CANARIES, ...ours].toSorted())
    const canaries = await server.askAll(CANARIES.map((canary) => ['GET', canary]))
    expect(new Set(canaries)).toEqual(new Set(['alive']))
  }
})

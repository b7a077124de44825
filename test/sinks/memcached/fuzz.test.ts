/**
 * Poisoned values through the sink into a real memcached, one that would even obey `shutdown`: no key
 * appears that was not meant, none is harmed, and every one of them can be taken away again.
 */
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SinkRejected, SinkUnavailable } from '../../../src/errors.js'
import { lookupKeys } from '../../../src/indicators/keys.js'
import { MATCHABLE } from '../../../src/indicators/matchable.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { fuzz, fuzzRuns, fuzzSeed } from '../../fuzz.js'
import { hasMemcached, Memcached } from '../../servers/memcached.js'
import { poison } from '../poisons.js'
import { carrier, inBatches } from '../states.js'
import { make, NEVER } from './make.js'
import { scripted } from './scripted.js'

const BATCH = 2500
const SPACES = [...new Set(MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space)))]
const CANARIES = ['canary', 'a', 'x', 'k', 'hi', 'misp-canary:1', 'misp-stats']

describe.skipIf(!hasMemcached())('poisoned values', () => {
  let server: Memcached

  beforeEach(async () => {
    server = await Memcached.start(['-A', '-m', '512'])
  })
  afterEach(() => server.stop())

  it.each(['ids', 'json'] as const)('do nothing but stand under their keys (%s)', async (value) => {
    const sink = make(server.address, { value }, { sourceNames: ['main', 'other'] })
    await sink.open(NEVER)
    for (const canary of CANARIES) await server.say(`ms ${canary} 5\r\nalive\r\n`, 'HD\r\n')
    const rounds = Math.ceil(fuzzRuns(50_000) / BATCH)
    for (let round = 0; round < rounds; round++) {
      await oneRound(sink, sample(fuzzSeed() + round))
    }
    expect(await server.say('stats\r\n', 'END\r\n')).toMatch(/STAT cmd_flush 0\r\n/)
    await sink.rebuild(inBatches([{ space: 'md5', value: 'last', carriers: [carrier()] }]), NEVER)
    expect((await server.keys()).toSorted()).toEqual(
      [...CANARIES, 'misp-md5:last', 'tipline:state'].toSorted(),
    )
    await sink.close()
  })

  async function oneRound(sink: Sink, states: readonly KeyState[]): Promise<void> {
    const refused = await apply(sink, states)
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

describe('a server that answers with foreign bytes', () => {
  it('is told of as unavailable, whatever it says and however it cuts it', async () => {
    const word = fc.constantFrom(
      ...['MN\r\n', 'HD\r\n', 'END\r\n', 'VA 5 O0\r\nhello\r\n', 'VA 99999999999 O0\r\n', 'STAT '],
      ...[
        'VERSION 1.6.18\r\n',
        'ERROR\r\n',
        'SERVER_ERROR out of memory\r\n',
        '\r\n',
        '\n',
        '\x81\x0b',
      ],
    )
    const bytes = fc.oneof(word, fc.string({ unit: 'binary-ascii', maxLength: 300 }), poison())
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 8 }), fc.boolean(), async (answers, sasl) => {
        const server = await scripted((socket, _text) => {
          for (const answer of answers) socket.write(answer, 'latin1')
          socket.end()
        })
        const login = { auth: 'sasl', username: 'u', password: 'p' } as const
        const sink = make(server.address, { timeout: 5, ...(sasl && login) })
        await expect(sink.open(NEVER)).rejects.toThrow(SinkUnavailable)
        await sink.close()
        server.close()
      }),
      fuzz(2000),
    )
  }, 120_000)
})

/** Different ones, though two hostile values may share a hashed key. */
function sample(seed: number): KeyState[] {
  const states = fc.sample(hostileState(), { numRuns: BATCH, seed })
  const byKeys = new Map(states.map((s) => [lookupKeys(s.space, s.value).at(-1) ?? s, s]))
  return [...byKeys.values()]
}

function hostileState(): fc.Arbitrary<KeyState> {
  const word = poison().map((text) => text.slice(0, 500))
  const carriers = fc.array(
    fc
      .record({ eventId: word, type: word, eventInfo: word, source: word, tags: fc.array(word) })
      .map(carrier),
    { minLength: 1, maxLength: 2 },
  )
  return fc.record({ space: fc.constantFrom(...SPACES), value: poison(), carriers })
}

async function apply(sink: Sink, states: readonly KeyState[]): Promise<Set<string>> {
  try {
    await sink.apply(states, NEVER)
    return new Set()
  } catch (error) {
    if (error instanceof SinkRejected) return new Set(error.items.map(({ item }) => item))
    throw error
  }
}

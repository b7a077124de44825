/**
 * Whatever is cut off, killed or lost between two bytes: no key of ours ever stands there that the
 * register does not name, and the next cycle makes everything right.
 */
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { SinkUnavailable } from '../../../src/errors.js'
import { lookupKeys } from '../../../src/indicators/keys.js'
import type { KeyState, Sink } from '../../../src/sinks/sink.js'
import { fuzz } from '../../fuzz.js'
import { hasRedis, Redis } from '../../servers/redis.js'
import { inBatches, ipState, POSITION } from '../states.js'
import { Cut } from './cut.js'
import { make, NEVER } from './make.js'

const FOREIGN = ['misp-ip:203.0.113.1', 'canary']
const KEPT = '192.0.2.1'
const VALUES = Array.from({ length: 60 }, (_, n) => `198.51.100.${n}`)
const running: { close(): unknown }[] = []

afterEach(async () => {
  for (const one of running.splice(0).reverse()) await one.close()
})

/** A ledger in miniature: what is wanted, and what of it the sink was not told yet. */
class Ship {
  /** Never nothing: a ledger that is empty takes nothing away from a sink that it fills. */
  readonly wanted = new Map<string, KeyState>([[KEPT, ipState(KEPT, ['1'])]])
  readonly #pending = new Set<string>()
  #seq = 0

  constructor(readonly sink: Sink) {}

  change(values: readonly string[], events: readonly string[]): void {
    for (const value of values) {
      if (events.length === 0) this.wanted.delete(value)
      else this.wanted.set(value, ipState(value, events))
      this.#pending.add(value)
    }
  }

  /** As ship does it: follows from its position, or rebuilds. */
  async cycle({ rebuild = false } = {}): Promise<void> {
    const position = await this.sink.open(NEVER)
    if (position === null || position.seq !== this.#seq || rebuild) {
      const all = [...this.wanted.values()]
      await this.sink.rebuild(inBatches(all.slice(0, 20), all.slice(20)), NEVER)
    } else {
      const touched = [...this.#pending]
      await this.sink.apply(
        touched.map((value) => this.wanted.get(value) ?? ipState(value, [])),
        NEVER,
      )
    }
    this.#seq += 1
    await this.sink.remember({ ...POSITION, seq: this.#seq })
    this.#pending.clear()
  }
}

type Step =
  | { readonly do: 'change'; readonly values: readonly string[]; readonly events: string[] }
  | { readonly do: 'cycle'; readonly rebuild: boolean }
  | { readonly do: 'cut'; readonly rebuild: boolean; readonly bytes: number }
  | { readonly do: 'flush' }
  | { readonly do: 'forget' }

const change = fc.record({
  do: fc.constant('change' as const),
  values: fc.uniqueArray(fc.constantFrom(...VALUES), { minLength: 1, maxLength: 30 }),
  events: fc.constantFrom<string[]>([], ['1'], ['1', '2']),
})
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: change },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('cycle' as const), rebuild: fc.boolean() }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('cut' as const),
        rebuild: fc.boolean(),
        bytes: fc.nat(14_000),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'forget' }) },
  ),
  { minLength: 3, maxLength: 12 },
)

describe.skipIf(!hasRedis())('a Redis sink', () => {
  it('comes right after a cut at any byte, and knows its keys all the while', async () => {
    const server = await Redis.start()
    const cut = await Cut.before(server.port)
    running.push(server, cut)
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        await server.ask('FLUSHALL')
        for (const key of FOREIGN) await server.ask('SET', key, 'hi')
        const ship = new Ship(make(cut.url))
        for (const step of all) {
          await take(step, { ship, server, cut })
          await expectNamed(server)
        }
        await ship.cycle()
        await ship.sink.close()
        await expectExactly(server, ship.wanted)
      }),
      fuzz(500),
    )
  })

  it('comes right after the server was killed, with what it had saved by then', async () => {
    const server = await Redis.start(['--appendonly', 'yes', '--appendfsync', 'no'])
    running.push(server)
    const ship = new Ship(make(server.url))
    await ship.cycle()
    for (let round = 0; round < 5; round += 1) {
      ship.change(VALUES.slice(round * 10, round * 10 + 10), round % 2 ? [] : ['1'])
      const many = Array.from({ length: 4000 }, (_, n) => `10.${round}.${n >> 8}.${n & 255}`)
      ship.change(many, ['7'])
      const work = ship.cycle({ rebuild: round % 3 === 1 }).catch((error) => error)
      const kill = new Promise((resolve) => setTimeout(resolve, round * 7)).then(() =>
        server.stop(),
      )
      const [error] = await Promise.all([work, kill])
      if (error !== undefined) expect(error).toBeInstanceOf(SinkUnavailable)
      await server.restart()
      await expectNamed(server)
      await ship.cycle()
      await expectExactly(server, ship.wanted)
    }
    await ship.sink.close()
  })
})

interface Scene {
  readonly ship: Ship
  readonly server: Redis
  readonly cut: Cut
}

async function take(step: Step, { ship, server, cut }: Scene): Promise<void> {
  if (step.do === 'change') ship.change(step.values, step.events)
  else if (step.do === 'cycle') await ship.cycle(step)
  else if (step.do === 'forget') await server.ask('DEL', 'tipline:state')
  else if (step.do === 'flush') {
    const [foreign] = [FOREIGN]
    await server.ask('FLUSHALL')
    for (const key of foreign) await server.ask('SET', key, 'hi')
  } else {
    cut.left = step.bytes
    await ship.cycle(step).catch((error) => expect(error).toBeInstanceOf(SinkUnavailable))
    cut.left = Number.POSITIVE_INFINITY
  }
}

async function names(server: Redis): Promise<Set<string>> {
  const sets = (await server.keys()).filter((key) => key.startsWith('tipline:register:'))
  const found = await server.askAll([['PING'], ...sets.map((set) => ['SMEMBERS', set])])
  return new Set(found.slice(1).flat() as string[])
}

/** Every key of ours is in the register. */
async function expectNamed(server: Redis): Promise<void> {
  const named = await names(server)
  const ours = (await ourKeys(server)).filter((key) => !named.has(key))
  expect(ours).toEqual([])
}

async function expectExactly(server: Redis, wanted: ReadonlyMap<string, KeyState>): Promise<void> {
  const keys = [...wanted.values()].flatMap(({ space, value }) => lookupKeys(space, value))
  expect(await ourKeys(server)).toEqual(keys.toSorted())
}

async function ourKeys(server: Redis): Promise<string[]> {
  const all = (await server.keys()).filter((key) => key.startsWith('misp-'))
  return all.filter((key) => !FOREIGN.includes(key))
}

/** Fills a memcached through the sink, for tests of what reads it. */
import type { Heartbeat, KeyState } from '../../src/sinks/sink.js'
import { make, NEVER, type Settings } from '../sinks/memcached/make.js'
import { heartbeat } from '../sinks/states.js'

export interface FillOptions {
  readonly states: readonly KeyState[]
  readonly settings?: Settings
  readonly heartbeat?: Partial<Heartbeat>
  readonly sourceNames?: readonly string[]
}

/** Now, not at the clock of other tests: Ruby has its own. */
export const now = () => Math.floor(Date.now() / 1000)

export async function fill(address: string, options: FillOptions): Promise<void> {
  const { states, settings, sourceNames = ['main'] } = options
  const sink = make(address, settings, { sourceNames, clock: now })
  await sink.open(NEVER)
  await sink.apply(states, NEVER)
  const sources = [{ name: 'main', lastGoodSync: now() - 90 }]
  await sink.beat(
    heartbeat({ at: now(), sources, netLengths: lengthsOf(states), ...options.heartbeat }),
  )
  await sink.close()
}

function lengthsOf(states: readonly KeyState[]) {
  const nets = states.filter(({ space, carriers }) => space === 'net' && carriers.length > 0)
  const lengths = (sign: string) =>
    [...new Set(nets.filter(({ value }) => value.includes(sign)).map(prefixOf))].sort(
      (a, b) => a - b,
    )
  return { v4: lengths('.'), v6: lengths(':') }
}

function prefixOf({ value }: KeyState): number {
  return Number(value.split('/')[1])
}

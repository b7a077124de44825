import { redisSettings } from '../../src/sinks/redis/settings.js'
import { SINKS } from '../../src/sinks/registry.js'
import { hasRedis, Redis } from '../servers/redis.js'
import { type SinkServer, sinkConformance } from './conformance.js'
import { sinkDeps } from './states.js'

const available = hasRedis()

for (const value of ['ids', 'json'] as const) {
  sinkConformance({ name: `redis (${value})`, available, start: () => start({ value }) })
}

sinkConformance({
  name: 'redis with a prefix, in another database',
  available,
  start: () => start({ prefix: 'soc:', database: 3 }),
})

interface Options {
  readonly value?: 'ids' | 'json'
  readonly prefix?: string
  readonly database?: number
}

async function start({ value, prefix = '', database = 0 }: Options): Promise<SinkServer> {
  const server = await Redis.start()
  const settings = redisSettings.parse({ url: `${server.url}/${database}`, value, prefix })
  const ask = async (...command: string[]) => {
    const [, answer] = await server.askAll([['SELECT', database], command])
    return answer
  }
  return {
    sink: () => SINKS.redis.create(settings, sinkDeps()),
    read: async (space, key) =>
      (await ask('GET', `${prefix}misp-${space}:${key}`)) as string | null,
    reset: async () => void (await server.ask('FLUSHALL')),
    foreign: {
      write: async () => {
        for (const key of FOREIGN) await ask('SET', key, 'hi')
      },
      isThere: async () => {
        const found = await Promise.all(FOREIGN.map((key) => ask('GET', key)))
        return found.every((text) => text === 'hi')
      },
    },
    kill: () => server.stop(),
    restart: () => server.restart(),
    close: () => server.close(),
  }
}

/** What nobody entered in the register is not ours, whatever it is called. */
const FOREIGN = [
  'canary',
  'misp-ip:203.0.113.9',
  'soc:misp-ip:203.0.113.9',
  'misp-ipx:198.51.100.1',
]

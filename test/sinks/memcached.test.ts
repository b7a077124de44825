import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { memcachedSettings } from '../../src/sinks/memcached/settings.js'
import { SINKS } from '../../src/sinks/registry.js'
import { hasMemcached, Memcached } from '../servers/memcached.js'
import { type SinkServer, sinkConformance } from './conformance.js'
import { NOW } from './states.js'

const available = hasMemcached()

for (const value of ['ids', 'json'] as const) {
  sinkConformance({ name: `memcached (${value})`, available, start: () => start({ value }) })
}

sinkConformance({
  name: 'memcached without CAS',
  available,
  start: startWithoutCas,
})

for (const placement of ['ring', 'replicate'] as const) {
  sinkConformance({
    name: `memcached (three servers, ${placement})`,
    available,
    start: () => start({ value: 'ids', placement, servers: 3 }),
  })
}

async function start({
  value,
  placement = 'ring',
  servers: count = 1,
  options = [],
}: {
  value: 'ids' | 'json'
  placement?: 'ring' | 'replicate'
  servers?: number
  options?: readonly string[]
}): Promise<SinkServer> {
  const servers = await Promise.all(Array.from({ length: count }, () => Memcached.start(options)))
  const each = <T>(work: (server: Memcached) => Promise<T>) => Promise.all(servers.map(work))
  const addresses = servers.map(({ address }) => address)
  const settings = memcachedSettings.parse({ servers: addresses, placement, value })
  const deps = {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock: () => NOW,
  }
  return {
    sink: () => SINKS.memcached.create(settings, deps),
    read: async (space, key) => {
      const found = await each((server) => server.read(`misp-${space}:${key}`))
      return found.find((text) => text !== null) ?? null
    },
    reset: async () => {
      await each((server) => server.say('flush_all\r\n', 'OK\r\n'))
    },
    foreign: {
      write: async () => {
        for (const key of FOREIGN) {
          await each((server) => server.say(`ms ${key} 2\r\nhi\r\n`, 'HD\r\n'))
        }
      },
      isThere: async () => {
        const found = await Promise.all(FOREIGN.map((key) => each((server) => server.read(key))))
        return found.flat().every((text) => text === 'hi')
      },
    },
    kill: async () => void (await each((server) => server.stop())),
    restart: async () => void (await each((server) => server.restart())),
    close: async () => void (await each((server) => server.stop())),
  }
}

/** There `flush_all` also takes what is written in the same second, so it is emptied by a restart. */
async function startWithoutCas(): Promise<SinkServer> {
  const server = await start({ value: 'ids', options: ['-C'] })
  return { ...server, reset: () => server.restart() }
}

/** Near misses of our namespaces among them. */
const FOREIGN = ['canary', 'misp-ipx:198.51.100.1', 'misp-:x', 'misp-ip', 'xmisp-ip:198.51.100.1']

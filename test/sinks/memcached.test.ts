import { memcachedSettings } from '../../src/sinks/memcached/settings.js'
import { SINKS } from '../../src/sinks/registry.js'
import { hasMemcached, Memcached } from '../servers/memcached.js'
import { type SinkServer, sinkConformance } from './conformance.js'
import { sinkDeps } from './states.js'

const available = hasMemcached()

for (const value of ['ids', 'json'] as const) {
  sinkConformance({ name: `memcached (${value})`, available, start: () => start({ value }) })
}

sinkConformance({
  name: 'memcached without CAS',
  available,
  start: startWithoutCas,
})

async function start({
  value,
  options = [],
}: {
  value: 'ids' | 'json'
  options?: readonly string[]
}): Promise<SinkServer> {
  const server = await Memcached.start(options)
  const settings = memcachedSettings.parse({ servers: [server.address], value })
  return {
    sink: () => SINKS.memcached.create(settings, sinkDeps()),
    read: (space, key) => server.read(`misp-${space}:${key}`),
    reset: async () => {
      await server.say('flush_all\r\n', 'OK\r\n')
    },
    foreign: {
      write: async () => {
        for (const key of FOREIGN) await server.say(`ms ${key} 2\r\nhi\r\n`, 'HD\r\n')
      },
      isThere: async () => {
        const found = await Promise.all(FOREIGN.map((key) => server.read(key)))
        return found.every((text) => text === 'hi')
      },
    },
    kill: () => server.stop(),
    restart: () => server.restart(),
    close: () => server.stop(),
  }
}

/** There `flush_all` also takes what is written in the same second, so it is emptied by a restart. */
async function startWithoutCas(): Promise<SinkServer> {
  const server = await start({ value: 'ids', options: ['-C'] })
  return { ...server, reset: () => server.restart() }
}

/** Near misses of our namespaces among them. */
const FOREIGN = ['canary', 'misp-ipx:198.51.100.1', 'misp-:x', 'misp-ip', 'xmisp-ip:198.51.100.1']

/** What bench/api.ts asks: the API over the ledger in the folder given. Prints its address. */
import { randomBytes } from 'node:crypto'
import { openStores } from '../src/hits/stores.js'
import { createApp } from '../src/http/app.js'
import { listen } from '../src/http/listen.js'
import { httpSettings, parseListen } from '../src/http/settings.js'
import { silentLogger } from '../src/log.js'
import { Metrics } from '../src/metrics.js'
import { Outages } from '../src/outage.js'

const dataDir = process.argv[2]!
const hash = process.argv[3]!
const log = silentLogger()
const settings = httpSettings.parse({
  listen: '127.0.0.1:0',
  tokens: [{ name: 'bench', hash }],
  limits: { requests_per_second: 1_000_000 },
})
const stores = openStores({ dataDir, clickhouse: undefined, links: {}, networks: {}, log })
const nobody = () => Promise.reject(new Error('nobody asks for it'))
const app = createApp(
  {
    dataDir,
    sources: ['main'],
    sinks: [],
    tellings: { channels: [], sightings: [] },
    hits: stores,
    watch: [],
    outages: new Outages(log),
    metrics: new Metrics(),
    log,
    configArgument: '',
    readiness: () => ({ ready: true, why: '' }),
    verdicts: () => [],
    sync: nobody,
    backscan: nobody,
  },
  { settings, sessionKey: randomBytes(32) },
)
const { url } = await listen({
  app: () => app,
  address: parseListen(settings.listen)!,
  own: false,
  connections: 1000,
  log,
})

console.log(url)

// So that a profiler can write down what it has seen.
process.on('SIGTERM', () => process.exit())

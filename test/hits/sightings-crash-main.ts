/** Records hits and tells a MISP of them, from wherever the last process was killed. */
import { Agent } from 'undici'
import { openHits } from '../../src/hits/database.js'
import { type LineHits, recordLines } from '../../src/hits/record.js'
import { Sightings } from '../../src/hits/sightings/runner.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { createSightingClient } from '../../src/misp/sightings.js'
import { Networks } from '../../src/networks.js'
import { Outages } from '../../src/outage.js'

export interface CrashWork {
  readonly folder: string
  readonly url: string
  readonly key: string
  /** Epoch milliseconds. */
  readonly now: number
  readonly lines: readonly LineHits[]
}

const { folder, url, key, now, lines } = JSON.parse(process.argv[2] ?? '') as CrashWork
const log = silentLogger()
const metrics = new Metrics()
const dispatcher = new Agent()
const client = createSightingClient({ name: 'main', url, key, dispatcher, log, metrics })
const db = openHits(folder)
const sightings = new Sightings({
  stores: { db, flows: null, ledger: null, networks: new Networks({}), links: {} },
  told: [
    {
      source: 'main',
      client,
      every: 0,
      label: 'soc',
      maxTlp: 'amber',
      perHour: 1000,
      falsePositives: false,
    },
  ],
  untagged: 'green',
  log,
  metrics,
  outages: new Outages(log),
})
const never = new AbortController().signal
// A follower hears of what comes after its beginning.
await sightings.gather(now, never)
recordLines(db, lines, { way: 'enrich', label: '', now })
await sightings.runOnce(now, never)
db.close()
await dispatcher.close()

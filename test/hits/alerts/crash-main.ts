/** Takes hits and tells of them through a file, from wherever the last process was killed. */
import { join } from 'node:path'
import { createChannel } from '../../../src/hits/alerts/channels/registry.js'
import { deliver } from '../../../src/hits/alerts/deliver.js'
import { AlertStore, HOUR_MS } from '../../../src/hits/alerts/store.js'
import { closeDigests, take } from '../../../src/hits/alerts/take.js'
import { openHits } from '../../../src/hits/database.js'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { DEPS, HITS, hitOf, NEVER, NOW, settingsOf } from './facts.js'

const folder = process.argv[2] ?? ''
const settings = settingsOf({ type: 'file', path: join(folder, 'alerts') })
const db = openHits(folder)
db.exec('CREATE TABLE IF NOT EXISTS seen (n INTEGER PRIMARY KEY)')
const store = new AlertStore(db)
const around = { networkOf: () => 'campus', tagsOf: () => [] }
const takeDeps = { store, settings: [settings], around }
const lastSeen = () =>
  (db.prepare('SELECT coalesce(max(n), -1) AS n FROM seen').get() as { n: number }).n

let now = NOW
const send = () =>
  deliver(
    {
      store,
      ledger: () => null,
      channel: createChannel(settings, DEPS),
      settings,
      untagged: 'green',
      log: silentLogger(),
      metrics: new Metrics(),
      clock: () => now,
    },
    { stop: NEVER, cut: NEVER },
  )

await send()
for (let n = lastSeen() + 1; n < HITS; n += 1) {
  // Each second one is of a pair that is known.
  const inside = { address: `192.0.2.${n >> 1}`, network: null }
  const hit = hitOf({ id: `log-${String(n).padStart(16, '0')}`, inside, label: `n${n}` })
  const accept = () => void db.prepare('INSERT INTO seen VALUES (?)').run(n)
  take([hit], { accept, now }, takeDeps)
  await send()
}
now += 2 * HOUR_MS
closeDigests(now, takeDeps)
await send()
db.close()

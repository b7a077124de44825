/** Holds the sync lock until it is killed, for lock.test.ts. */
import { acquireLock } from '../../src/ledger/lock.js'

await acquireLock({ dataDir: process.argv[2]!, name: 'sync', waitMs: 0 })
console.log('held')
setInterval(() => undefined, 1000)

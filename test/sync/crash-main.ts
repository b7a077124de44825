/** One sync as a process of its own, for crash.test.ts to kill. */
import { House, mispSettings } from './house.js'

const [dataDir, url, key, memcached, now] = process.argv.slice(2) as [
  dataDir: string,
  url: string,
  key: string,
  memcached: string,
  now: string,
]
const house = new House({
  dataDir,
  sources: [mispSettings(url, key)],
  memcached: Number(memcached),
  guard: { revoke_min: 10_000, growth_min: 10_000 },
  clock: () => Number(now),
})
const { status } = await house.sync()
await house.reopen()
process.exitCode = status

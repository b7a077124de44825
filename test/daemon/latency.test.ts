/** From the publication of an event to each sink, as the daemon's metrics tell it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Site, until } from '../cli/site.js'
import { hasMemcached } from '../servers/memcached.js'
import { hasRedis, Redis } from '../servers/redis.js'
import { Daemon } from './daemons.js'

/** How long ago it was published when we could first see it; what is older waits for a whole look. */
const LATE_SECONDS = 200

describe.skipIf(!hasMemcached() || !hasRedis())('tipline run, and what is published', () => {
  let site: Site
  let redis: Redis
  let daemon: Daemon

  beforeEach(async () => {
    site = new Site()
    const { url, keys } = await site.startMisp()
    const { address } = await site.startMemcached()
    redis = await Redis.start()
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", every: 1s, timeout: 15s }
sinks:
  memcached: { servers: ["${address}"], value: ids, timeout: 10s }
  redis: { url: "${redis.url}", timeout: 10s }
http: { listen: "127.0.0.1:0" }
`,
    )
    daemon = await Daemon.atWork(site)
    // What comes while the first sync is on its way is not told from what was there before.
    await until(async () => (await site.ask(['status'])).exit === 0)
    const synced = Date.now()
    await until(() => Date.now() > synced + 3000)
  })

  afterEach(async () => {
    await daemon.kill()
    await redis.stop()
    await site.close()
  })

  interface Measured {
    readonly count: number
    readonly sum: number
    /** Upper bounds, rising, with how many took at most so long. */
    readonly buckets: readonly (readonly [le: number, count: number])[]
  }

  async function measured(sink: string): Promise<Measured | null> {
    const text = await (await fetch(`${daemon.url}/metrics`)).text()
    const name = 'tipline_publish_to_live_seconds'
    const value = (line: string) => Number(line.slice(line.lastIndexOf(' ')))
    const lines = text.split('\n').filter((line) => line.includes(`sink="${sink}"`))
    const count = lines.find((line) => line.startsWith(`${name}_count`))
    const sum = lines.find((line) => line.startsWith(`${name}_sum`))
    if (count === undefined || sum === undefined) return null
    const buckets = lines
      .filter((line) => line.startsWith(`${name}_bucket`))
      .map((line) => [Number(/le="([\d.]+)"/.exec(line)?.[1] ?? Infinity), value(line)] as const)
    return { count: value(count), sum: value(sum), buckets }
  }

  /** Answers the epoch second of its publication. */
  function publish(value: string, ago: number): number {
    const at = Math.floor(Date.now() / 1000) - ago
    const attributes = [{ type: 'ip-dst', value }]
    site.misp.store.addEvent({ timestamp: at, publish_timestamp: at, attributes })
    return at
  }

  const inMemcached = (value: string) => async () =>
    (await site.memcached.read(`misp-ip:${value}`)) !== null

  it('measures each event once for each sink, and by the clock', async () => {
    // What was there before the first sync is no news.
    for (const sink of ['memcached', 'redis']) expect(await measured(sink)).toBeNull()
    const at = publish('203.0.113.61', LATE_SECONDS)
    for (const sink of ['memcached', 'redis']) {
      await until(async () => (await measured(sink)) !== null)
      const took = await measured(sink)
      expect(took?.count, sink).toBe(1)
      expect(took?.sum, sink).toBeGreaterThanOrEqual(LATE_SECONDS)
      expect(took?.sum, sink).toBeLessThanOrEqual(Date.now() / 1000 - at)
      for (const [le, count] of took?.buckets ?? []) {
        expect(count, `${sink} ${le}`).toBe(le < took!.sum ? 0 : 1)
      }
    }
  })

  it('does not call slow what somebody held for a while', async () => {
    publish('203.0.113.62', LATE_SECONDS)
    await until(inMemcached('203.0.113.62'))
    await until(async () => (await measured('memcached'))?.count === 1)
    const value = '203.0.113.62'
    expect(await site.ask(['hold', value, '--why', 'ours'])).toMatchObject({ exit: 0 })
    await until(async () => !(await inMemcached(value)()))
    expect(await site.ask(['release', value])).toMatchObject({ exit: 0 })
    await until(inMemcached(value))
    publish('203.0.113.63', LATE_SECONDS)
    await until(async () => ((await measured('memcached'))?.count ?? 0) > 1)
    expect((await measured('memcached'))?.count).toBe(2)
  })
})

/** A night in which ClickHouse is away, or full: all else goes on, somebody is told, and it catches up. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { Site, until } from '../cli/site.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { TcpDoor } from '../servers/door.js'
import { hasMemcached } from '../servers/memcached.js'
import { Daemon } from './daemons.js'

interface Told {
  readonly problems: readonly { readonly what: string; readonly hint: string }[]
  readonly daemon: { readonly failing: readonly { part: string; what: string; hint: string }[] }
}

describe.skipIf(!hasMemcached() || !hasEngine())('tipline run, where ClickHouse fails', () => {
  let site: Site
  let engine: TestEngine
  let door: TcpDoor
  let db: ClickHouse
  let daemon: Daemon
  /** Epoch milliseconds: when it began to fail. */
  let night: number

  beforeEach(async () => {
    site = new Site()
    const { url, keys } = await site.startMisp()
    const { address } = await site.startMemcached()
    engine = await TestEngine.start()
    door = await TcpDoor.before(engine.address.socket)
    db = await engine.connect()
    const sightings = 'sightings: { every: 1s, source: soc }'
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.user}", every: 1s, timeout: 5s, ${sightings} }
sinks:
  memcached: { servers: ["${address}"], value: ids, timeout: 5s }
  clickhouse: { url: "${door.url}", backscan: 7d, timeout: 30s }
alerts: [{ name: siem, type: file, path: ./alerts.ndjson, disclose: red }]
http: { listen: "127.0.0.1:0" }
`,
    )
    daemon = await Daemon.atWork(site)
    await until(async () => (await addresses()).includes('192.0.2.77'))
    await until(async () => (await ready()).failing === 0)
  })

  afterEach(async () => {
    await daemon.kill()
    await db.close()
    await door.close()
    await engine.close()
    await site.close()
  })

  async function addresses(): Promise<string[]> {
    const there = await db.rows<{ n: string }>(
      `SELECT count() AS n FROM system.tables WHERE database = 'nfsen' AND name = 'iocs'`,
    )
    if (there[0]?.n === '0') return []
    return (await db.rows<{ ip: string }>('SELECT ip FROM nfsen.iocs')).map(({ ip }) => ip)
  }

  async function ready(): Promise<{ status?: string; failing?: number }> {
    return await daemon.get('/readyz')
  }

  async function failing(): Promise<string[]> {
    return (await daemon.get<Told>('/v1/status')).daemon.failing.map(({ part }) => part)
  }

  function publish(value: string): void {
    site.misp.store.addAttribute(2, { type: 'ip-dst', value })
    site.misp.store.publish(2)
  }

  /**
   * Lines of the log in which this part says, since the night began, that it fails or is well again.
   * At the very first start nobody has made the tables yet, and what was told then may arrive late.
   */
  const told = (part: string, text: string) =>
    daemon
      .said(text)
      .filter(({ time }) => Date.parse(time as string) > night)
      .filter((line) => line.part === part || `sink ${line.sink}` === part)

  /** Its outage was one, and told as one: each fault at most once, five at most, and its end once. */
  async function wasOneOutage(part: string): Promise<void> {
    await until(() => told(part, 'well again').length > 0)
    expect(told(part, 'well again'), part).toHaveLength(1)
    const faults = told(part, 'ClickHouse at').map(
      ({ err }) => (err as { message: string }).message,
    )
    expect(faults.length, part).toBeGreaterThanOrEqual(1)
    expect(faults.length, part).toBeLessThanOrEqual(5)
    expect(new Set(faults).size, part).toBe(faults.length)
  }

  it('feeds the other sinks, tells of it once, and catches up', async () => {
    const parts = ['sink clickhouse', 'alerts of flows', 'sightings of flows']
    night = Date.now()
    door.shut()
    publish('203.0.113.50')
    await until(async () => (await site.memcached.read('misp-ip:203.0.113.50')) === '2#ip-dst')
    await until(async () => {
      const now = await failing()
      return parts.every((part) => now.includes(part))
    })
    // A line of a log hits, and is told, while flows can't be asked for.
    const line = { '@timestamp': new Date(), destination: { ip: '203.0.113.50' } }
    await fetch(`${daemon.url}/v1/enrich?record=proxy`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify(line)}\n`,
    })
    const alerts = join(site.folder, 'alerts.ndjson')
    await until(() => textOf(alerts).includes('203.0.113.50'))
    expect(await ready()).toMatchObject({ status: 'ready', failing: expect.any(Number) })
    expect((await ready()).failing).toBeGreaterThanOrEqual(3)
    const status = await site.ask(['status'])
    expect(status.exit).toBe(1)
    expect((status as unknown as Told).problems.map(({ what }) => what)).toContainEqual(
      expect.stringMatching(/^sink clickhouse fails since 2.*: ClickHouse at http/),
    )
    // They have all tried again many times.
    const before = door.turnedAway
    await until(() => door.turnedAway > before + 30)
    door.open()
    await until(async () => (await addresses()).includes('203.0.113.50'))
    await until(async () => (await ready()).failing === 0)
    for (const part of parts) await wasOneOutage(part)
    expect(await failing()).toEqual([])
  })

  it('says that its disk is full, and goes on when it no longer is', async () => {
    night = Date.now()
    // The server refuses as it does when less is free than this share.
    await db.command(
      'ALTER TABLE nfsen.iocs MODIFY SETTING min_free_disk_ratio_to_perform_insert = 1',
    )
    publish('203.0.113.51')
    await until(async () => (await site.memcached.read('misp-ip:203.0.113.51')) === '2#ip-dst')
    await until(async () => (await failing()).includes('sink clickhouse'))
    const { daemon: state } = await daemon.get<Told>('/v1/status')
    expect(state.failing).toMatchObject([
      { part: 'sink clickhouse', hint: expect.stringContaining('free some disk space') },
    ])
    await db.command('ALTER TABLE nfsen.iocs RESET SETTING min_free_disk_ratio_to_perform_insert')
    await until(async () => (await addresses()).includes('203.0.113.51'))
    await until(async () => (await failing()).length === 0)
    await wasOneOutage('sink clickhouse')
  })
})

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

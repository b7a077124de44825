/** The daemon as a process whose clock on the wall somebody sets while it is at work. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Site, until } from '../cli/site.js'
import { hasFaketime, WallClock } from '../servers/faketime.js'
import { hasMemcached } from '../servers/memcached.js'
import { Daemon } from './daemons.js'

const HOUR = 3600
const DAY = 24 * HOUR

describe.skipIf(!hasMemcached() || !hasFaketime())('tipline run, when the clock jumps', () => {
  let site: Site
  let clock: WallClock
  let daemon: Daemon

  beforeAll(async () => {
    site = new Site()
    clock = new WallClock(site.folder)
    const { url, keys } = await site.startMisp()
    const { address } = await site.startMemcached()
    const sightings = 'sightings: { every: 1s, source: soc }'
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.user}", every: 1s, timeout: 15s, ${sightings} }
sinks:
  memcached: { servers: ["${address}"], value: ids, timeout: 10s }
keep: { hits: 12h, history: 12h }
alerts: [{ name: siem, type: file, path: ./alerts.ndjson, disclose: red, digest: 1s }]
http: { listen: "127.0.0.1:0" }
`,
    )
    daemon = await Daemon.atWork(site, clock.env)
    await until(inSync('misp-domain:evil.example'))
  })

  afterAll(async () => {
    await daemon.kill()
    await site.close()
  })

  const inSync = (key: string) => async () => (await site.memcached.read(key)) !== null

  interface Told {
    readonly sources: readonly { readonly last_good_sync: string }[]
    readonly problems: readonly { readonly what: string }[]
  }

  interface Hit {
    readonly indicator: { readonly value: string }
  }

  const status = () => daemon.get<Told>('/v1/status')

  /** Values of all that was alerted, in its order. */
  function alerted(): string[] {
    const lines = textOf(join(site.folder, 'alerts.ndjson')).split('\n').slice(0, -1)
    return lines.map((line) => JSON.parse(line).threat.enrichments[0].indicator.name)
  }

  /** A line of a log meets this, now by the true time. */
  async function meet(value: string): Promise<void> {
    const line = {
      '@timestamp': new Date(),
      source: { ip: '192.0.2.200' },
      dns: { question: { name: value } },
    }
    const { status } = await fetch(`${daemon.url}/v1/enrich?record=proxy`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify(line)}\n`,
    })
    expect(status).toBe(200)
  }

  /** A name comes, is served, is met, and is told of, to us and to MISP. */
  async function goesOn(name: string): Promise<void> {
    const { store } = site.misp
    const { id } = store.addAttribute(2, { type: 'domain', value: name })
    store.publish(2)
    await until(inSync(`misp-domain:${name}`))
    await until(async () => (await get(`/v1/lookup?value=${name}`)).found)
    await meet(name)
    // Where our clock is a day ahead it was met long ago, and waits for the next digest.
    await until(() => alerted().includes(name))
    await until(() => store.sightings.some((each) => each.attribute_id === id))
  }

  const get = (path: string) => daemon.get<{ found: boolean }>(path)

  /** Requests of a while in which it pulled this often. */
  async function requestsOf(pulls: number): Promise<number> {
    const { requests } = site.misp
    const isPull = ({ path }: { path: string }) => path.includes('/events/index')
    const from = requests.length
    await until(() => requests.slice(from).filter(isPull).length >= pulls)
    return requests.length - from
  }

  async function expectAllWell(): Promise<void> {
    const keys = ['misp-ip:198.51.100.7', 'misp-domain:before.example', 'misp-ip:192.0.2.77']
    for (const key of keys) expect(await site.memcached.read(key), key).not.toBeNull()
    // The time of a sync is told by the MISP's clock, which has not jumped.
    const problems =
      clock.now - Date.now() / 1000 > DAY - 60
        ? [expect.stringContaining('main was last read')]
        : []
    await until(async () => (await status()).problems.length === problems.length)
    expect((await status()).problems.map(({ what }) => what)).toEqual(problems)
    const [source] = (await status()).sources
    const ago = Date.now() - Date.parse(source!.last_good_sync)
    expect(Math.abs(ago)).toBeLessThan(60_000)
    // Each was met once.
    expect(alerted()).toEqual([...new Set(alerted())])
    const told = site.misp.store.sightings.map(({ attribute_id }) => attribute_id)
    expect(told).toEqual([...new Set(told)])
    for (const { date_sighting } of site.misp.store.sightings) {
      expect(date_sighting).toBeLessThanOrEqual(Date.now() / 1000)
    }
  }

  it('goes on as before, by a day forward and by an hour back', async () => {
    await goesOn('before.example')
    const usual = await requestsOf(4)
    expect(await site.run(['hold', 'evil.example', '--for', '2h', '--why', 'ours'])).toMatchObject({
      status: 0,
    })
    for (const [n, jump] of [DAY, -HOUR].entries()) {
      clock.set(jump)
      await until(() => daemon.said('the clock was put').length === n + 1)
      expect(await requestsOf(4)).toBeLessThanOrEqual(3 * usual)
      await goesOn(`jump-${n}.example`)
      await expectAllWell()
    }
    expect(await site.memcached.read('misp-domain:evil.example')).toBeNull()
  })

  it('forgets hits and history when their time is over, and no others', async () => {
    const isOf = (state: string) => async () =>
      (await daemon.get<{ state: string }>('/v1/lookup?value=gone.example')).state === state
    const met = async () => {
      const { hits } = await daemon.get<{ hits: Hit[] }>('/v1/hits?since=7d')
      return hits.map(({ indicator }) => indicator.value)
    }
    await goesOn('gone.example')
    const { store } = site.misp
    const [gone] = store
      .event(2)
      .attributes()
      .filter(({ value }) => value === 'gone.example')
    store.softDelete(gone!.id)
    await until(isOf('revoked'))
    expect(await met()).toContain('gone.example')
    await daemon.kill()

    // No jump: this one knows no other clock.
    clock.set(2 * DAY)
    daemon = await Daemon.atWork(site, clock.env)
    await goesOn('young.example')
    daemon.signal('SIGHUP')
    await until(async () => !(await met()).includes('gone.example'))
    expect(await met()).toEqual(['young.example'])
    await until(isOf('unknown'))
    expect(await site.memcached.read('misp-domain:young.example')).not.toBeNull()
  })
})

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

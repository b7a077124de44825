/** Flows and log lines through `tipline run`, from nfcapd's file to the message at the receiver. */
import { existsSync, mkdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findEngine } from '../../src/clickhouse/embedded/start.js'
import { acquireLock } from '../../src/ledger/lock.js'
import { Site, until } from '../cli/site.js'
import { hasEngine } from '../clickhouse/engine.js'
import { hasNfdump, type Packet, writeCapture } from '../flows/capture.js'
import { Daemon } from './daemons.js'
import { Receiver } from './receiver.js'

/** Early in an hour: nfpcapd begins a new file with each. */
const HOUR = Math.floor(Date.now() / 3_600_000 - 3) * 3600

interface Told {
  readonly id: string
  readonly way: string
  readonly observable: string
  readonly label: string
  readonly inside: { readonly address: string; readonly network: string } | null
}

describe.skipIf(!hasEngine() || !hasNfdump())('tipline run, with flows', () => {
  let site: Site
  let receiver: Receiver
  let daemon: Daemon

  beforeEach(async () => {
    site = new Site()
    const { url, keys } = await site.startMisp()
    receiver = await Receiver.start()
    mkdirSync(join(site.folder, 'in'))
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}", every: 1s, timeout: 5s }
sinks:
  clickhouse: { sampled: true, backscan: 7d, max_hits: 3, embedded: { idle: 1m } }
networks: { campus: ["192.0.2.0/24"] }
flows: { watch: [{ folder: ./in, label: border }], every: 1s }
alerts: [{ name: soc, type: webhook, url: "${receiver.url}" }]
http: { listen: "127.0.0.1:0" }
`,
    )
    daemon = await Daemon.atWork(site)
    await until(async () => (await fetch(`${daemon.url}/readyz`)).status === 200)
  })

  afterEach(async () => {
    await daemon.kill()
    const engine = await findEngine(join(site.folder, 'tipline-data'))
    if (engine) process.kill(engine.pid, 'SIGKILL')
    await receiver.close()
    await site.close()
  })

  let captures = 0
  /** As nfcapd does it: the finished file appears at once. */
  function arrive(packets: readonly Packet[]): void {
    captures += 1
    for (const file of writeCapture(join(site.folder, `capture-${captures}`), packets)) {
      renameSync(file, join(site.folder, 'in', file.slice(-19)))
    }
  }

  const flow = (hour: number, inside: string, outside: string, dp = 443): Packet => ({
    ...{ at: HOUR + hour * 3600 + 60, sa: inside, da: outside, dp },
  })

  async function hits(): Promise<Told[]> {
    return (await daemon.get<{ hits: Told[] }>('/v1/hits?limit=100')).hits
  }

  async function hitsAre(count: number): Promise<Told[]> {
    await until(async () => (await hits()).length >= count)
    return hits()
  }

  /** One line that hits, recorded when the answer has ended. */
  async function enrich(inside: string, outside: string): Promise<void> {
    const line = {
      '@timestamp': new Date().toISOString(),
      source: { ip: inside },
      destination: { ip: outside },
    }
    const answer = await fetch(`${daemon.url}/v1/enrich?record=proxy`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: `${JSON.stringify(line)}\n`,
    })
    expect(await answer.text()).toContain('threat')
  }

  /** They have arrived, and the daemon knows it. */
  async function messagesAre(count: number): Promise<void> {
    await until(() => receiver.messages.length === count)
    await until(async () => {
      const { alerts } = await daemon.get<{ alerts: { waiting: number }[] }>('/v1/status')
      return alerts[0]?.waiting === 0
    })
  }

  /** Each message, as it would reach a person: those that came twice under one id count once. */
  const told = () => [...new Map(receiver.messages.map((each) => [each.id, each])).values()]
  const pairs = () =>
    told().flatMap(({ sights }) =>
      sights.map(({ inside, indicator }) => `${inside} ${indicator.value}`),
    )

  it('imports a file that arrives, and tells of its hits once, though it is killed', async () => {
    arrive([flow(0, '192.0.2.1', '198.51.100.7'), flow(0, '192.0.2.2', '192.0.2.53', 53)])
    // The address stands in two events: a hit for each attribute, and one message.
    const first = await hitsAre(2)
    expect(first).toHaveLength(2)
    expect(first[0]).toMatchObject({
      way: 'live',
      observable: '198.51.100.7',
      label: 'border',
      inside: { address: '192.0.2.1', network: 'campus' },
    })
    await messagesAre(1)
    await daemon.kill()
    arrive([flow(1, '192.0.2.9', '198.51.100.7')])
    daemon = await Daemon.atWork(site)
    expect(await hitsAre(4)).toHaveLength(4)
    await messagesAre(2)
    await daemon.kill()
    daemon = await Daemon.atWork(site)
    await enrich('192.0.2.7', '198.51.100.7')
    // The oldest is sent first: what came twice would have come before this one.
    await until(() => pairs().includes('192.0.2.7 198.51.100.7'))
    expect(pairs()).toEqual(
      ['192.0.2.1', '192.0.2.9', '192.0.2.7'].map((inside) => `${inside} 198.51.100.7`),
    )
    expect(receiver.messages).toHaveLength(3)
    expect(await hits()).toHaveLength(6)
  })

  it('counts hits of flows in its metrics, and says of an indicator that floods so, once for each attribute', async () => {
    const metric = async (line: string) => {
      const text = await (await fetch(`${daemon.url}/metrics`)).text()
      return Number(
        text
          .split('\n')
          .find((each) => each.startsWith(`${line} `))
          ?.split(' ')[1],
      )
    }
    // Two attributes carry the address, and of each three hits in an hour are stored.
    arrive(Array.from({ length: 8 }, (_, n) => flow(0, `192.0.2.${n + 1}`, '198.51.100.7')))
    expect(await hitsAre(6)).toHaveLength(6)
    const counted = async () =>
      (await daemon.get<{ counted: { why: string; flows: number }[] }>('/v1/hits/counted')).counted
    expect(await counted()).toMatchObject([
      { why: 'flood', flows: 5 },
      { why: 'flood', flows: 5 },
    ])
    await until(async () => (await metric('tipline_flow_hits_total{way="live"}')) === 6)
    await until(() => daemon.said('meets more flows in an hour').length >= 2)
    await until(async () => (await metric('tipline_floods_total{source="main"}')) === 2)
    expect(await hits()).toHaveLength(6)
    const told = daemon.said('meets more flows in an hour').map(({ attribute }) => attribute)
    expect(new Set(told).size).toBe(told.length)
  }, 300_000)

  it('tells of a log line once: the receiver is down, and the daemon is killed', async () => {
    receiver.status = 503
    await enrich('192.0.2.7', '198.51.100.7')
    await until(() => receiver.messages.length > 0)
    await daemon.kill()
    receiver.messages.length = 0
    receiver.status = null
    // Killed in the very moment in which nobody knows whether the message has arrived.
    daemon = await Daemon.atWork(site)
    await until(() => receiver.messages.length === 1)
    await daemon.kill()
    receiver.status = 200
    daemon = await Daemon.atWork(site)
    await until(() => receiver.messages.length === 2)
    await enrich('192.0.2.8', '198.51.100.7')
    await until(() => receiver.messages.length === 3)
    expect(pairs()).toEqual(['192.0.2.7 198.51.100.7', '192.0.2.8 198.51.100.7'])
    expect(daemon.said('sent again under the same id')).toHaveLength(1)
  })

  /** A flow that nobody could match when it came, and then its indicator. */
  async function learnOfThePast(): Promise<void> {
    arrive([flow(0, '192.0.2.3', '203.0.113.77'), flow(1, '192.0.2.3', '198.51.100.7')])
    await hitsAre(2)
    const { store } = site.misp
    store.addAttribute(2, { type: 'ip-dst', value: '203.0.113.77' })
    store.publish(2)
  }

  async function inLedger(): Promise<boolean> {
    const answer = await fetch(`${daemon.url}/v1/lookup?value=203.0.113.77`)
    return (await answer.text()).includes('ip-dst')
  }

  it('looks for an indicator that arrives later in the flows of the past', async () => {
    await learnOfThePast()
    const found = (await hitsAre(3)).filter(({ way }) => way === 'backscan')
    expect(found).toMatchObject([{ observable: '203.0.113.77', inside: { address: '192.0.2.3' } }])
    await until(() => daemon.said('looked for new indicators').at(-1)?.hits === 1)
  })

  it('is busy for who asks while another process looks, and looks itself when that has ended', async () => {
    const dataDir = join(site.folder, 'tipline-data')
    // The daemon looks when it has been started.
    const other = await acquireLock({ dataDir, name: 'backscan', waitMs: 30_000 })
    const asked = await fetch(`${daemon.url}/v1/backscan`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"since":"1d","wait":true}',
    })
    expect(asked.status).toBe(409)
    expect(await asked.text()).toContain(
      `process ${process.pid} is already looking for indicators in the flows of the past`,
    )
    await learnOfThePast()
    await until(inLedger)
    other.release()
    expect((await hitsAre(3)).map(({ way }) => way)).toContain('backscan')
  })

  it('goes on where it can not take the lock for a while, as on a full disk, and looks later', async () => {
    const note = join(site.folder, 'tipline-data', 'backscan.pid')
    await until(() => existsSync(note))
    rmSync(note)
    mkdirSync(note)
    await learnOfThePast()
    await until(() => daemon.said("backscan.pid can't be taken").length > 0)
    rmdirSync(note)
    expect((await hitsAre(3)).map(({ way }) => way)).toContain('backscan')
  })

  it('looks for it, too, where it was killed before it could', async () => {
    await learnOfThePast()
    await until(inLedger)
    await daemon.kill()
    daemon = await Daemon.atWork(site)
    expect((await hitsAre(3)).map(({ way }) => way)).toContain('backscan')
  })
})

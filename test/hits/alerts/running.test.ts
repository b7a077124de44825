/** Alerting as the daemon runs it: over a real store, to real receivers, from start to stop. */
import { mkdtempSync, rmSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../../src/clickhouse/client.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { ClickHouseError } from '../../../src/errors.js'
import { Alerting, type AlertingDeps } from '../../../src/hits/alerts/alerting.js'
import { channelStatuses } from '../../../src/hits/alerts/status.js'
import { openHits } from '../../../src/hits/database.js'
import { markHit } from '../../../src/hits/mark.js'
import { recordLines } from '../../../src/hits/record.js'
import type { HitStores } from '../../../src/hits/stores.js'
import { createLogger, type Logger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { Networks } from '../../../src/networks.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { bodyOf, type Running, serve } from '../../misp-client/servers.js'
import { EVENT, NEVER, NOW, settingsOf } from './facts.js'

const HOUR = 3_600_000

/** A receiver that keeps what it gets; `answer` may be changed at any time. */
class Hook {
  readonly got: { readonly id: string; readonly kind: string; readonly text: string }[] = []
  answer: (response: ServerResponse) => void = (response) => response.end()
  #server!: Running

  static async start(): Promise<Hook> {
    const hook = new Hook()
    hook.#server = await serve((request, response) => {
      void bodyOf(request).then((body) => {
        hook.got.push(JSON.parse(body))
        hook.answer(response)
      })
    })
    return hook
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/`
  }

  close(): Promise<void> {
    return this.#server.close()
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tipline-alerts-'))
let stores: HitStores
let hook: Hook
let now: number
let metrics: Metrics
let log: Logger
let logged: string[]
let running: { stop: AbortController; ended: Promise<void>; alerting: Alerting }[]

beforeEach(async () => {
  const networks = new Networks({ campus: ['192.0.2.0/24'] })
  stores = { db: openHits(folder), flows: null, ledger: null, networks, links: {} }
  hook = await Hook.start()
  now = NOW
  metrics = new Metrics()
  logged = []
  const write = (line: string) => void logged.push(line)
  log = await createLogger({ level: 'debug', pretty: false, destination: { write } })
  running = []
})
afterEach(async () => {
  for (const one of running) await stop(one)
  await hook.close()
  stores.db.close()
  rmSync(folder, { recursive: true })
})

const channel = (more: object = {}) =>
  settingsOf({ type: 'webhook', url: hook.url, disclose: 'red', proxy: '', ...more })

function alertingOf(deps: Partial<AlertingDeps> = {}): Alerting {
  return new Alerting({
    settings: [channel()],
    stores,
    untagged: 'green',
    env: {},
    log,
    metrics,
    clock: () => now,
    everyMs: 10,
    ...deps,
  })
}

/** Once it has found its beginning: what was recorded before is not news. */
async function start(deps: Partial<AlertingDeps> = {}) {
  const alerting = alertingOf(deps)
  const stop = new AbortController()
  const one = { stop, ended: alerting.run(stop.signal), alerting }
  running.push(one)
  await until(() => follower() !== undefined)
  return one
}

async function stop({ stop, ended, alerting }: (typeof running)[number]): Promise<void> {
  stop.abort()
  await ended
  await alerting.close()
}

const follower = () => stores.db.prepare(`SELECT * FROM follower WHERE name = 'alerts'`).get()

let lines = 0
/** Each call is another line; answers the id of its hit. */
function met(value = 'evil.example', inside = '192.0.2.7', uuid = 'a1'): string {
  lines += 1
  const one = { field: 'dns.rrname', observable: value, kind: 'domain', value, uuid }
  const event = { eventId: '7', eventUuid: EVENT, eventInfo: 'C2', source: 'main', tlp: 'green' }
  const line = {
    digest: lines.toString(16).padStart(32, '0'),
    at: now - 1000,
    observed: [
      ['source.ip', inside],
      ['dns.rrname', value],
    ] as [string, string][],
    met: [{ ...one, ...event, type: 'domain' }],
  }
  recordLines(stores.db, [line], { way: 'enrich', label: 'dns', now })
  const row = stores.db.prepare('SELECT lower(hex(id)) AS id FROM hit ORDER BY row DESC').get()
  return `log-${(row as { id: string }).id}`
}

/** Ends by the test's own timeout. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(5)
}

const states = () =>
  (stores.db.prepare('SELECT state FROM alert ORDER BY number').all() as { state: string }[]).map(
    ({ state }) => state,
  )

describe('alerts that run', () => {
  it('tell of hits that come from their beginning on, round after round', async () => {
    met('old.example')
    const one = await start()
    met('new.example')
    await until(() => hook.got.length === 1)
    met('newer.example')
    await until(() => hook.got.length === 2)
    await stop(one)
    expect(hook.got.map(({ text }) => /domain (\S+)/.exec(text)?.[1])).toEqual([
      'new[.]example',
      'newer[.]example',
    ])
    expect(states()).toEqual(['sent', 'sent'])
    const labels = { channel: 'soc', kind: 'hit', result: 'sent' }
    expect(metrics.read('tipline_alerts_total', labels)).toBe(2)
  })

  it('tell after a stop what was recorded meanwhile, and nothing twice', async () => {
    await stop(await start())
    met('meanwhile.example')
    await start()
    await until(() => states().includes('sent'))
    await stop(running.at(-1)!)
    await start()
    met('after.example')
    await until(() => states().length === 2 && states().every((state) => state === 'sent'))
    expect(hook.got).toHaveLength(2)
  })

  it('let what is being sent come to its end when told to stop, and begin nothing more', async () => {
    let answer: (() => void) | undefined
    hook.answer = (response) => {
      answer = () => response.end()
    }
    const one = await start()
    met('one.example', '192.0.2.1')
    met('two.example', '192.0.2.2')
    await until(() => answer !== undefined)
    one.stop.abort()
    answer?.()
    await one.ended
    expect([hook.got.length, states()]).toEqual([1, ['sent', 'waiting']])
  })

  it('cut off a receiver that does not answer when they stop, and send again under the same id', async () => {
    hook.answer = () => undefined
    const one = await start({ graceMs: 50 })
    met()
    await until(() => hook.got.length === 1)
    await stop(one)
    expect(states()).toEqual(['sending'])
    hook.answer = (response) => response.end()
    await start()
    await until(() => states()[0] === 'sent')
    const [first, second] = hook.got
    expect(second?.id).toBe(first?.id)
    expect(logged.join('')).toContain('sent again under the same id')
  })

  it('are not held up by a receiver that takes its time', async () => {
    const other = await Hook.start()
    hook.answer = () => undefined
    const quick = channel({ name: 'quick', url: other.url })
    const one = await start({ settings: [channel(), quick], graceMs: 50 })
    for (const n of [1, 2, 3]) {
      met(`n${n}.example`)
      await until(() => other.got.length === n)
    }
    expect(hook.got).toHaveLength(1)
    await stop(one)
    await other.close()
  })

  it('wait for a receiver that is down, say so once, and tell how many wait', async () => {
    hook.answer = (response) => response.writeHead(503).end()
    await start({ random: () => 0 })
    met()
    for (const tries of [1, 2, 3]) {
      if (tries > 1) now += 10 * 60_000
      await until(() => states()[0] === 'waiting' && hook.got.length === tries)
    }
    expect(logged.filter((line) => line.includes('could not be sent, and waits'))).toHaveLength(1)
    const [status] = channelStatuses(stores.db, ['soc'])
    expect(status).toMatchObject({ waiting: 1, parked: 0, trouble: 'soc answered HTTP 503' })
    hook.answer = (response) => response.end()
    now += 10 * 60_000
    await until(() => states()[0] === 'sent')
    expect(metrics.read('tipline_alert_failures_total', { channel: 'soc' })).toBe(3)
    expect(new Set(hook.got.map(({ id }) => id)).size).toBe(1)
  })

  it('park what is refused, and go on behind it', async () => {
    hook.answer = (response) => response.writeHead(hook.got.length === 1 ? 422 : 200).end('no')
    await start()
    met('one.example', '192.0.2.1')
    met('two.example', '192.0.2.2')
    await until(() => states()[1] === 'sent')
    expect(states()).toEqual(['parked', 'sent'])
    expect(channelStatuses(stores.db, ['soc'])).toMatchObject([{ waiting: 0, parked: 1 }])
  })

  it('wait for no hour that lies in the future when the clock is set back', async () => {
    hook.answer = (response) => response.writeHead(503).end()
    await start({ random: () => 0.999 })
    met()
    await until(() => states()[0] === 'waiting' && hook.got.length === 1)
    hook.answer = (response) => response.end()
    now -= 240 * HOUR
    await until(() => states()[0] === 'sent')
    // The pair is known from the new hour on: no first sight again in a moment.
    met()
    await until(() => channelStatuses(stores.db, ['soc'])[0]?.digest === 1)
    now += HOUR
    await until(() => hook.got.at(-1)?.kind === 'digest')
  })

  it('park what waits in a channel that is not in the config any more', async () => {
    hook.answer = (response) => response.writeHead(503).end()
    const one = await start()
    met()
    await until(() => states()[0] === 'waiting' && hook.got.length === 1)
    await stop(one)
    await start({ settings: [channel({ name: 'renamed' })] })
    await until(() => states()[0] === 'parked')
    const statuses = channelStatuses(stores.db, ['renamed'])
    expect(statuses.map(({ channel, parked }) => [channel, parked])).toEqual([
      ['renamed', 0],
      ['soc', 1],
    ])
  })

  it('tell nothing of a hit that was called false while its message waited', async () => {
    hook.answer = (response) => response.writeHead(503).end()
    await start({ random: () => 0 })
    const id = met()
    await until(() => states()[0] === 'waiting' && hook.got.length === 1)
    await markHit(stores, { id, by: 'kim', why: 'ours', now }, NEVER)
    now += 10 * 60_000
    await until(() => states()[0] === 'dropped')
    expect(hook.got).toHaveLength(1)
  })

  it('tell of lines while ClickHouse is down, and say once that it is', async () => {
    const open = (): Promise<ClickHouse> =>
      Promise.reject(new ClickHouseError({ what: 'is gone', fault: 'unreachable' }))
    stores = { ...stores, flows: { open, tables: tablesOf(clickhouseSinkSettings.parse({})) } }
    await start()
    for (const n of [1, 2, 3]) {
      met(`n${n}.example`)
      await until(() => states().filter((state) => state === 'sent').length === n)
    }
    expect(logged.filter((line) => line.includes('"alerts of flows"'))).toHaveLength(1)
  })

  it('never park what the receiver took because that could not be written down', async () => {
    const refuse = `BEGIN SELECT raise(FAIL, 'no room for a word'); END`
    hook.answer = (response) => {
      stores.db.exec(
        `CREATE TEMP TRIGGER full BEFORE UPDATE ON alert WHEN new.state = 'sent' ${refuse}`,
      )
      hook.answer = (again) => {
        stores.db.exec('DROP TRIGGER full')
        hook.answer = (later) => later.end()
        again.end()
      }
      response.end()
    }
    await start()
    met()
    await until(() => states()[0] === 'sent')
    expect(metrics.read('tipline_alert_failures_total', { channel: 'soc' })).toBe(0)
    expect(new Set(hook.got.map(({ id }) => id)).size).toBe(1)
  })

  it('say once that a message can not be written down as sent, however many rounds that lasts', async () => {
    hook.answer = (response) => response.writeHead(503).end()
    await start({ random: () => 0 })
    met()
    await until(() => states()[0] === 'waiting' && hook.got.length === 1)
    stores.db.exec('PRAGMA query_only = ON')
    now += 10 * 60_000
    const told = () => logged.filter((line) => line.includes('can only be read'))
    await until(() => told().length > 0)
    await sleep(500)
    expect([told().length, logged.join('').includes('well again')]).toEqual([1, false])
    hook.answer = (response) => response.end()
    stores.db.exec('PRAGMA query_only = OFF')
    await until(() => states()[0] === 'sent' && logged.join('').includes('well again'))
  })

  it('go on after a round that failed, and say what it was', async () => {
    let isBroken = true
    const open = (): Promise<ClickHouse> =>
      Promise.reject(
        isBroken
          ? new TypeError('a bug')
          : new ClickHouseError({ what: 'is gone', fault: 'unreachable' }),
      )
    stores = { ...stores, flows: { open, tables: tablesOf(clickhouseSinkSettings.parse({})) } }
    await start()
    met()
    await until(() => logged.some((line) => line.includes('this is a bug')))
    expect(states()).toEqual([])
    isBroken = false
    await until(() => states()[0] === 'sent')
  })

  it('forget what needs no remembering: pairs after again_after, what was sent after a day', async () => {
    const alerting = alertingOf({ settings: [channel({ again_after: '2d' })] })
    const round = () => alerting.runOnce(NEVER)
    await round()
    met()
    await round()
    const kept = () =>
      stores.db
        .prepare('SELECT (SELECT count(*) FROM alert_pair) AS p, (SELECT count(*) FROM alert) AS a')
        .get()
    expect(kept()).toEqual({ p: 1, a: 1 })
    now += 25 * HOUR
    await round()
    expect(kept()).toEqual({ p: 1, a: 0 })
    now += 25 * HOUR
    await round()
    expect(kept()).toEqual({ p: 0, a: 0 })
    await alerting.close()
  })
})

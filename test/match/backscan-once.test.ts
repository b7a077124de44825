/** Each hit once, and each count right, whatever happens to a backscan and beside it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { readGaps } from '../../src/clickhouse/gaps.js'
import { PLAIN } from '../../src/clickhouse/matching.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { silentLogger } from '../../src/log.js'
import { alone } from '../../src/match/backscan/alone.js'
import { backscan } from '../../src/match/backscan/backscan.js'
import { attachLive, detachLive } from '../../src/sinks/clickhouse/live.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../clickhouse/engine.js'
import { createMisp2chTables } from '../clickhouse/misp2ch.js'
import { clickHouseHouse, stateOf } from '../sinks/clickhouse/house.js'
import { inBatches, uuidOf } from '../sinks/states.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = join(root, '.build/test/match/backscan-main.js')

const DAY = 86_400
const NOW = Math.floor(Date.now() / 1000)
/** Within one hour, and not the running one: what is counted is counted by the hour. */
const NOON = Math.floor((NOW - 2 * DAY) / 3600) * 3600
const MAX_HITS = 12
const SLOW = 300_000

describe.skipIf(!hasEngine())('backscan, whatever happens', () => {
  const house = clickHouseHouse({ max_hits: MAX_HITS }, { clock: () => NOW })
  const { signal } = new AbortController()
  const tables = tablesOf(clickhouseSinkSettings.parse({}))
  const telling = { ...PLAIN, maxHits: MAX_HITS }
  const state = (value: string) => stateOf(value, {})

  const COLUMNS = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
  const insert = (rows: readonly (readonly unknown[])[]) =>
    house.db.insert({ table: 'nfsen.flows', columns: COLUMNS, rows })

  /** One each day, there and back. */
  const days = (address: string, n: number) =>
    Array.from({ length: n }, (_, day) => NOW - day * DAY - 7200).flatMap((ts) => [
      [ts, ts + 5, '192.0.2.1', address, 50_000, 443, 6, '...AP.SF', 10, 1000],
      [ts, ts + 5, address, '192.0.2.1', 443, 50_000, 6, '...AP.SF', 10, 1000],
    ])
  /** More than are stored of an hour. */
  const flood = (address: string, n: number) =>
    Array.from({ length: n }, (_, at) => {
      return [NOON + at, NOON + at, '192.0.2.1', address, 1024 + at, 443, 6, '...AP.SF', 1, 40]
    })
  const scans = (address: string, n: number) =>
    Array.from({ length: n }, (_, at) => {
      return [NOON + at, NOON + at, address, '192.0.2.1', 1024 + at, 22, 6, '......S.', 1, 40]
    })

  const look = (of: Partial<Parameters<typeof backscan>[0]> = {}) =>
    backscan({
      db: house.db,
      tables,
      since: NOW - 10 * DAY,
      until: NOW,
      value: null,
      telling,
      limits: { sliceSeconds: DAY },
      progress: () => undefined,
      signal,
      ...of,
    })

  const hits = async (final = '') =>
    await house.db.row<{ rows: string; hits: string }>(
      `SELECT count() AS rows, uniqExact(hit) AS hits FROM nfsen.ioc_hits ${final}`,
    )
  const each = (n: number) => ({ rows: String(n), hits: String(n) })
  const counted = () =>
    house.db.rows(
      `SELECT why, greatest(sum(live_flows), max(past_flows)) AS flows
       FROM nfsen.tipline_counted_ioc_hits GROUP BY why, hour, attr_uuid ORDER BY why, flows`,
    )

  /** Two addresses of the past, one that floods, and one that scans. */
  async function aPast(): Promise<{ hits: number; counted: object[] }> {
    await insert([
      ...days('198.51.100.7', 10),
      ...days('198.51.100.8', 10),
      ...flood('198.51.100.9', MAX_HITS + 30),
      ...scans('198.51.100.10', 25),
    ])
    const addresses = [7, 8, 9, 10].map((n) => state(`198.51.100.${n}`))
    await house.sink.apply(addresses, signal)
    return {
      hits: 40 + MAX_HITS,
      counted: [
        { why: 'flood', flows: '30' },
        { why: 'unanswered', flows: '25' },
      ],
    }
  }

  function start(): ChildProcess {
    const { socket } = house.engine.address
    const times = [NOW - 10 * DAY, NOW].map(String)
    return spawn(process.execPath, [main, socket, ...times, String(MAX_HITS)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  }

  /** After so many slices, and some milliseconds into the next one. */
  async function after(child: ChildProcess, slices: number, ms: number): Promise<void> {
    let seen = 0
    for await (const piece of child.stdout!) {
      seen += String(piece).split('\n').length - 1
      if (seen >= slices) break
    }
    await sleep(ms)
  }

  it(
    'its process is killed again and again, then runs to its end',
    async () => {
      const past = await aPast()
      let killed = 0
      for (const [slices, ms] of [
        [0, 700],
        [1, 0],
        [1, 40],
        [2, 90],
        [1, 20],
      ] as const) {
        const child = start()
        const closed = once(child, 'close')
        await after(child, slices, ms)
        child.kill('SIGKILL')
        await closed
        if (child.signalCode === 'SIGKILL') killed += 1
      }
      expect(killed).toBeGreaterThan(0)
      expect(await look()).toMatchObject({ stopped: null })
      expect(await hits()).toEqual(each(past.hits))
      expect(await counted()).toEqual(past.counted)
      expect(await look()).toMatchObject({ indicators: 0, slices: 0, hits: 0 })
    },
    SLOW,
  )

  it(
    'the engine is killed under it, then it runs again',
    async () => {
      const past = await aPast()
      for (const [slices, ms] of [
        [1, 10],
        [2, 60],
      ] as const) {
        const child = start()
        const closed = once(child, 'close')
        await after(child, slices, ms)
        await house.crash()
        await closed
      }
      expect(await look()).toMatchObject({ stopped: null })
      expect(await hits()).toEqual(each(past.hits))
      expect(await counted()).toEqual(past.counted)
    },
    SLOW,
  )

  it('flows arrive meanwhile, in all of the past and now', async () => {
    const past = await aPast()
    let done = false
    const arriving = async (): Promise<number> => {
      let n = 0
      for (let port = 1; !done; port += 1) {
        const rows = days('198.51.100.7', 10).map((row) => row.with(4, port).with(5, port))
        await insert(rows)
        n += rows.length
      }
      return n
    }
    const looking = look().finally(() => {
      done = true
    })
    const [arrived] = await Promise.all([arriving(), looking])
    expect(arrived).toBeGreaterThan(0)
    await look({ until: NOW + 700 })
    // At most so many of an hour are stored; the others are counted.
    const stored = Math.min(MAX_HITS, 2 + arrived / 10)
    const { hits: all } = await hits('FINAL')
    expect(Number(all)).toBeGreaterThanOrEqual(past.hits - 20 + 10 * stored)
    expect(await hits('FINAL')).toEqual(each(Number(all)))
  })

  it.each([
    ['matching was detached', detachedWhile],
    ['the view was dropped', droppedWhile],
  ])('makes up for a stretch in which %s', async (_, away) => {
    await house.sink.apply([state('198.51.100.7')], signal)
    const flows = (port: number) => [
      [NOW - 60, NOW, '192.0.2.1', '198.51.100.7', port, 443, 6, '...AP.SF', 1, 40],
    ]
    await look()
    await insert(flows(1))
    await away(() => insert(flows(2)))
    await insert(flows(3))
    expect(await hits()).toEqual(each(2))
    expect(await readGaps(house.db, tables)).toContainEqual(
      expect.objectContaining({ why: 'the view was away' }),
    )
    expect(await look({ until: NOW + 3600 })).toMatchObject({ hits: 1 })
    expect(await hits()).toEqual(each(3))
    expect(await look({ until: NOW + 3600 })).toMatchObject({ gaps: 0, hits: 0 })
  })

  async function detachedWhile(work: () => Promise<void>): Promise<void> {
    const live = { db: house.db, tables, log: silentLogger(), telling }
    await detachLive(live)
    await work()
    await attachLive(live)
  }

  async function droppedWhile(work: () => Promise<void>): Promise<void> {
    await house.db.command('DROP TABLE nfsen.ioc_hits_mv SYNC')
    await work()
    await house.sink.open(signal)
  }

  it('counts what it only counts once, however often it is run', async () => {
    const past = await aPast()
    await look()
    await look({ again: true })
    await look({ again: true, value: '198.51.100.9' })
    await look({ again: true, limits: { sliceSeconds: 3600 }, since: NOON, until: NOON + 3600 })
    expect(await counted()).toEqual(past.counted)
    expect(await hits()).toEqual(each(past.hits))
  })

  it('is run by several at once, into a table of hits that keeps what it is given twice', async () => {
    await house.sink.close()
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db)
    await house.sink.open(signal)
    await insert([...days('198.51.100.7', 10), ...days('198.51.100.8', 10)])
    await house.sink.apply(
      [7, 8].map((n) => state(`198.51.100.${n}`)),
      signal,
    )
    const dataDir = mkdtempSync(join(tmpdir(), 'tipline-backscan-'))
    const waiting = { dataDir, waitMs: Number.POSITIVE_INFINITY, signal }
    const reports = await Promise.all(
      [1, 2, 3, 4].map(() => alone(waiting, () => look({ again: true }))),
    )
    expect(reports.map((report) => report.hits).sort()).toEqual([0, 0, 0, 40])
    expect(await hits()).toEqual(each(40))
    rmSync(dataDir, { recursive: true })
  })

  it("does not write misp2ch's own hits again, and finds what it had missed", async () => {
    await house.sink.close()
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db)
    const value = '198.51.100.7'
    await house.db.command(
      `INSERT INTO nfsen.iocs (ts, misp, uuid, event_uuid, event_id, ip, port, info)
       VALUES (${NOW}, 'main', '${uuidOf(`${value} 443`)}', 'e', 1, '${value}', 443, '${value}')`,
    )
    await insert(days(value, 4))
    expect(await house.count('ioc_hits')).toBe(8)
    await house.db.command('DROP TABLE nfsen.ioc_hits_rev_mv SYNC')
    await insert(days(value, 4).map((row) => [...row.slice(0, 9), 77]))
    expect(await house.count('ioc_hits')).toBe(12)
    await house.sink.open(signal)
    await house.sink.rebuild(inBatches([stateOf(value, { port: 443 })]), signal)
    expect(await look()).toMatchObject({ indicators: 1, hits: 4 })
    expect(await house.count('ioc_hits', "hit = 0 AND via = ''")).toBe(12)
    expect(await house.count('ioc_hits', "reverse = 1 AND byt = 77 AND via = 'backscan'")).toBe(4)
    expect(await look({ again: true })).toMatchObject({ hits: 0 })
  })
})

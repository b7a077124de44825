import { describe, expect, it } from 'vitest'
import { writeGap } from '../../src/clickhouse/gaps.js'
import { PLAIN } from '../../src/clickhouse/matching.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { backscan } from '../../src/match/backscan/backscan.js'
import { planOf } from '../../src/match/backscan/plan.js'
import type { Announcement } from '../../src/match/backscan/work.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../clickhouse/engine.js'
import { clickHouseHouse, stateOf } from '../sinks/clickhouse/house.js'

const NOW = Math.floor(Date.now() / 1000)
const DAY = 86_400

describe.skipIf(!hasEngine())('backscan', () => {
  const house = clickHouseHouse({}, { clock: () => NOW })
  const { signal } = new AbortController()
  const tables = tablesOf(clickhouseSinkSettings.parse({}))
  const state = (value: string) => stateOf(value, {})

  /** One each day at noon or so, to and from the address. */
  async function insertDays(address: string, days: number, sp = 50_000): Promise<void> {
    const rows = Array.from({ length: days }, (_, n) => NOW - n * DAY - 3600).flatMap((ts) => [
      [ts, ts + 5, '192.0.2.1', address, sp, 443, 6, '...AP.SF', 10, 1000],
      [ts, ts + 5, address, '192.0.2.1', 443, sp, 6, '...AP.SF', 10, 1000],
    ])
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    await house.db.insert({ table: 'nfsen.flows', columns, rows })
  }

  const look = (days: number, of: Partial<Parameters<typeof backscan>[0]> = {}) =>
    backscan({
      db: house.db,
      tables,
      since: NOW - days * DAY,
      until: NOW,
      value: null,
      limits: { sliceSeconds: DAY },
      progress: () => undefined,
      signal,
      ...of,
    })
  const hits = () => house.count('ioc_hits')

  it('finds both directions in the window asked for, and nothing twice', async () => {
    await insertDays('198.51.100.7', 10)
    await insertDays('203.0.113.9', 10)
    await house.sink.apply([state('198.51.100.7'), state('203.0.113.0/24')], signal)
    expect(await hits()).toBe(0)
    expect(await look(3)).toMatchObject({ indicators: 2, hits: 12 })
    expect(await look(3)).toMatchObject({ indicators: 0, slices: 0, hits: 0 })
    expect(await look(7)).toMatchObject({ indicators: 2, slices: 4, hits: 16 })
    expect(await hits()).toBe(28)
  })

  it('knows whether it looks at all flows there are', async () => {
    await house.sink.apply([state('198.51.100.7')], signal)
    const holdsAll = async (days: number) => {
      const asked = {
        db: house.db,
        tables,
        since: NOW - days * DAY,
        until: NOW,
        value: null,
        signal,
      }
      const { jobs } = await planOf({ ...asked, telling: PLAIN, progress: () => undefined })
      return jobs.flatMap(({ slices }) => slices.map((slice) => slice.holdsAll))
    }
    await insertDays('198.51.100.7', 5)
    expect(await holdsAll(5)).toEqual([true])
    expect(await holdsAll(4)).toEqual([false])
  })

  it('looks only for what is new', async () => {
    await insertDays('198.51.100.7', 5)
    await insertDays('198.51.100.8', 5)
    await house.sink.apply([state('198.51.100.7')], signal)
    await look(5)
    await house.sink.apply([state('198.51.100.8')], signal)
    expect(await look(5)).toMatchObject({ indicators: 1, hits: 10 })
    expect(await hits()).toBe(20)
  })

  it('does not repeat what was met live', async () => {
    await house.sink.apply([state('198.51.100.7')], signal)
    await insertDays('198.51.100.7', 5)
    expect(await hits()).toBe(10)
    expect(await look(5)).toMatchObject({ indicators: 1, hits: 0 })
    expect(await hits()).toBe(10)
  })

  it('goes on where it was stopped', async () => {
    await insertDays('198.51.100.7', 10)
    await house.sink.apply([state('198.51.100.7')], signal)
    const stop = new AbortController()
    const progress = ({ from }: { from: number }) => {
      if (from <= NOW - 4 * DAY) stop.abort(new Error('enough'))
    }
    await expect(look(10, { progress, signal: stop.signal })).rejects.toThrow('enough')
    const found = await hits()
    expect(found).toBe(8)
    expect(await look(10)).toMatchObject({ slices: 6, hits: 12 })
    expect(await hits()).toBe(20)
  })

  it('takes one indicator alone', async () => {
    await insertDays('198.51.100.7', 2)
    await insertDays('198.51.100.8', 2)
    await house.sink.apply([state('198.51.100.7'), state('198.51.100.8')], signal)
    expect(await look(2, { value: '198.51.100.8' })).toMatchObject({ indicators: 1, hits: 4 })
    expect(await look(2)).toMatchObject({ indicators: 1, hits: 4 })
  })

  it('stops well at a limit of time, and goes on there', async () => {
    await insertDays('198.51.100.7', 10)
    await house.sink.apply([state('198.51.100.7')], signal)
    const done: number[] = []
    const progress = ({ from }: { from: number }) => {
      done.push(from)
      // As a slow ClickHouse would.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600)
    }
    const seconds = 2
    const first = await look(10, { progress, limits: { sliceSeconds: DAY, seconds } })
    expect(first).toMatchObject({ stopped: 'seconds', slices: done.length })
    expect(done.length).toBeGreaterThan(0)
    expect(done.length).toBeLessThan(10)
    const second = await look(10)
    expect(second).toMatchObject({ stopped: null, slices: 10 - first.slices })
    expect(first.hits + second.hits).toBe(20)
    expect(await hits()).toBe(20)
  })

  it('says what it will read, and stops before it reads more than that', async () => {
    // Of the small parts of a test ClickHouse does not know the size of columns.
    await house.db.command('ALTER TABLE nfsen.flows MODIFY SETTING min_bytes_for_wide_part = 0')
    await insertDays('198.51.100.7', 10)
    await house.sink.apply([state('198.51.100.7')], signal)
    const plans: Announcement[] = []
    const announce = (plan: Announcement) => void plans.push(plan)
    const none = await look(10, { announce, limits: { sliceSeconds: DAY, bytes: 0 } })
    expect(none).toMatchObject({ stopped: 'bytes', slices: 0, hits: 0 })
    const [{ bytes, rows, slices }] = plans as [Announcement]
    expect(slices).toBe(10)
    // Whole granules: of a few flows a week is one, which each of its days counts.
    expect(rows).toBeGreaterThanOrEqual(20)
    expect(rows).toBeLessThanOrEqual(10 * 20)
    expect(bytes).toBeGreaterThan(0)
    const limits = { sliceSeconds: DAY, bytes: Math.ceil(bytes / 2) }
    const first = await look(10, { limits })
    expect(first).toMatchObject({ stopped: 'bytes' })
    expect(first.slices).toBeGreaterThan(2)
    expect(first.slices).toBeLessThan(8)
    expect(await look(10)).toMatchObject({ stopped: null, slices: 10 - first.slices })
    expect(await hits()).toBe(20)
  })

  it.each([
    ['few', 2000],
    ['many', 0],
  ])('closes a gap and counts a coverage when they are %s', async (_, few) => {
    await insertDays('198.51.100.7', 3)
    await insertDays('203.0.113.9', 3)
    await house.sink.apply([state('198.51.100.7'), state('203.0.113.9')], signal)
    const limits = { sliceSeconds: DAY, few }
    expect(await look(2, { limits })).toMatchObject({ indicators: 2, slices: 2, hits: 8 })
    expect(await look(2, { limits })).toMatchObject({ indicators: 0, slices: 0 })
    expect(await look(3, { limits })).toMatchObject({ indicators: 2, slices: 1, hits: 4 })
    const gap = { gap: 'g', from: NOW - 2 * DAY, to: NOW - DAY, why: 'a test' }
    await house.db.command('TRUNCATE TABLE nfsen.ioc_hits')
    await writeGap(house.db, tables, gap)
    expect(await look(3, { limits })).toMatchObject({ indicators: 0, gaps: 1, hits: 4 })
    expect(await look(3, { limits })).toMatchObject({ gaps: 0, hits: 0 })
  })

  it('stores what is no UTF-8 as it came', async () => {
    await house.db.command(`INSERT INTO nfsen.flows (ts, te, sa, da, dp, pr)
      SELECT ${NOW - 3600}, ${NOW - 3600}, unhex('FF27'), '198.51.100.7', 443, 6`)
    await house.sink.apply([state('198.51.100.7')], signal)
    expect(await look(1)).toMatchObject({ hits: 1 })
    expect(await house.count('ioc_hits', "source_ip = unhex('FF27')")).toBe(1)
    expect(await look(1, { again: true })).toMatchObject({ hits: 0 })
  })

  it('does not repeat what is there among so much that it stays there', async () => {
    const hour = Math.floor(NOW / 3600) * 3600 - 7200
    await house.db.command(`INSERT INTO nfsen.flows (ts, te, sa, da, dp, pr)
      SELECT ${hour + 3000}, ${hour + 3000}, '192.0.2.1', '198.51.100.7', 443, 6`)
    await house.sink.apply([state('198.51.100.7')], signal)
    expect(await look(1)).toMatchObject({ hits: 1 })
    await house.db.command(`INSERT INTO nfsen.ioc_hits
      SELECT * EXCEPT (number) REPLACE (toDateTime(${hour} + number % 3000) AS ts, number + 1 AS hit)
      FROM nfsen.ioc_hits CROSS JOIN numbers(20001) AS numbers`)
    // In one part they come in the order of their time, the one that is met last.
    await house.db.command('OPTIMIZE TABLE nfsen.ioc_hits FINAL')
    const telling = { ...PLAIN, maxHits: 50_000 }
    expect(await look(1, { again: true, telling })).toMatchObject({ hits: 0 })
    expect(await hits()).toBe(20_002)
  })

  it('what a killed one has found goes after a day, and not what another one finds now', async () => {
    await look(1)
    await house.db.command(`INSERT INTO nfsen.tipline_found_iocs (backscan, hit, at) VALUES
      ('killed', 1, now() - INTERVAL 2 DAY), ('at work', 2, now() - INTERVAL 1 HOUR)`)
    await house.db.command('OPTIMIZE TABLE nfsen.tipline_found_iocs FINAL')
    const left = await house.db.rows('SELECT backscan FROM nfsen.tipline_found_iocs')
    expect(left).toEqual([{ backscan: 'at work' }])
  })

  it('leaves nothing of what it has found behind', async () => {
    await insertDays('198.51.100.7', 2)
    await house.sink.apply([state('198.51.100.7')], signal)
    expect(await look(2)).toMatchObject({ slices: 2, hits: 4 })
    expect(await house.count('tipline_found_iocs')).toBe(0)
  })
})

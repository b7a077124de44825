/** What hits tell, what is counted instead of stored, and what of an outage is written down. */
import { describe, expect, it } from 'vitest'
import { readGaps } from '../../../src/clickhouse/gaps.js'
import { formerNames } from '../../../src/clickhouse/live-tables.js'
import { PLAIN } from '../../../src/clickhouse/matching.js'
import { quoted } from '../../../src/clickhouse/names.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { silentLogger } from '../../../src/log.js'
import { attachLive, detachLive } from '../../../src/sinks/clickhouse/live.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../../clickhouse/engine.js'
import { createMisp2chTables } from '../../clickhouse/misp2ch.js'
import { clickHouseHouse, stateOf as state } from './house.js'

const NOW = Math.floor(Date.now() / 1000)
/** All in one hour. */
const HOUR = Math.floor(NOW / 3600 - 2) * 3600
const networks = {
  campus: ['192.0.2.0/24', '2001:db8::/32'],
  'data centre': ['192.0.2.128/25', '::/0'],
}
const tables = tablesOf(clickhouseSinkSettings.parse({}))

describe.skipIf(!hasEngine())('what is told of flows', () => {
  const house = clickHouseHouse({ max_hits: 10 }, { networks })
  const { signal } = new AbortController()
  const SYN = { sa: '198.51.100.7', da: '192.0.2.1', dp: 22, flg: '......S.' }

  async function insert(count: number, flow: object): Promise<void> {
    const all = { sa: '192.0.2.1', da: '198.51.100.7', dp: 443, pr: 6, flg: '...AP.SF', ...flow }
    const rows = Array.from({ length: count }, () => {
      seen += 1
      return [HOUR + (seen % 3600), HOUR + 3600, ...Object.values(all), 40_000 + seen, 1, seen]
    })
    const columns = ['ts', 'te', ...Object.keys(all), 'sp', 'ipkt', 'ibyt']
    await house.db.insert({ table: 'nfsen.flows', columns, rows })
  }
  let seen = 0

  const counted = () =>
    house.db.rows<Record<string, unknown>>(
      `SELECT toUnixTimestamp(hour) AS hour, why, sum(live_flows) AS flows, max(address) AS address
       FROM nfsen.tipline_counted_ioc_hits GROUP BY hour, why, attr_uuid ORDER BY why, address`,
    )

  it.each([
    ['192.0.2.1', 'campus'],
    ['192.0.2.200', 'data centre'],
    ['2001:DB8::9', 'campus'],
    ['2001:db9::9', 'data centre'],
    ['203.0.113.1', ''],
  ])('%s lies in "%s"', async (sa, network) => {
    await house.begin({}, { networks: sa === '203.0.113.1' ? { campus: ['::1/128'] } : networks })
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insert(1, { sa })
    expect(await house.db.rows('SELECT network FROM nfsen.ioc_hits')).toEqual([{ network }])
  })

  it('counts unanswered contacts from outside by indicator and hour', async () => {
    await house.sink.apply([state('198.51.100.7', {}), state('198.51.100.0/24', {})], signal)
    await insert(5, SYN)
    await insert(4, SYN)
    const common = { hour: HOUR, why: 'unanswered', address: '198.51.100.7' }
    expect(await counted()).toEqual([{ ...common, flows: '9' }])
    // The net is no plain address, and an answered one is a hit.
    expect(await house.count('ioc_hits')).toBe(9)
    await insert(1, { ...SYN, flg: '...AP.SF' })
    expect(await house.count('ioc_hits', "kind = 'ip'")).toBe(1)
  })

  it.each([
    [
      'a refusal of ours',
      { sa: '192.0.2.1', da: '198.51.100.7', sp: 22, dp: 50_000, flg: '...A.R..' },
      0,
    ],
    ['a half-open scan of an open port', { ...SYN, flg: '.....RS.' }, 1],
    ['our own SYN', { flg: '......S.' }, 1],
    ['UDP', { ...SYN, pr: 17, flg: '' }, 1],
  ])('%s: %i hits stored', async (_, flow, stored) => {
    await house.sink.apply([state('198.51.100.7', {})], signal)
    const { sp, ...rest } = flow as { sp?: number }
    const rows = [[HOUR, HOUR, '192.0.2.1', '198.51.100.7', 443, 6, '', sp ?? 50_000, ...[]]]
    const all = {
      sa: '192.0.2.1',
      da: '198.51.100.7',
      dp: 443,
      pr: 6,
      flg: '',
      sp: rows[0]![7],
      ...rest,
    }
    const columns = ['ts', 'te', ...Object.keys(all), 'ipkt', 'ibyt']
    const values = [HOUR, HOUR, ...Object.values(all), 1, 1]
    await house.db.insert({ table: 'nfsen.flows', columns, rows: [values] })
    expect(await house.count('ioc_hits')).toBe(stored)
  })

  it('stores them where flows are sampled: nobody knows what was answered', async () => {
    await house.begin({ sampled: true })
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insert(3, SYN)
    expect(await house.count('ioc_hits', "answered = 'unknown'")).toBe(3)
  })

  it('stores so many hits of an indicator in an hour, and counts the others', async () => {
    await house.sink.apply([state('198.51.100.7', {}), state('198.51.100.8', {})], signal)
    await insert(6, {})
    await insert(30, {})
    await insert(3, { da: '198.51.100.8' })
    expect(await house.count('ioc_hits', "destination_ip = '198.51.100.7'")).toBe(10)
    expect(await house.count('ioc_hits')).toBe(13)
    expect(await counted()).toMatchObject([{ why: 'flood', flows: '26' }])
  })

  it('goes on counting after a restart of the engine and the next sync', async () => {
    await house.sink.apply([state('198.51.100.7', {})], signal)
    const recent = NOW - 10
    const rows = (n: number) =>
      Array.from({ length: n }, () => [recent, recent, '192.0.2.1', '198.51.100.7', 1, ++seen])
    const columns = ['ts', 'te', 'sa', 'da', 'ipkt', 'ibyt']
    await house.db.insert({ table: 'nfsen.flows', columns, rows: rows(8) })
    await house.crash()
    await house.sink.open(signal)
    await house.db.insert({ table: 'nfsen.flows', columns, rows: rows(8) })
    expect(await house.count('ioc_hits')).toBe(10)
  })

  it('writes down since when flows came unmatched', async () => {
    const gaps = async () => (await readGaps(house.db, tables)).map(({ why }) => why)
    expect(await gaps()).toEqual([])
    await house.db.command('DROP TABLE nfsen.ioc_hits_mv SYNC')
    await house.sink.open(signal)
    expect(await gaps()).toEqual(['the view was away'])
    await house.sink.open(signal)
    expect(await gaps()).toHaveLength(1)
    await house.db.command('DROP TABLE nfsen.tipline_ips_iocs SYNC')
    await house.sink.open(signal)
    expect(await gaps()).toHaveLength(2)
    for (const { from, to } of await readGaps(house.db, tables)) {
      expect(to - from).toBeGreaterThanOrEqual(3600)
    }
  })

  it('matches at once again when what it needs was missing, without a rebuild', async () => {
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insertIoc()
    await house.db.command('DROP TABLE nfsen.tipline_details_iocs SYNC')
    await house.sink.open(signal)
    await insert(1, {})
    expect(await house.count('ioc_hits')).toBe(1)
  })
  /** The rows of iocs are what everything in memory is made from. */
  const insertIoc = async () => expect(await house.count('iocs')).toBe(1)

  it('stays away while it is detached, and calls that a gap', async () => {
    const live = { db: house.db, tables, log: silentLogger(), telling: PLAIN }
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await detachLive(live)
    await house.sink.open(signal)
    await insert(1, {})
    expect(await house.count('ioc_hits')).toBe(0)
    await attachLive(live)
    await insert(1, {})
    expect(await house.count('ioc_hits')).toBe(1)
    expect(await readGaps(house.db, tables)).toMatchObject([{ why: 'the view was away' }])
  })

  it.each([
    ['the next sync', () => house.sink.open(signal)],
    ['flows detach', () => detachLive({ db: house.db, tables, log: silentLogger() })],
  ])('leaves no tables of a former layout behind: %s', async (_, work) => {
    const former = formerNames(tables)
    for (const name of former) {
      await house.db.command(`CREATE TABLE ${quoted(name)} (key String) ENGINE = Set`)
    }
    await work()
    const left = await house.db.rows(
      "SELECT name FROM system.tables WHERE database = 'nfsen' AND name IN {names:Array(String)}",
      { params: { names: former.map(({ table }) => table) } },
    )
    expect(former).not.toEqual([])
    expect(left).toEqual([])
  })

  const ttl = async () => {
    const [row] = await house.db.rows<{ sql: string }>(
      "SELECT create_table_query AS sql FROM system.tables WHERE database = 'nfsen' AND name = 'ioc_hits'",
    )
    return /TTL .*?(?= SETTINGS|$)/.exec(row!.sql)?.[0] ?? ''
  }

  it('keeps hits as long as it is told, in tables that are there too', async () => {
    expect(await ttl()).toBe('TTL te + toIntervalDay(90)')
    for (const [keepHits, told] of [
      [30 * 86_400, 'TTL te + toIntervalDay(30)'],
      [7200, 'TTL te + toIntervalSecond(7200)'],
      [null, ''],
      [365 * 86_400, 'TTL te + toIntervalDay(365)'],
    ] as const) {
      const sink = house.makeSink({}, { keepHits })
      await sink.open(signal)
      expect(await ttl()).toBe(told)
    }
  })

  it("leaves misp2ch's hits as long as misp2ch meant to keep them", async () => {
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db)
    await house.makeSink({}, { keepHits: 86_400 }).open(signal)
    expect(await ttl()).toBe('TTL te + toIntervalDay(90)')
  })
})

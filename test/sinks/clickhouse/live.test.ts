/** Live matching as a user meets it: indicators through the sink, flows by plain INSERTs, hits. */
import { describe, expect, it } from 'vitest'
import { hasEngine } from '../../clickhouse/engine.js'
import { createMisp2chTables, FLOWS_OLD } from '../../clickhouse/misp2ch.js'
import { inBatches } from '../states.js'
import { clickHouseHouse, stateOf as state } from './house.js'

type Settings = { readonly materialized_views_ignore_errors: 0 }

interface Flow {
  readonly sa: string
  readonly da: string
  readonly sp?: number
  readonly dp?: number
  readonly pr?: number | string
  readonly flg?: string
}

/** Older flows would be dropped at once, by their time to live. */
const SEEN = Math.floor(Date.now() / 1000) - 3600

describe.skipIf(!hasEngine())('live matching', () => {
  const house = clickHouseHouse()
  const { signal } = new AbortController()

  async function insert(...given: (Flow | Settings)[]): Promise<void> {
    const flows = given.filter((each): each is Flow => 'sa' in each)
    const settings = given.find((each): each is Settings => !('sa' in each))
    const rows = flows.map(({ sa, da, sp = 50_000, dp = 443, pr = 6, flg = '...AP.SF' }) => [
      SEEN,
      SEEN + 5,
      sa,
      da,
      sp,
      dp,
      pr,
      flg,
      10,
      1000,
    ])
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    await house.db.insert({ table: 'nfsen.flows', columns, rows, settings })
  }

  const hits = () =>
    house.db.rows<Record<string, unknown>>(
      `SELECT source_ip, destination_ip, dp, reverse, info, role, answered FROM nfsen.ioc_hits
       ORDER BY source_ip, destination_ip, dp, info`,
    )

  it('meets both directions and tells the inside talker', async () => {
    await house.sink.apply([state('198.51.100.7', { port: 443 })], signal)
    await insert(
      { sa: '192.0.2.1', da: '198.51.100.7' },
      { sa: '198.51.100.7', da: '192.0.2.1', sp: 443, dp: 50_000 },
      { sa: '192.0.2.1', da: '198.51.100.7', dp: 80 },
      { sa: '192.0.2.1', da: '198.51.100.8' },
    )
    const common = { source_ip: '192.0.2.1', destination_ip: '198.51.100.7', dp: 443 }
    const told = { info: '198.51.100.7', role: 'outbound', answered: 'yes' }
    expect((await hits()).sort((a, b) => Number(a.reverse) - Number(b.reverse))).toEqual([
      { ...common, ...told, reverse: 0 },
      { ...common, ...told, reverse: 1 },
    ])
  })

  it.each([
    ['198.51.100.7', '198.51.100.7', true],
    ['198.51.100.7', '::ffff:198.51.100.7', true],
    ['198.51.100.7', '64:ff9b::c633:6407', true],
    ['198.51.100.7', '64:ff9b::198.51.100.7', true],
    ['64:ff9b::c633:6407', '198.51.100.7', false],
    ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', true],
    ['2001:db8::1', '2001:db8::2', false],
    ['203.0.113.64/26', '203.0.113.64', true],
    ['203.0.113.64/26', '203.0.113.127', true],
    ['203.0.113.64/26', '203.0.113.128', false],
    ['203.0.113.64/26', '64:ff9b::203.0.113.100', true],
    ['10.0.0.0/14', '10.3.255.255', true],
    ['10.0.0.0/14', '10.4.0.0', false],
    ['2001:db8:5::/48', '2001:db8:5:ffff::1', true],
    ['2001:db8:5::/48', '2001:db8:6::1', false],
    ['198.51.100.7', 'no address', false],
    ['198.51.100.7', '', false],
  ])('%s and a flow to %s: %s', async (indicator, address, meets) => {
    await house.sink.apply([state(indicator, {})], signal)
    await insert({ sa: '192.0.2.1', da: address })
    expect(await hits()).toHaveLength(meets ? 1 : 0)
  })

  it.each([
    [6, 1],
    [17, 1],
    [132, 1],
    [1, 0],
    [47, 0],
  ])('ip|port and protocol %i: %i hits', async (pr, met) => {
    await house.sink.apply([state('198.51.100.7', { port: 443 })], signal)
    await insert({ sa: '192.0.2.1', da: '198.51.100.7', pr })
    expect(await hits()).toHaveLength(met)
  })

  it('reports every indicator that an address is in', async () => {
    await house.sink.apply(
      [
        state('203.0.113.5', {}, { port: 443 }),
        state('203.0.113.0/24', {}),
        state('203.0.0.0/16', {}),
      ],
      signal,
    )
    await insert({ sa: '192.0.2.1', da: '203.0.113.5' })
    expect((await hits()).map(({ info }) => info)).toEqual([
      '203.0.0.0/16',
      '203.0.113.0/24',
      '203.0.113.5',
      '203.0.113.5',
    ])
  })

  it.each([
    [
      'a SYN of ours that nobody answered',
      { sa: '192.0.2.1', da: '198.51.100.7', flg: '......S.' },
      'outbound',
      'no',
    ],
    ['UDP', { sa: '192.0.2.1', da: '198.51.100.7', pr: 17, dp: 53 }, 'outbound', 'unknown'],
    ['a service of ours', { sa: '198.51.100.7', da: '192.0.2.1', dp: 22 }, 'inbound', 'yes'],
  ])('tells who opened it, and whether it was answered: %s', async (_, flow, role, answered) => {
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insert(flow)
    expect(await hits()).toMatchObject([{ role, answered }])
  })

  it('follows what is added, changed, revoked and added again', async () => {
    const flow = { sa: '192.0.2.1', da: '198.51.100.7' }
    await insert(flow)
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insert({ ...flow, sp: 1 })
    await house.sink.apply([state('198.51.100.7')], signal)
    await insert({ ...flow, sp: 2 })
    expect(await house.count('ioc_hits')).toBe(1)
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await insert({ ...flow, sp: 3 })
    expect(await house.count('ioc_hits')).toBe(2)
    await house.sink.rebuild(inBatches([state('198.51.100.8', {})]), signal)
    await insert({ ...flow, sp: 4 }, { ...flow, da: '198.51.100.8' })
    expect(await house.count('ioc_hits')).toBe(3)
  })

  it('goes on after a crash of the engine, without a sync', async () => {
    await house.sink.apply([state('198.51.100.7', {}), state('203.0.113.0/24', {})], signal)
    await house.crash()
    await insert({ sa: '192.0.2.1', da: '198.51.100.7' }, { sa: '203.0.113.9', da: '192.0.2.1' })
    expect(await house.count('ioc_hits')).toBe(2)
  })

  const strict = { materialized_views_ignore_errors: 0 } as const

  it.each(['iocs', 'tipline_state_iocs', 'tipline_batch_iocs'])(
    'matches on when %s is gone, and needs no forgiving setting for that',
    async (table) => {
      await house.sink.apply([state('198.51.100.7', {})], signal)
      await house.db.command(`DROP TABLE nfsen.${table} SYNC`)
      await insert({ sa: '192.0.2.1', da: '198.51.100.7' }, strict)
      expect(await house.count('ioc_hits')).toBe(1)
    },
  )

  it.each([
    'ioc_hits',
    'tipline_ips_iocs',
    'tipline_blocks4_iocs',
    'tipline_nets6_iocs',
    'tipline_met_ioc_hits',
    'tipline_running_ioc_hits',
    'tipline_details_iocs',
    'tipline_gone_iocs',
  ])('stores flows when %s is gone, and matches again after the next sync', async (table) => {
    await house.sink.apply([state('198.51.100.7', {})], signal)
    await house.db.command(`DROP TABLE nfsen.${table} SYNC`)
    await insert({ sa: '192.0.2.1', da: '198.51.100.7' })
    expect(await house.count('flows')).toBe(1)
    await house.sink.open(signal)
    await house.sink.rebuild(inBatches([state('198.51.100.7', {})]), signal)
    await insert({ sa: '192.0.2.2', da: '198.51.100.7' }, strict)
    expect(await hits()).toMatchObject([{ source_ip: '192.0.2.2' }])
  })

  it("takes the place of misp2ch's views, and keeps its names taken", async () => {
    await house.sink.close()
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db)
    await house.sink.open(signal)
    await house.sink.rebuild(inBatches([state('198.51.100.7', { port: 443 })]), signal)
    await insert({ sa: '192.0.2.1', da: '198.51.100.7' })
    expect(await house.count('ioc_hits')).toBe(1)
    for (const name of ['ioc_hits_mv', 'ioc_hits_rev_mv']) {
      await house.db.command(
        `CREATE MATERIALIZED VIEW IF NOT EXISTS nfsen.${name} TO nfsen.ioc_hits AS
         SELECT sa AS source_ip FROM nfsen.flows`,
      )
    }
    await insert({ sa: '192.0.2.2', da: '198.51.100.7' })
    expect(await house.count('ioc_hits')).toBe(2)
  })

  it('serves the older table of flows, whose protocol is a text', async () => {
    await house.sink.close()
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db, FLOWS_OLD)
    await house.sink.open(signal)
    await house.sink.apply([state('198.51.100.7', { port: 443 })], signal)
    const flow = { sa: '192.0.2.1', da: '198.51.100.7' }
    await insert({ ...flow, pr: 'TCP' }, { ...flow, pr: 'ICMP' }, { ...flow, pr: '17' })
    expect(await house.count('ioc_hits')).toBe(2)
  })
})

/** Live view and backscan against a plain matcher in TypeScript, over generated flows. */
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { addByAddress } from '../../src/clickhouse/by-address.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { backscan } from '../../src/match/backscan/backscan.js'
import { Networks, networksSetting } from '../../src/networks.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../clickhouse/engine.js'
import { fuzz } from '../fuzz.js'
import { clickHouseHouse, stateOf } from '../sinks/clickhouse/house.js'
import { uuidOf } from '../sinks/states.js'

const NOW = Math.floor(Date.now() / 1000)
const tables = tablesOf(clickhouseSinkSettings.parse({}))
const networks = networksSetting.parse({
  a: ['198.51.100.0/28'],
  b: ['198.51.100.4/30', '2001:db8::/64'],
})

interface Flow {
  readonly sa: string
  readonly da: string
  readonly sp: number
  readonly dp: number
  readonly pr: number
  readonly ts: number
}

interface Ioc {
  /** As the ledger gives it: in normal form. */
  readonly value: string
  readonly port: number
}

const ipv4 = fc
  .tuple(fc.constantFrom('198.51.100.', '203.0.113.'), fc.nat(15))
  .map(([a, b]) => a + b)
const ipv6 = fc
  .tuple(
    fc.constantFrom('2001:db8::', '2001:db8:0:1::', '2001:db8::abcd:'),
    fc.integer({ min: 1, max: 7 }),
  )
  .map(([a, b]) => a + b)
const spelled = fc.oneof(
  { weight: 4, arbitrary: ipv4 },
  ipv4.map((text) => `::ffff:${text}`),
  ipv4.map((text) => `64:ff9b::${text}`),
  ipv4.map((text) => ipaddr.IPv6.parse(`64:ff9b::${text}`).toNormalizedString().toUpperCase()),
  ipv6,
  ipv6.map((text) => ipaddr.IPv6.parse(text).toNormalizedString()),
  fc.constantFrom('', 'none', '0.0.0.0', '::'),
)
const port = fc.constantFrom(22, 443, 50_000)
const flow: fc.Arbitrary<Flow> = fc.record({
  sa: spelled,
  da: spelled,
  sp: port,
  dp: port,
  pr: fc.constantFrom(1, 6, 17, 132),
  ts: fc.integer({ min: NOW - 3 * 86_400, max: NOW - 7200 }),
})
const net4 = fc
  .tuple(ipv4, fc.integer({ min: 12, max: 31 }))
  .map(
    ([text, length]) =>
      `${ipaddr.IPv4.networkAddressFromCIDR(`${text}/${length}`).toString()}/${length}`,
  )
const net6 = fc
  .tuple(ipv6, fc.integer({ min: 30, max: 127 }))
  .map(
    ([text, length]) =>
      `${ipaddr.IPv6.networkAddressFromCIDR(`${text}/${length}`).toRFC5952String()}/${length}`,
  )
const address: fc.Arbitrary<Ioc> = fc.record({
  value: fc.oneof(ipv4, ipv6),
  port: fc.constantFrom(0, 0, 443, 22),
})
const ioc: fc.Arbitrary<Ioc> = fc.oneof(
  address,
  fc.record({ value: fc.oneof(net4, net6, fc.constant('64:ff9b::/96')), port: fc.constant(0) }),
)

/** Every form in which an address may be meant: as it is, and as the IPv4 that is in it. */
function formsOf(text: string): string[] {
  if (!ipaddr.isValid(text) || text === '' || !/[.:].*[.:]/.test(text)) return []
  const parsed = ipaddr.process(text)
  if (parsed instanceof ipaddr.IPv4) return [parsed.toString()]
  const full = parsed.toNormalizedString()
  const nat64 = /^64:ff9b:0:0:0:0:([0-9a-f]+):([0-9a-f]+)$/.exec(full)
  if (!nat64) return [full]
  const [high, low] = [Number.parseInt(nat64[1]!, 16), Number.parseInt(nat64[2]!, 16)]
  return [full, [high >> 8, high & 255, low >> 8, low & 255].join('.')]
}

function isIn(form: string, value: string): boolean {
  const address = ipaddr.parse(form)
  if (!value.includes('/'))
    return ipaddr.parse(value).toNormalizedString() === address.toNormalizedString()
  const [net, length] = ipaddr.parseCIDR(value)
  return net.kind() === address.kind() && address.match(net as never, length)
}

/** `flow number | indicator | reverse | network`, sorted. */
function expected(flows: readonly Flow[], iocs: readonly Ioc[]): string[] {
  const known = new Networks(networks)
  return flows
    .flatMap(({ sa, da, sp, dp, pr }, number) =>
      [0, 1].flatMap((reverse) => {
        const [inside, outside, outsidePort] = reverse === 0 ? [sa, da, dp] : [da, sa, sp]
        return iocs
          .filter(({ value, port }) => {
            const fits = port === 0 || (port === outsidePort && [6, 17, 132].includes(pr))
            return fits && formsOf(outside).some((form) => isIn(form, value))
          })
          .map(({ value, port }) => `${number}|${value} ${port}|${reverse}|${known.nameOf(inside)}`)
      }),
    )
    .sort()
}

/** A table of flows that tipline made now; another tool; an earlier version; and one that has it in new parts only. */
const TABLES = ['ours', "another tool's", 'of an earlier version', 'in parts'] as const
const WITHOUT_ORDER =
  'ALTER TABLE nfsen.flows DROP PROJECTION tipline_by_sa, DROP PROJECTION tipline_by_da'
const WITHOUT_BITS =
  'ALTER TABLE nfsen.flows DROP COLUMN tipline_sa_bits, DROP COLUMN tipline_da_bits'

describe.skipIf(!hasEngine())('matching of flows', () => {
  const house = clickHouseHouse({}, { networks })
  const { signal } = new AbortController()

  async function found(iocs: readonly Ioc[]): Promise<string[]> {
    const names = new Map(
      iocs.map(({ value, port }) => [uuidOf(`${value} ${port}`), `${value} ${port}`]),
    )
    const rows = await house.db.rows<Record<string, string>>(
      'SELECT byt, attr_uuid, reverse, network FROM nfsen.ioc_hits',
    )
    return rows
      .map(
        ({ byt, attr_uuid, reverse, network }) =>
          `${byt}|${names.get(attr_uuid!)}|${reverse}|${network}`,
      )
      .sort()
  }

  it('finds what a plain matcher finds, live and back in time', { timeout: 120_000 }, async () => {
    const unique = (of: fc.Arbitrary<Ioc>) =>
      fc.uniqueArray(of, {
        minLength: 1,
        maxLength: 30,
        selector: (each) => `${each.value} ${each.port}`,
      })
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    // A backscan looks for addresses alone in another way than for nets.
    const uniqueIocs = fc.oneof(unique(ioc), unique(address))
    await fc.assert(
      fc.asyncProperty(
        fc.array(flow, { minLength: 1, maxLength: 200 }),
        uniqueIocs,
        fc.constantFrom(...TABLES),
        async (flows, iocs, table) => {
          await house.begin({}, { networks })
          if (table !== 'ours') await house.db.command(WITHOUT_ORDER)
          if (table === "another tool's" || table === 'in parts')
            await house.db.command(WITHOUT_BITS)
          const values = [...new Set(iocs.map(({ value }) => value))]
          const states = values.map((value) =>
            stateOf(
              value,
              ...iocs.filter((each) => each.value === value).map(({ port }) => ({ port })),
            ),
          )
          await house.sink.apply(states, signal)
          const rows = flows.map(({ ts, sa, da, sp, dp, pr }, n) => [
            ts,
            ts,
            sa,
            da,
            sp,
            dp,
            pr,
            '...AP.SF',
            1,
            n,
          ])
          const half = Math.ceil(rows.length / 2)
          await house.db.insert({ table: 'nfsen.flows', columns, rows: rows.slice(0, half) })
          if (table === 'in parts') {
            const adding = addByAddress(tables.flows).filter((sql) => !sql.includes('MATERIALIZE '))
            for (const sql of adding) await house.db.command(sql)
          }
          if (rows.length > half)
            await house.db.insert({ table: 'nfsen.flows', columns, rows: rows.slice(half) })
          const wanted = expected(flows, iocs)
          expect(await found(iocs)).toEqual(wanted)
          for (const few of [2000, 0]) {
            for (const table of ['ioc_hits', 'tipline_looked_iocs']) {
              await house.db.command(`TRUNCATE TABLE IF EXISTS nfsen.${table}`)
            }
            const progress = () => undefined
            const window = { since: NOW - 4 * 86_400, until: NOW, value: null }
            const telling = { networks, sampled: false, maxHits: 10_000 }
            const limits = { few }
            await backscan({ db: house.db, tables, ...window, telling, limits, progress, signal })
            expect(await found(iocs)).toEqual(wanted)
          }
        },
      ),
      fuzz(40),
    )
  })
})

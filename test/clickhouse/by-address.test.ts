/** Finding the flows of an address: what is found is right, and the others are not read. */
import { describe, expect, it } from 'vitest'
import { addByAddress, byAddressIn, touching } from '../../src/clickhouse/by-address.js'
import { definitionOf } from '../../src/clickhouse/columns.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { clickHouseHouse } from '../sinks/clickhouse/house.js'
import { hasEngine } from './engine.js'

const { flows } = tablesOf(clickhouseSinkSettings.parse({}))
const WEEK = 604_800
/** The last Thursday's beginning, as 1970 began on one: a day before it is in the same partition. */
const NOW = Math.floor(Date.now() / 1000 / WEEK) * WEEK
const ADDRESSES = 100_000
/** The last bits of 198.51.0.0 and of the one after it. */
const BITS = [3_325_231_104, 3_325_231_105]
const SOUGHT = {
  bits: `[${BITS.join(', ')}]`,
  anyPort: `[${BITS.join(', ')}]`,
  onPorts: null,
  ports: '[]',
}
const TIME = `ts >= toDateTime(${NOW - 86_400})`

describe.skipIf(!hasEngine())('flows by address', () => {
  const house = clickHouseHouse()

  /** From and to 100,000 addresses, each once; the whole of them anew for each call. One is too old. */
  const insertFlows = () =>
    house.db.command(
      `INSERT INTO nfsen.flows (ts, te, sa, da, sp)
       SELECT if(number = 0, ${NOW - 90_000}, ${NOW} - number % 3600), ${NOW},
         IPv4NumToString(toUInt32(${BITS[0]} + number % ${ADDRESSES})),
         IPv4NumToString(toUInt32(${BITS[0]} + (number + 7919) % ${ADDRESSES})), number % 2
       FROM numbers(${ADDRESSES + 1})`,
    )

  /** However it is asked, it is the same. */
  const found = async () => {
    const ways = [true, false].flatMap((holdsAll) =>
      [true, false].map((gathered) => ({ holdsAll, gathered })),
    )
    const counts = ways.map(async (way) => {
      const from = touching({ flows, sought: SOUGHT, time: TIME, hasBits: true, ...way })
      return (await house.db.row<{ n: string }>(`SELECT count() AS n FROM ${from}`)).n
    })
    const [n, ...others] = await Promise.all(counts)
    expect(new Set(others)).toEqual(new Set([n]))
    return Number(n)
  }

  /** Granules of what the search for times reads, by what they are read from. */
  const read = async () => {
    const plan = await house.db.rows<{ explain: string }>(
      `EXPLAIN SELECT ts FROM nfsen.flows WHERE ${TIME} AND tipline_sa_bits IN ${SOUGHT.bits}`,
    )
    const text = plan.map(({ explain }) => explain).join('\n')
    return [...text.matchAll(/ReadFromMergeTree \((.*?)\)[\s\S]*?Granules: (\d+)/g)]
      .map(([, from, granules]) => ({ from, granules: Number(granules) }))
      .filter(({ granules }) => granules > 0)
  }

  it('reads a granule of 13', async () => {
    await insertFlows()
    expect(await read()).toEqual([{ from: 'tipline_by_sa', granules: 1 }])
    expect(await found()).toBe(4)
  })

  it('finds all where some parts have nothing to find it by', async () => {
    const { db } = house
    for (const by of ['sa', 'da']) {
      await db.command(`ALTER TABLE nfsen.flows DROP PROJECTION tipline_by_${by}`)
    }
    expect(byAddressIn(await definitionOf(db, flows)).present).toBe(false)
    await insertFlows()
    expect(await found()).toBe(4)
    const statements = addByAddress(flows)
    for (const sql of statements.filter((sql) => !sql.includes(' MATERIALIZE '))) {
      await db.command(sql)
    }
    expect(byAddressIn(await definitionOf(db, flows)).present).toBe(true)
    await insertFlows()
    expect(await found()).toBe(8)
    for (const sql of statements) await db.command(sql.replace('sync = 0', 'sync = 2'))
    expect((await read()).map(({ from }) => from)).toEqual(['tipline_by_sa'])
    expect(await found()).toBe(8)
  })

  it('lets flows be deleted, and still finds the others', async () => {
    await insertFlows()
    await house.db.command('DELETE FROM nfsen.flows WHERE sp = 1')
    expect(await found()).toBe(2)
    await insertFlows()
    expect(await found()).toBe(6)
    await house.db.command('OPTIMIZE TABLE nfsen.flows FINAL')
    expect(await found()).toBe(6)
  })
})

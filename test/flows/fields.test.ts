/** Lines of nfdump's through ClickHouse, against what they plainly mean. */
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { parseTableName } from '../../src/clickhouse/names.js'
import { READING } from '../../src/flows/fields.js'
import { openFlows } from '../../src/flows/import.js'
import { PROTOCOL_NAMES } from '../../src/flows/protocols.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { FLOWS_OLD } from '../clickhouse/misp2ch.js'
import { fuzz } from '../fuzz.js'
import { plainRow } from './plain-rows.js'

const table = (text: string) => parseTableName(text)!
const tables = { iocs: table('t.iocs'), hits: table('t.ioc_hits'), flows: table('t.flows') }
const LINE =
  '2026-11-21 12:00:00.123,2026-11-21 12:00:05.000,192.0.2.1,198.51.100.7, 50000,443,6,...AP.SF,10,1000,1,2,64496,64511,24,16,192.0.2.254,3'

describe.skipIf(!hasEngine())('lines of nfdump', () => {
  let engine: TestEngine
  let db: ClickHouse
  const { signal } = new AbortController()
  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
  })
  afterAll(async () => {
    await db?.close()
    await engine?.close()
  })
  beforeEach(async () => {
    await db.command('DROP DATABASE IF EXISTS t SYNC')
  })

  async function insert(lines: readonly string[]): Promise<void> {
    const { insert } = await openFlows({ db, tables, signal })
    const data = Readable.from([`${lines.join('\n')}\n`], { objectMode: false })
    const settings = { ...READING, input_format_parallel_parsing: 0 as const }
    await db.pour({ query: insert, data, params: { flowsrc: "it's" }, settings })
  }

  const rows = () =>
    db.rows<Record<string, unknown>>(
      `SELECT * EXCEPT (ts, te), toUnixTimestamp(ts) AS ts, toUnixTimestamp(te) AS te FROM t.flows
       ORDER BY sas`,
    )

  it('become rows, under the label of their source', async () => {
    await insert([LINE])
    expect(await rows()).toEqual([{ ...plainRow(LINE), flowsrc: "it's" }])
  })

  it('go into the older table too, whose protocol is a text', async () => {
    await db.command('CREATE DATABASE t')
    await db.command(`CREATE TABLE t.flows (${FLOWS_OLD}) ENGINE = MergeTree ORDER BY ts`)
    await insert([LINE, LINE.replace(',6,', ',ICMP,'), LINE.replace(',6,', ',253,')])
    const told = await db.rows<{ pr: string }>('SELECT pr FROM t.flows ORDER BY pr')
    expect(told.map(({ pr }) => pr)).toEqual(['253', 'ICMP', 'TCP'])
  })

  it('mean the same to ClickHouse as to us, whatever they hold', async () => {
    const number = fc.oneof(
      fc.nat(300).map(String),
      fc.bigInt({ min: 0n, max: 2n ** 66n }).map(String),
      fc.constantFrom(
        '3.1',
        '0.255',
        '3.256',
        '.',
        '65535',
        '65536',
        '70000',
        '-1',
        '',
        'x',
        '1e3',
      ),
    )
    const name = fc.constantFrom(...PROTOCOL_NAMES.values(), 'NOSUCH', "it's", '"', '"a', "'")
    const padded = (cell: fc.Arbitrary<string>) =>
      fc.tuple(cell, fc.nat(3)).map(([text, n]) => ' '.repeat(n) + text + ' '.repeat(n % 2))
    const line = fc
      .tuple(fc.array(padded(number), { minLength: 12, maxLength: 12 }), padded(name), fc.boolean())
      .map(([n, text, named]) => {
        const [sp, dp, pr, ipkt, ibyt, into, out, das, smk, dmk, exid, more] = n
        return [
          ...['2026-11-21 12:00:00.123', '2026-11-21 12:00:05', ' 192.0.2.1', '2001:db8::1 '],
          ...[sp, dp, named ? text : pr, '...AP...', ipkt, ibyt, into, out, '0', das, smk, dmk],
          ...['192.0.2.254', exid, ...(named ? [more] : [])],
        ].map(String)
      })
    await fc.assert(
      fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 50 }), async (given) => {
        await db.command('DROP DATABASE IF EXISTS t SYNC')
        // Numbered by a field, to be told apart.
        const lines = given.map((cells, n) => cells.with(12, String(n)).join(','))
        await insert(lines)
        const expected = lines.map((each) => ({ ...plainRow(each), flowsrc: "it's" }))
        expect(await rows()).toEqual(expected)
      }),
      fuzz(200),
    )
  })
})

/** Whatever stands in the tables of ClickHouse comes back as it is, and no terminal obeys it. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { prepare } from '../../src/clickhouse/prepare.js'
import { countedTable, flowTables } from '../../src/clickhouse/schema.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { countedDocument, readCounted } from '../../src/hits/counted.js'
import { openHits } from '../../src/hits/database.js'
import { hitDocument } from '../../src/hits/document.js'
import { readHits } from '../../src/hits/read.js'
import type { HitStores } from '../../src/hits/stores.js'
import { printable } from '../../src/log.js'
import { Networks } from '../../src/networks.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { fuzz } from '../fuzz.js'

const NEVER = new AbortController().signal
const HOUR = Math.floor(Date.now() / 3_600_000 - 2) * 3600
const TABLES = tablesOf(clickhouseSettings.parse({}))

const NASTY = [
  `'; DROP TABLE flows; --`,
  '\\',
  `\\'`,
  '"\\"',
  '`',
  '\n',
  '\r\n\t',
  '\u0000',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m',
  '\u202egpj.exe',
  '\ud83d\ude00',
  '\u2028',
  '{value:String}',
  '\\N',
  '',
]
const text = fc.oneof(
  fc.constantFrom(...NASTY),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.tuple(fc.constantFrom(...NASTY), fc.string({ maxLength: 20 })).map((parts) => parts.join('')),
)
const fields = { misp: text, uuid: text, event: text, info: text, kind: text, type: text }
const rows = fc.array(fc.record({ ...fields, address: text }), { minLength: 1, maxLength: 20 })

/** What a terminal may obey, or what may break a line. */
const OBEYED = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

describe.skipIf(!hasEngine())('hostile values in the tables of flows', () => {
  let engine: TestEngine
  let db: ClickHouse
  let stores: HitStores

  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
    await prepare(db, [flowTables(TABLES).hits, countedTable(TABLES)])
    const flows = { tables: TABLES, open: async () => db }
    const networks = new Networks({})
    stores = { db: openHits(engine.dataDir), flows, ledger: null, networks, links: {} }
  })
  afterAll(async () => {
    stores.db.close()
    await db.close()
    await engine.close()
  })

  /** One line of JSON that holds the same. */
  function expectHarmless(document: object): void {
    const line = printable(JSON.stringify(document))
    expect(line).not.toMatch(OBEYED)
    expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(document)))
  }

  it('counted ones come back as they are, and can be asked for', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        await db.command('TRUNCATE TABLE nfsen.tipline_counted_ioc_hits')
        await db.insert({
          table: '`nfsen`.`tipline_counted_ioc_hits`',
          columns:
            'hour misp attr_uuid why past_flows first last event_uuid info kind type address'.split(
              ' ',
            ),
          rows: given.map(({ misp, uuid, event, info, kind, type, address }, n) => [
            ...[HOUR, misp, `${n} ${uuid}`, 'flood', n + 1, HOUR, HOUR + 1, event, info],
            ...[kind, type, address],
          ]),
        })
        const found = await readCounted(stores, { limit: 100 }, NEVER)
        expect(found).toHaveLength(given.length)
        for (const counted of found) {
          const n = counted.flows - 1
          const { misp, uuid, event, info, address } = given[n]!
          expect(counted).toMatchObject({
            event: { source: misp, uuid: event, info },
            attribute: { uuid: `${n} ${uuid}` },
            observable: address,
          })
          expectHarmless(countedDocument(counted))
        }
        const { misp } = given[0]!
        const some = await readCounted(stores, { limit: 100, source: misp }, NEVER)
        expect(some).toHaveLength(given.filter((each) => each.misp === misp).length)
      }),
      fuzz(100),
    )
  }, 300_000)

  it('stored ones come back as they are', async () => {
    await fc.assert(
      fc.asyncProperty(rows, async (given) => {
        await db.command('TRUNCATE TABLE nfsen.ioc_hits')
        await db.insert({
          table: '`nfsen`.`ioc_hits`',
          columns:
            'ts te hit misp attr_uuid event_uuid info kind type source_ip destination_ip flowsrc'.split(
              ' ',
            ),
          rows: given.map(({ misp, uuid, event, info, kind, type, address }, n) => [
            ...[HOUR + n, HOUR + n, n + 1, misp, uuid, event, info, kind, type],
            ...[address, address, info],
          ]),
        })
        const { hits } = await readHits(stores, { limit: 100 }, NEVER)
        expect(hits).toHaveLength(given.length)
        for (const hit of hits) {
          const { misp, uuid, event, info, address } = given[hit.first / 1000 - HOUR]!
          expect(hit).toMatchObject({
            event: { source: misp, uuid: event, info },
            attribute: { uuid },
            observable: address,
            label: info,
          })
          expectHarmless(hitDocument(hit))
        }
      }),
      fuzz(100),
    )
  }, 300_000)
})

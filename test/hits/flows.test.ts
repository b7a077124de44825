/** Hits of flows beside hits of lines: one list, one purge, followers that get each once. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { prepare } from '../../src/clickhouse/prepare.js'
import { countedTable, flowTables } from '../../src/clickhouse/schema.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { ClickHouseError } from '../../src/errors.js'
import { readCounted } from '../../src/hits/counted.js'
import { openHits } from '../../src/hits/database.js'
import { tellFloods } from '../../src/hits/floods.js'
import { newHits } from '../../src/hits/follow.js'
import { WAYS } from '../../src/hits/hit.js'
import { hitsOverTime } from '../../src/hits/over-time.js'
import { concerned, purge } from '../../src/hits/purge.js'
import { readHit, readHits } from '../../src/hits/read.js'
import { recordLines } from '../../src/hits/record.js'
import type { HitStores } from '../../src/hits/stores.js'
import { inTransaction } from '../../src/ledger/sqlite.js'
import { createLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { Networks } from '../../src/networks.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'

const NEVER = new AbortController().signal
/** Epoch seconds, of a minute ago and whole. */
const AT = Math.floor(Date.now() / 60_000) * 60 - 600
const TABLES = tablesOf(clickhouseSettings.parse({}))

interface Flow {
  readonly hit: number
  readonly at?: number
  readonly inside?: string
  readonly misp?: string
  readonly via?: string
  /** Seconds before now at which it was written. */
  readonly writtenAgo?: number
}

describe.skipIf(!hasEngine())('hits of flows and of lines', () => {
  let engine: TestEngine
  let db: ClickHouse
  let stores: HitStores
  let isDown = false

  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
    const { hits } = flowTables(TABLES)
    await prepare(db, [hits, countedTable(TABLES)])
    const flows = {
      tables: TABLES,
      open: async () => {
        if (isDown) throw new ClickHouseError({ what: 'gone', fault: 'unreachable' })
        return db
      },
    }
    const networks = new Networks({ campus: ['192.0.2.0/24'] })
    stores = { db: openHits(engine.dataDir), flows, ledger: null, networks, links: {} }
  })
  afterAll(async () => {
    stores.db.close()
    await db.close()
    await engine.close()
  })
  beforeEach(async () => {
    isDown = false
    await db.command('TRUNCATE TABLE nfsen.ioc_hits')
    await db.command('TRUNCATE TABLE nfsen.tipline_counted_ioc_hits')
    for (const table of ['flood', 'hit', 'line', 'observed', 'met', 'follower', 'told']) {
      stores.db.exec(`DELETE FROM ${table}`)
    }
  })

  async function met(...flows: readonly Flow[]): Promise<void> {
    const now = Math.floor(Date.now() / 1000)
    const rows = flows.map(
      ({ hit, at = AT, inside = '192.0.2.1', misp = 'main', via = 'live', writtenAgo = 0 }) => [
        ...[misp, inside, '198.51.100.7', 443, 10, 1000, 0, 'e1', 1, 'a1', at, at + 5, 'C2'],
        ...[via, 'ip', 'ip-dst', 'border', 'outbound', 'yes', hit, now - writtenAgo],
      ],
    )
    const columns =
      'misp source_ip destination_ip dp pkt byt reverse event_uuid id attr_uuid ts te info via kind type flowsrc role answered hit insert_ts'
    await db.insert({ table: '`nfsen`.`ioc_hits`', columns: columns.split(' '), rows })
  }

  function logged(number: number, at: number, value = '198.51.100.7'): void {
    const one = {
      field: 'destination.ip',
      observable: value,
      kind: 'ip',
      value,
      uuid: 'a1',
      type: 'ip-dst',
    }
    const event = { eventId: '1', eventUuid: 'e1', eventInfo: 'C2', source: 'main', tlp: '' }
    const observed: [string, string][] = [
      ['source.ip', '192.0.2.1'],
      ['destination.ip', value],
    ]
    const digest = number.toString(16).padStart(32, '0')
    const occasion = { way: 'enrich', label: 'proxy', now: Date.now() } as const
    recordLines(stores.db, [{ digest, at, observed, met: [{ ...one, ...event }] }], occasion)
  }

  it('are one list, newest first, without a gap or a double at any size of page (H6)', async () => {
    // Doubles that no merge has put together, hits of one second, and one that misp2ch wrote.
    await met(
      { hit: 7 },
      { hit: 8 },
      { hit: 9, at: AT + 1, via: 'backscan' },
      { hit: 0, at: AT + 2 },
    )
    await met({ hit: 7 }, { hit: 8 })
    for (const [n, at] of [AT * 1000, AT * 1000, AT * 1000 + 500, AT * 1000 + 1000].entries()) {
      logged(n + 1, at)
    }
    const whole = (await readHits(stores, { limit: 100 }, NEVER)).hits
    expect(whole.map(({ kind, first }) => `${kind} ${first - AT * 1000}`)).toEqual([
      'flow 2000',
      'log 1000',
      'flow 1000',
      'log 500',
      'log 0',
      'log 0',
      'flow 0',
      'flow 0',
    ])
    for (const limit of [1, 2, 3, 5]) {
      const ids: string[] = []
      let cursor: string | undefined
      do {
        const page = await readHits(stores, { limit, cursor }, NEVER)
        ids.push(...page.hits.map(({ id }) => id))
        cursor = page.next ?? undefined
      } while (cursor !== undefined)
      expect(ids).toEqual(whole.map(({ id }) => id))
    }
    for (const hit of whole) expect(await readHit(stores, hit.id, NEVER)).toEqual(hit)
    expect(whole.find(({ id }) => id === 'flow-0000000000000009')).toMatchObject({
      way: 'backscan',
      label: 'border',
      inside: { address: '192.0.2.1', network: 'campus' },
      flow: { port: 443, packets: 10, bytes: 1000 },
    })
    const range = { since: AT * 1000, until: AT * 1000 + 3000, buckets: 3 }
    expect(await hitsOverTime(stores, range, NEVER)).toEqual([
      { from: AT * 1000, live: 2, backscan: 0, log: 3 },
      { from: AT * 1000 + 1000, live: 0, backscan: 1, log: 1 },
      { from: AT * 1000 + 2000, live: 1, backscan: 0, log: 0 },
    ])
    const counts = await Promise.all(
      WAYS.map(async (way) => (await readHits(stores, { way, limit: 100 }, NEVER)).hits.length),
    )
    expect(counts).toEqual([3, 1, 4, 0])
    expect(await readHits(stores, { way: 'live', kind: 'log', limit: 9 }, NEVER)).toMatchObject({
      hits: [],
    })
    expect(await hitsOverTime(stores, { ...range, buckets: 1, way: 'backscan' }, NEVER)).toEqual([
      { from: AT * 1000, live: 0, backscan: 1, log: 0 },
    ])
    const some = { value: '::ffff:192.0.2.1', since: AT * 1000 + 1, limit: 10 }
    expect((await readHits(stores, some, NEVER)).hits).toHaveLength(4)
  })

  it('are told to a follower once each, also those that show up late (H7)', async () => {
    const next = async () => {
      const news = await newHits(stores, { name: 'f', limit: 2 }, NEVER)
      inTransaction(stores.db, () => news.accept())
      return news.hits.map(({ id }) => Number(id.slice(-1))).sort()
    }
    await met({ hit: 1, writtenAgo: 100 })
    expect(await next()).toEqual([])
    await sleep(1100)
    stores.db.exec('UPDATE follower SET flow_from = flow_from - 3000')
    expect(await next()).toEqual([1])
    await met({ hit: 2 }, { hit: 3 }, { hit: 4 })
    expect([await next(), await next(), await next()]).toEqual([[2, 3], [4], []])
    // Written long ago by its own account, and visible only now.
    await met({ hit: 5, writtenAgo: 2000 })
    isDown = true
    expect((await newHits(stores, { name: 'f', limit: 2 }, NEVER)).unavailable).not.toBeNull()
    expect(await next()).toEqual([])
    isDown = false
    // Not accepted: it comes again.
    expect((await newHits(stores, { name: 'f', limit: 2 }, NEVER)).hits).toHaveLength(1)
    expect([await next(), await next()]).toEqual([[5], []])
  })

  it('are no failure, for a follower, while the table is not there yet', async () => {
    const next = () => newHits(stores, { name: 'early', limit: 2 }, NEVER)
    await next()
    const hits = '`nfsen`.`ioc_hits`'
    await db.command(`RENAME TABLE ${hits} TO nfsen.elsewhere`)
    expect(await next()).toMatchObject({ hits: [], unavailable: null })
    await db.command(`RENAME TABLE nfsen.elsewhere TO ${hits}`)
  })

  it('of one address are erased, and those of other tools stay (H4)', async () => {
    await met({ hit: 1 }, { hit: 2, inside: '192.0.2.2' }, { hit: 3, misp: 'other.example' })
    logged(1, AT * 1000)
    const asked = { value: '192.0.2.1', sources: ['main'] }
    const found = { logHits: 1, flowHits: 1, counted: 0, foreignFlowHits: 1 }
    expect(await concerned(stores, asked, NEVER)).toEqual(found)
    await purge(stores, asked, NEVER)
    const left = (await readHits(stores, { limit: 10 }, NEVER)).hits
    expect(left.map(({ id }) => Number(id.slice(-1))).sort()).toEqual([2, 3])
    expect(await concerned(stores, asked, NEVER)).toEqual({ ...found, logHits: 0, flowHits: 0 })
  })

  async function counted(...rows: readonly Partial<Record<string, unknown>>[]): Promise<void> {
    for (const row of rows) {
      const all = {
        hour: AT,
        misp: 'main',
        attr_uuid: 'a1',
        why: 'flood',
        first: AT,
        last: AT + 9,
        event_uuid: 'e1',
        address: '198.51.100.7',
        kind: 'ip',
        info: 'C2',
        ...row,
      }
      const table = '`nfsen`.`tipline_counted_ioc_hits`'
      await db.insert({ table, columns: Object.keys(all), rows: [Object.values(all)] })
    }
  }
  const read = (of: object = {}) => readCounted(stores, { limit: 100, ...of }, NEVER)

  it('that are only counted are added up; what a backscan counted again is no more', async () => {
    await counted({ live_flows: 7 }, { live_flows: 5 }, { past_flows: 9 }, { past_flows: 10 })
    await counted({ hour: AT - 3600, first: AT - 3600, past_flows: 4 })
    await counted({ why: 'unanswered', live_flows: 100, attr_uuid: 'a2', misp: 'other.example' })
    expect(await read()).toMatchObject([
      { why: 'flood', flows: 16, hours: 2, first: (AT - 3600) * 1000, last: (AT + 9) * 1000 },
      { why: 'unanswered', flows: 100, hours: 1, event: { source: 'other.example' } },
    ])
    expect(await read({ limit: 1 })).toHaveLength(1)
    expect(await read({ source: 'main' })).toHaveLength(1)
    expect(await read({ attributes: ['a2'] })).toHaveLength(1)
    expect(await read({ event: 'e1', value: '::ffff:198.51.100.7' })).toHaveLength(2)
    expect(await read({ since: AT * 1000 })).toMatchObject([{ flows: 12 }, { flows: 100 }])
    expect(await read({ until: (AT - 3600) * 1000 })).toEqual([])
  })

  it('that are only counted are erased with the address, and those of other tools stay (H4)', async () => {
    await counted({ live_flows: 7 }, { live_flows: 5, attr_uuid: 'a2', misp: 'other.example' })
    await counted({ live_flows: 5, attr_uuid: 'a3', address: '198.51.100.8' })
    const asked = { value: '::ffff:198.51.100.7', sources: ['main'] }
    expect(await concerned(stores, asked, NEVER)).toMatchObject({ counted: 1 })
    await purge(stores, asked, NEVER)
    expect((await read()).map(({ attribute }) => attribute.uuid).sort()).toEqual(['a2', 'a3'])
  })

  it('that are too many are told of once, by whoever sees them first', async () => {
    const lines: string[] = []
    const write = (line: string) => void lines.push(line)
    const log = await createLogger({ level: 'info', pretty: false, destination: { write } })
    const tell = (now = AT * 1000, back?: string) =>
      tellFloods(stores, { now, back, log, metrics: new Metrics() }, NEVER)
    await counted({ live_flows: 7, info: 'a \u001b[2Jpoisoned one' }, { why: 'unanswered' })
    expect(await tell()).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toContain('198.51.100.7')
    expect(lines[0]).not.toContain('\u001b')
    await counted({ live_flows: 900, hour: AT + 3600, first: AT + 3600, last: AT + 7200 })
    expect(await tell()).toBe(0)
    await counted({ live_flows: 3, attr_uuid: 'a2' })
    expect(await tell()).toBe(1)
    // Over for a day, and again.
    const later = AT + 40 * 3600
    await counted({ live_flows: 9, hour: later, first: later, last: later + 1 })
    expect(await tell(later * 1000)).toBe(1)
    expect(await tell(later * 1000)).toBe(0)
    isDown = true
    expect(await tell(later * 1000)).toBe(0)
    isDown = false
    // Also where so far back is looked that what was told before is seen too.
    const again = later + 40 * 3600
    await counted({ live_flows: 9, hour: again, first: again, last: again + 1 })
    expect(await tell(again * 1000, '30d')).toBe(1)
    expect(await tell(again * 1000, '30d')).toBe(0)
    const next = again + 20 * 3600
    await counted({ live_flows: 9, hour: next, first: next, last: next + 1 })
    expect(await tell(next * 1000, '30d')).toBe(0)
  })
})

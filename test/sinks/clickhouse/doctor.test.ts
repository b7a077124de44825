/** What the doctor says of a table of flows that another tool made, and what --fix does to it. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { definitionOf, ttlIn } from '../../../src/clickhouse/columns.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { repairsOf } from '../../../src/clickhouse/repairs.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../../../src/sinks/clickhouse/sink.js'
import { hasEngine } from '../../clickhouse/engine.js'
import { createMisp2chTables, FLOWS_OLD } from '../../clickhouse/misp2ch.js'
import { sinkDeps } from '../states.js'
import { clickHouseHouse } from './house.js'

describe.skipIf(!hasEngine())('the doctor of ClickHouse', () => {
  const house = clickHouseHouse()
  const { signal } = new AbortController()
  const tables = tablesOf(clickhouseSinkSettings.parse({}))

  /** As misp2ch and nfdump2clickhouse leave it. */
  async function takeOver(flows?: string): Promise<void> {
    await house.sink.close()
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db, flows)
    await house.sink.open(signal)
  }

  async function insertFlow(ageSeconds: number): Promise<void> {
    await house.db.command(
      `INSERT INTO nfsen.flows (ts, te, sa, da)
       SELECT now() - ${ageSeconds}, now() - ${ageSeconds}, '192.0.2.1', '192.0.2.2'`,
    )
  }

  const told = async () =>
    (await house.sink.check()).findings.map(({ message, hint = '' }) => `${message} | ${hint}`)

  it('has nothing to say of tables that tipline made', async () => {
    await insertFlow(120)
    expect((await told()).join('\n')).not.toMatch(/zone|lacks|older layout|deduplication/)
  })

  it('tells what a table of others lacks, and --fix adds it', async () => {
    await takeOver()
    expect((await told()).join('\n')).toMatch(/deduplication window.*doctor --fix/)
    expect((await told()).join('\n')).toMatch(/no index for backscan.*doctor --fix/)
    const repairs = await repairsOf(house.db, tables)
    expect(repairs).toHaveLength(2)
    for (const sql of repairs.flatMap(({ statements }) => statements)) await house.db.command(sql)
    expect(await repairsOf(house.db, tables)).toEqual([])
    expect((await told()).join('\n')).not.toContain('--fix')
    await insertFlow(60)
    expect(await house.count('flows', "sa = '192.0.2.1'")).toBe(1)
  })

  it("tells where misp2ch's hits are kept for another time than asked, and sets it only by --fix", async () => {
    await takeOver()
    const ttl = async () =>
      ttlIn(await definitionOf(house.db, { database: 'nfsen', table: 'ioc_hits' }))
    const keepHits = 30 * 86_400
    expect((await told()).join('\n')).not.toContain('keep.hits')
    const sink = house.makeSink({}, { keepHits })
    await sink.open(signal)
    const findings = (await sink.check()).findings.map(({ message }) => message)
    expect(findings).toContain(
      'nfsen.ioc_hits, which another tool made, has TTL te + toIntervalDay(90); keep.hits in the config asks for TTL te + toIntervalDay(30)',
    )
    expect(await ttl()).toBe('TTL te + toIntervalDay(90)')
    const repair = (await repairsOf(house.db, tables, { keepHits })).at(-1)!
    for (const sql of repair.statements) await house.db.command(sql)
    expect(await ttl()).toBe('TTL te + toIntervalDay(30)')
    const forever = (await repairsOf(house.db, tables, { keepHits: null })).at(-1)!
    for (const sql of forever.statements) await house.db.command(sql)
    expect(await ttl()).toBe('')
    expect(await repairsOf(house.db, tables, { keepHits: null })).toHaveLength(2)
  })

  it('finds a second writer, and a table of another form', async () => {
    await house.sink.apply([], signal)
    await house.sink.remember({ ledger: 'l', seq: 1, settings: house.sink.settings })
    const insert = (misp: string) =>
      house.db.command(
        `INSERT INTO nfsen.iocs (ts, misp, uuid, ip) VALUES (now(), {misp:String}, 'u', '192.0.2.9')`,
        { params: { misp } },
      )
    // Rows of another `misp` are nobody's business.
    await insert('other.example')
    expect((await told()).join('\n')).not.toContain('another tool')
    await insert('main')
    expect((await told()).join('\n')).toMatch(
      /another tool writes into nfsen\.iocs: 1 rows are not ours \| does misp2ch still run/,
    )
    await house.db.command('ALTER TABLE nfsen.ioc_hits MODIFY COLUMN info UInt8')
    expect((await told()).join('\n')).toMatch(
      /nfsen\.ioc_hits has info as UInt8 instead of String \| rename that table/,
    )
  })

  it('names what earlier versions left, which a sync or --fix takes away', async () => {
    const { db } = house
    await db.command('CREATE TABLE nfsen.tipline_ips4_iocs (key UInt32) ENGINE = Set')
    await db.command('ALTER TABLE nfsen.flows ADD INDEX tipline_sa sa TYPE bloom_filter(0.01)')
    await db.command('CREATE TABLE nfsen.tipline_found_iocs_back_1_x (n UInt8) ENGINE = Memory')
    const all = (await told()).join('\n')
    expect(all).toMatch(
      /an earlier version of tipline are there: nfsen\.tipline_ips4_iocs \| tipline sync/,
    )
    expect(all).toMatch(/indexes of an earlier version.*: tipline_sa \| tipline doctor --fix/)
    // It may be in use: nobody takes it away within a day.
    expect(all).not.toContain('tipline_found')
    const repairs = await repairsOf(db, tables)
    expect(repairs.map(({ plan }) => plan)).toEqual([
      'drop the skip indexes tipline_sa of nfsen.flows (no flow is touched)',
    ])
    for (const sql of repairs.flatMap(({ statements }) => statements)) await db.command(sql)
    await house.sink.open(signal)
    expect((await told()).join('\n')).not.toMatch(/earlier version/)
    await insertFlow(60)
    expect(await house.count('flows', "sa = '192.0.2.1'")).toBe(1)
  })

  it('offers what finds flows by address to a table with an earlier index, and keeps its flows', async () => {
    const { db } = house
    for (const by of ['sa', 'da']) {
      await db.command(`ALTER TABLE nfsen.flows DROP PROJECTION tipline_by_${by}`)
      await db.command(`ALTER TABLE nfsen.flows DROP COLUMN tipline_${by}_bits`)
    }
    await db.command(
      'ALTER TABLE nfsen.flows ADD INDEX tipline_addresses sa TYPE bloom_filter(0.01)',
    )
    await insertFlow(120)
    const all = (await told()).join('\n')
    expect(all).toMatch(/index for backscan of an earlier version.*doctor --fix/)
    const repairs = await repairsOf(db, tables)
    expect(repairs).toHaveLength(1)
    expect(repairs[0]!.plan).toMatch(/drop the skip indexes tipline_addresses$/)
    for (const sql of repairs[0]!.statements) await db.command(sql)
    expect(await repairsOf(db, tables)).toEqual([])
    await insertFlow(60)
    const bits = 'tipline_sa_bits = 3221225985 AND tipline_da_bits = 3221225986'
    expect(await house.count('flows', bits)).toBe(2)
    const [projections] = await db.rows<{ n: string }>(
      "SELECT count() AS n FROM system.projection_parts WHERE active AND table = 'flows'",
    )
    expect(projections).toEqual({ n: '4' })
  })

  it('knows the older layout', async () => {
    await takeOver(FLOWS_OLD)
    expect((await told()).join('\n')).toContain('older layout')
  })

  it.each([
    ['in the future', -3600, /1 flows lie in the future/],
    ['whole hours late', 5 * 3600 + 400, /came 5 hours after their own time/],
    ['just now', 300, null],
    ['half an hour late', 5400, null],
  ])('finds times of another zone: %s', async (_, age, finding) => {
    await insertFlow(age)
    const all = (await told()).join('\n')
    if (finding) expect(all).toMatch(finding)
    else expect(all).not.toContain('zone')
  })

  it('names the rights that a user lacks', async () => {
    // Of users the embedded engine has none, and Debian's server is too old: one that says no.
    const server = createServer((request, answer) => {
      const query = new URL(request.url!, 'http://x').searchParams.get('query') ?? ''
      request.setEncoding('utf8').on('data', () => undefined)
      let body = query
      request.on('data', (text: string) => {
        body += text
      })
      request.on('end', () => answer.end(answerTo(body)))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const settings = clickhouseSinkSettings.parse({ url: `http://tipline@127.0.0.1:${port}` })
    const sink = clickhouseSink(settings, sinkDeps({ sourceNames: ['main'] }))
    const { ok, findings } = await sink.check()
    await sink.close()
    server.close()
    expect(ok).toBe(false)
    expect(findings).toContainEqual({
      level: 'warn',
      message: expect.stringContaining('it keeps no system.query_views_log'),
      hint: expect.stringContaining('query_views_log'),
    })
    expect(findings).toContainEqual({
      level: 'error',
      message: 'its user lacks rights on nfsen: ALTER, DROP VIEW',
      hint: 'GRANT ALTER, DROP VIEW ON nfsen.* TO ...',
    })
  })
})

function answerTo(sql: string): string {
  if (sql.includes('version()')) return '{"version":"25.8.1.1"}\n'
  if (sql.includes('CHECK GRANT')) return `{"result":${/ALTER|DROP VIEW/.test(sql) ? 0 : 1}}\n`
  return sql.includes('count()') ? '{"n":"0"}\n' : ''
}

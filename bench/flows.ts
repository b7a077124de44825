/**
 * What live matching costs: the same CSV through the client into a plain table, into one that tipline
 * took over from misp2ch, into one that tipline made (with what a backscan wants of it), and into one that
 * misp2ch's two join views match; in turns, so that all see the same machine. With the most indicators
 * also the cost of each feature, the memory, and how soon a change of ten indicators is live.
 */
import { readFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { liveNames } from '../src/clickhouse/live-tables.js'
import { prepare } from '../src/clickhouse/prepare.js'
import { sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { silentLogger } from '../src/log.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'
import { clickhouseSinkSettings } from '../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../src/sinks/clickhouse/sink.js'
import { createMisp2chTables, FLOWS_NOW } from '../test/clickhouse/misp2ch.js'
import { hasNfdump } from '../test/flows/capture.js'
import { ipState, sinkDeps } from '../test/sinks/states.js'
import { benchEngine } from './engine.js'
import { costOfFeatures } from './flows-features.js'
import { measureImport } from './flows-import.js'

const QUICK = process.argv.includes('--quick')
const INDICATORS = QUICK ? [10_000, 1_000_000] : [10_000, 100_000, 1_000_000]
const BLOCKS = [10_000, 500_000]
const ROUNDS: Readonly<Record<number, number>> = QUICK
  ? { 10000: 9, 500000: 3 }
  : { 10000: 15, 500000: 5 }
const CHANGES = QUICK ? 3 : 7

/** `taken`: of misp2ch's layout; `ours`: as tipline makes them. */
const MATCHED = ['taken', 'ours'] as const
const DATABASES = ['plain', ...MATCHED, 'nfsen'] as const

interface Measured {
  readonly indicators: number
  readonly block: number
  /** Medians by database. */
  readonly milliseconds: Readonly<Record<string, number>>
  /** Rates by that of the plain table. */
  readonly byPlain: Readonly<Record<string, number>>
}

const { db, dataDir, pid, close } = await benchEngine()
try {
  // `npm run bench -- flows import` measures the import alone.
  const matching = process.argv.includes('import') ? {} : await measure()
  const imported = hasNfdump() ? await measureImport(db, { quick: QUICK }) : null
  console.log(JSON.stringify({ ...matching, import: imported }, undefined, 2))
} finally {
  await close()
}

async function measure() {
  for (const database of ['plain', 'taken']) await createFlows(database)
  await createMisp2chTables(db)
  for (const database of MATCHED) {
    const tables = tablesIn(database)
    await prepare(db, sinkTables(tables))
    await openLive({ db, tables, log: silentLogger() })
  }
  const blocks = new Map<number, string>()
  for (const size of BLOCKS) blocks.set(size, await csvOf(size))
  const results: Measured[] = []
  for (const indicators of INDICATORS) {
    await loadIndicators(indicators)
    for (const [block, csv] of blocks) results.push(await compare(indicators, block, csv))
  }
  const most = INDICATORS.at(-1)!
  return {
    results,
    features: await costOfFeatures(db, { tables: tablesIn('taken'), blocks, rounds: ROUNDS }),
    memory: { indicators: most, ...(await memory()) },
    change: { indicators: most, changed: 10, ...(await timeOfChange()) },
  }
}

function tablesIn(database: string): Tables {
  const name = (table: string) => ({ database, table })
  return { iocs: name('iocs'), hits: name('ioc_hits'), flows: name('flows') }
}

async function createFlows(database: string): Promise<void> {
  await db.command(`CREATE DATABASE ${database}`)
  await db.command(
    `CREATE TABLE ${database}.flows (${FLOWS_NOW}) ENGINE = MergeTree PRIMARY KEY (ts, te)
     ORDER BY (ts, te, sa, da) TTL te + toIntervalDay(90)`,
  )
}

/** Random addresses and ports; about one flow in 2,000 meets something. */
async function csvOf(rows: number): Promise<string> {
  const lines: string[] = []
  const random = `cityHash64(number, `
  const query = `SELECT toUnixTimestamp(now()) - number % 3600 AS ts, ts + 5 AS te,
      IPv4NumToString(toUInt32(${random}1))) AS sa, IPv4NumToString(toUInt32(${random}2))) AS da,
      ${random}3) % 65536 AS sp, if(number % 3 = 0, 443, ${random}4) % 65536) AS dp
    FROM numbers(${rows})`
  for await (const row of db.stream<Record<string, string>>(query)) {
    const { ts, te, sa, da, sp, dp } = row
    lines.push(`${ts},${te},${sa},${da},${sp},${dp},6,TCP,...AP.SF,9,900,0,0,r,1,2,3,4,5,x`)
  }
  return `${lines.join('\n')}\n`
}

/** Half of them with a port; of tipline's a tenth are nets. */
async function loadIndicators(count: number): Promise<void> {
  const ip = 'IPv4NumToString(toUInt32(cityHash64(number, 77)))'
  const isNet = 'number % 10 = 1'
  const net = `concat('10.', toString(number % 256), '.', toString(intDiv(number, 256) % 256), '.0/24')`
  const columns = '(ts, misp, uuid, event_uuid, event_id, port, info, ip)'
  const row = (port: string, address: string) => `SELECT now() AS ts, 'misp' AS misp,
    toString(generateUUIDv4()) AS uuid, 'event' AS event_uuid, 1 AS event_id,
    if(number % 2 = 0${port}, 443, 0) AS port, 'Scans of the example network' AS info,
    ${address} AS ip FROM numbers(${count})`
  await db.command('TRUNCATE TABLE nfsen.iocs')
  await db.command(`INSERT INTO nfsen.iocs ${columns} ${row('', ip)}`)
  for (const database of MATCHED) {
    await db.command(`TRUNCATE TABLE ${database}.iocs`)
    await db.command(
      `INSERT INTO ${database}.iocs ${columns}
       ${row(` AND NOT ${isNet}`, `if(${isNet}, ${net}, ${ip})`)}`,
    )
    await rebuildLive({ db, tables: tablesIn(database), log: silentLogger() })
  }
}

async function compare(indicators: number, block: number, csv: string): Promise<Measured> {
  const times = new Map<string, number[]>(DATABASES.map((database) => [database, []]))
  for (let round = 0; round < ROUNDS[block]!; round++) {
    for (const database of DATABASES) times.get(database)!.push(await insert(database, csv))
  }
  for (const database of DATABASES) await db.command(`TRUNCATE TABLE ${database}.flows`)
  const medians = [...times].map(([database, each]) => [database, median(each)] as const)
  const plain = median(times.get('plain')!)
  const round = (time: number, unit: number) => Math.round(time * unit) / unit
  return {
    indicators,
    block,
    milliseconds: Object.fromEntries(medians.map(([name, time]) => [name, round(time, 10)])),
    byPlain: Object.fromEntries(medians.map(([name, time]) => [name, round(plain / time, 100)])),
  }
}

async function insert(database: string, csv: string): Promise<number> {
  const started = performance.now()
  await db.pour({
    query: `INSERT INTO ${database}.flows FORMAT CSV`,
    data: Readable.from([csv], { objectMode: false }),
  })
  return performance.now() - started
}

/** Bytes of the tables that flows are matched with, of one of the two; and of the whole engine. */
async function memory() {
  const tables = tablesIn('ours')
  const names = Object.values(liveNames(tables)).map(({ table }) => table)
  const rows = await db.rows<{ name: string; bytes: string }>(
    `SELECT name, total_bytes AS bytes FROM system.tables
     WHERE database = 'ours' AND name IN {names:Array(String)}`,
    { params: { names } },
  )
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return {
    bytes: Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)])),
    engineRssBytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024,
  }
}

/** From handing ten new indicators to the sink until a flow from one of them is a hit. */
async function timeOfChange() {
  const tables = { iocs: 'ours.iocs', hits: 'ours.ioc_hits', flows: 'ours.flows' }
  const sink = clickhouseSink(clickhouseSinkSettings.parse({ tables }), sinkDeps({ dataDir }))
  const { signal } = new AbortController()
  const applied: number[] = []
  await sink.open(signal)
  try {
    for (let round = 0; round < CHANGES; round++) {
      const ips = Array.from({ length: 10 }, (_, n) => `203.0.113.${round * 10 + n}`)
      const started = performance.now()
      await sink.apply(
        ips.map((ip) => ipState(ip)),
        signal,
      )
      applied.push(performance.now() - started)
      if ((await hitsOf(ips)) !== 10) throw new Error('a new indicator is not live')
    }
  } finally {
    await sink.close()
  }
  return { milliseconds: Math.round(median(applied)), most: Math.round(Math.max(...applied)) }
}

async function hitsOf(ips: readonly string[]): Promise<number> {
  const now = Math.floor(Date.now() / 1000)
  const rows = ips.map((ip) => [now, now, '192.0.2.1', ip, 6])
  await db.insert({ table: 'ours.flows', columns: ['ts', 'te', 'sa', 'da', 'pr'], rows })
  const { n } = await db.row<{ n: string }>(
    'SELECT count() AS n FROM ours.ioc_hits WHERE destination_ip IN {ips:Array(String)}',
    { params: { ips } },
  )
  return Number(n)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

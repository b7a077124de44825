/**
 * What live matching costs: the same CSV through the client into a plain table, into one that tipline
 * matches, and into one that misp2ch's two join views match; in turns, so that all see the same machine.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { ClickHouse } from '../src/clickhouse/client.js'
import { startEngine } from '../src/clickhouse/embedded/start.js'
import { liveNames } from '../src/clickhouse/live-tables.js'
import { prepare } from '../src/clickhouse/prepare.js'
import { sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { silentLogger } from '../src/log.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'
import { createMisp2chTables, FLOWS_NOW } from '../test/clickhouse/misp2ch.js'
import { hasNfdump } from '../test/flows/capture.js'
import { measureImport } from './flows-import.js'

const QUICK = process.argv.includes('--quick')
const INDICATORS = QUICK ? [10_000, 1_000_000] : [10_000, 100_000, 1_000_000]
const BLOCKS = [10_000, 500_000]
const ROUNDS: Readonly<Record<number, number>> = QUICK
  ? { 10000: 9, 500000: 3 }
  : { 10000: 21, 500000: 7 }

const TABLES: Tables = {
  iocs: { database: 'ours', table: 'iocs' },
  hits: { database: 'ours', table: 'ioc_hits' },
  flows: { database: 'ours', table: 'flows' },
}

interface Measured {
  readonly indicators: number
  readonly block: number
  /** Milliseconds, medians. */
  readonly plain: number
  readonly tipline: number
  readonly misp2ch: number
  /** Rates by that of the plain table. */
  readonly tiplineByPlain: number
  readonly misp2chByPlain: number
}

const dataDir = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
const address = await startEngine({
  dataDir,
  listen: null,
  password: '',
  idleMs: 60_000,
  log: silentLogger(),
})
const db = await ClickHouse.connect({
  url: 'http://engine',
  socket: address.socket,
  name: 'the engine',
  user: 'default',
  password: '',
  ca: null,
  ignoreCertErrors: false,
  timeoutMs: 600_000,
})
try {
  // `npm run bench -- flows import` measures the import alone.
  const matching = process.argv.includes('import') ? {} : await measure()
  const imported = hasNfdump() ? await measureImport(db, { quick: QUICK }) : null
  console.log(JSON.stringify({ ...matching, import: imported }, undefined, 2))
} finally {
  await db.close()
  process.kill(address.pid, 'SIGTERM')
  rmSync(dataDir, { recursive: true, force: true })
}

async function measure() {
  await db.command('CREATE DATABASE plain')
  await db.command(
    `CREATE TABLE plain.flows (${FLOWS_NOW}) ENGINE = MergeTree PRIMARY KEY (ts, te)
     ORDER BY (ts, te, sa, da) TTL te + toIntervalDay(90)`,
  )
  await createMisp2chTables(db)
  await prepare(db, sinkTables(TABLES))
  await openLive({ db, tables: TABLES, log: silentLogger() })
  const blocks = new Map<number, string>()
  for (const size of BLOCKS) blocks.set(size, await csvOf(size))
  const results: Measured[] = []
  for (const indicators of INDICATORS) {
    await loadIndicators(indicators)
    for (const [block, csv] of blocks) results.push(await compare(indicators, block, csv))
  }
  return { results, memoryBytes: await memory() }
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
  const rest = `now() AS ts, 'misp' AS misp, toString(generateUUIDv4()) AS uuid, 'event' AS event_uuid,
    1 AS event_id, if(number % 2 = 0, 443, 0) AS port, 'Scans of the example network' AS info`
  const columns = '(ts, misp, uuid, event_uuid, event_id, port, info, ip)'
  await db.command('TRUNCATE TABLE nfsen.iocs')
  await db.command('TRUNCATE TABLE ours.iocs')
  await db.command(
    `INSERT INTO nfsen.iocs ${columns} SELECT ${rest}, ${ip} AS ip FROM numbers(${count})`,
  )
  await db.command(
    `INSERT INTO ours.iocs ${columns} SELECT ${rest.replace('if(number % 2 = 0, 443, 0)', 'if(number % 2 = 0 AND number % 10 != 1, 443, 0)')},
       if(number % 10 = 1, concat('10.', toString(number % 256), '.', toString(intDiv(number, 256) % 256), '.0/24'), ${ip}) AS ip
     FROM numbers(${count})`,
  )
  await rebuildLive({ db, tables: TABLES, log: silentLogger() })
}

async function compare(indicators: number, block: number, csv: string): Promise<Measured> {
  const times = { plain: [] as number[], ours: [] as number[], nfsen: [] as number[] }
  const databases = ['plain', 'ours', 'nfsen'] as const
  for (let round = 0; round < ROUNDS[block]!; round++) {
    for (const database of databases) times[database].push(await insert(database, csv))
  }
  for (const database of databases) await db.command(`TRUNCATE TABLE ${database}.flows`)
  const [plain, tipline, misp2ch] = databases.map((each) => median(times[each])) as [
    number,
    number,
    number,
  ]
  const ratio = (time: number) => Math.round((plain / time) * 100) / 100
  return {
    indicators,
    block,
    plain: Math.round(plain),
    tipline: Math.round(tipline),
    misp2ch: Math.round(misp2ch),
    tiplineByPlain: ratio(tipline),
    misp2chByPlain: ratio(misp2ch),
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

async function memory(): Promise<Record<string, number>> {
  const names = Object.values(liveNames(TABLES)).map(({ table }) => table)
  const rows = await db.rows<{ name: string; bytes: string }>(
    `SELECT name, total_bytes AS bytes FROM system.tables
     WHERE database = 'ours' AND name IN {names:Array(String)}`,
    { params: { names } },
  )
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]))
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

/**
 * Flows of 30 days against indicators that are new: tipline's backscan (both directions, addresses with
 * and without a port) and misp2ch's statement (one direction), in turns, on the same table. And what the
 * indexes for it cost, in disk and in time of an INSERT. `--quick` for a twentieth of the flows.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { ClickHouse } from '../src/clickhouse/client.js'
import { startEngine } from '../src/clickhouse/embedded/start.js'
import { prepare } from '../src/clickhouse/prepare.js'
import { createTable, flowTables, sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { SKIP_INDEXES } from '../src/clickhouse/skip-index.js'
import { silentLogger } from '../src/log.js'
import { backscan } from '../src/match/backscan/backscan.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'

const FLOWS = process.argv.includes('--quick') ? 2_000_000 : 40_000_000
const DAYS = 30
const SAMPLE = 2_000_000
const ROUNDS = 3
const DAY = 86_400
const NOW = Math.floor(Date.now() / 1000)
const SINCE = NOW - DAYS * DAY

const TABLES: Tables = {
  iocs: { database: 'ours', table: 'iocs' },
  hits: { database: 'ours', table: 'ioc_hits' },
  flows: { database: 'ours', table: 'flows' },
}
const MEMORY = ['looked_iocs', 'backscans_iocs', 'gaps_iocs'].map((name) => `tipline_${name}`)

const dataDir = mkdtempSync(join(tmpdir(), 'tipline-bench-'))
const log = silentLogger()
const options = { dataDir, listen: null, password: '', idleMs: 60_000, log }
const address = await startEngine(options)
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
  console.log(JSON.stringify(await measure(), undefined, 2))
} finally {
  await db.close()
  process.kill(address.pid, 'SIGTERM')
  rmSync(dataDir, { recursive: true, force: true })
}

async function measure() {
  const indexes = await costOfIndexes()
  await prepare(db, sinkTables(TABLES))
  await openLive({ db, tables: TABLES, log })
  for (let day = 0; day < DAYS; day++) await fill('ours.flows', { day, rows: FLOWS / DAYS })
  await db.command('CREATE TABLE ours.misp2ch_iocs (ip String, port UInt16) ENGINE = Memory')
  await db.command('CREATE TABLE ours.misp2ch_hits AS ours.ioc_hits')
  const results = []
  for (const indicators of [10, 1000]) results.push(await compare(indicators))
  return { flows: FLOWS, days: DAYS, indexes, results }
}

/** Into tables without, with one and with both indexes, in turns. */
async function costOfIndexes() {
  await db.command('CREATE DATABASE cost')
  const { flows } = flowTables(TABLES)
  const times: number[][] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    for (const count of [0, 1, 2]) {
      const name = { database: 'cost', table: `flows${count}` }
      await db.command(`DROP TABLE IF EXISTS cost.flows${count} SYNC`)
      await db.command(createTable({ ...flows, name, indexes: SKIP_INDEXES.slice(0, count) }))
      const fill_ = () => fill(`cost.flows${count}`, { day: 1, rows: SAMPLE })
      times[count]!.push(await timed(fill_))
    }
  }
  const sizes = await db.rows<{ bytes: string }>(
    `SELECT sum(bytes_on_disk) AS bytes FROM system.parts
     WHERE active AND database = 'cost' GROUP BY table ORDER BY table`,
  )
  await db.command('DROP DATABASE cost SYNC')
  const [none = 1, one = 1, both = 1] = times.map(median)
  const bytes = sizes.map((each) => Number(each.bytes))
  return {
    rows: SAMPLE,
    bytes: { none: bytes[0], one: bytes[1], both: bytes[2] },
    insertTimeByNone: { one: ratio(one, none), both: ratio(both, none) },
    diskByNone: { one: ratio(bytes[1]!, bytes[0]!), both: ratio(bytes[2]!, bytes[0]!) },
  }
}

/** Random addresses: from 2,000,000 inside to all of IPv4. */
async function fill(table: string, { day, rows }: { day: number; rows: number }): Promise<void> {
  const count = Math.floor(rows)
  const random = `cityHash64(number + ${day * count}, `
  await db.command(
    `INSERT INTO ${table} (ts, te, sa, da, sp, dp, pr, prs, flg, ipkt, ibyt, flowsrc)
     SELECT ${SINCE + day * DAY} + intDiv(number * ${DAY}, ${count}) AS ts, ts + 5,
       IPv4NumToString(toUInt32(${random}1) % 2000000 + 167772160)),
       IPv4NumToString(toUInt32(${random}2))), ${random}3) % 65536,
       if(number % 3 = 0, 443, ${random}4) % 65536), 6, 'TCP', '...AP.SF', 9, 900, 'x'
     FROM numbers(${count})`,
    { settings: { materialized_views_ignore_errors: 1, max_insert_threads: '2' } },
  )
}

/** Every indicator is an address that some flow has; half have a port. */
async function compare(count: number) {
  const ip = `IPv4NumToString(toUInt32(cityHash64(number * ${Math.floor(FLOWS / count / 2)}, 2)))`
  await db.command('TRUNCATE TABLE ours.iocs')
  await db.command('TRUNCATE TABLE ours.misp2ch_iocs')
  await db.command(
    `INSERT INTO ours.iocs (ts, misp, uuid, event_uuid, event_id, port, info, ip)
     SELECT now(), 'misp', toString(number), 'event', 1, if(number % 2 = 0, 443, 0), '', ${ip}
     FROM numbers(${count})`,
  )
  await db.command(`INSERT INTO ours.misp2ch_iocs SELECT ${ip}, 443 FROM numbers(${count})`)
  await rebuildLive({ db, tables: TABLES, log })
  const times = { tipline: [] as number[], misp2ch: [] as number[] }
  let hits = 0
  for (let round = 0; round < ROUNDS; round++) {
    for (const table of ['ioc_hits', 'misp2ch_hits', ...MEMORY]) {
      await db.command(`TRUNCATE TABLE IF EXISTS ours.${table}`)
    }
    times.misp2ch.push(await timed(misp2ch))
    times.tipline.push(
      await timed(async () => {
        hits = await ours()
      }),
    )
  }
  const [tipline, reference] = [median(times.tipline), median(times.misp2ch)]
  return {
    indicators: count,
    hits,
    tipline: Math.round(tipline),
    misp2ch: Math.round(reference),
    speedByMisp2ch: ratio(reference, tipline),
  }
}

async function ours(): Promise<number> {
  const { signal } = new AbortController()
  const progress = () => undefined
  const window = { since: SINCE, until: NOW + 1, value: null }
  return (await backscan({ db, tables: TABLES, ...window, progress, signal })).hits
}

async function misp2ch(): Promise<void> {
  await db.command(
    `INSERT INTO ours.misp2ch_hits (source_ip, destination_ip, dp, pkt, byt, ts, te)
     SELECT f.sa, f.da, f.dp, f.ipkt, f.ibyt, f.ts, f.te
     FROM ours.flows AS f CROSS JOIN ours.misp2ch_iocs AS i
     WHERE f.da = i.ip AND f.dp = i.port AND f.ts >= toDateTime(${SINCE})`,
  )
}

async function timed(work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function ratio(a: number, b: number): number {
  return Math.round((a / b) * 100) / 100
}

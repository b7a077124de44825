/**
 * Flows of 30 days against indicators that are new: tipline's backscan (both directions, addresses with
 * and without a port) and misp2ch's statement (one direction), in turns, on the same table. And what the
 * indexes for it cost, in disk and in time of an INSERT. `--quick` for a twentieth of the flows.
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { prepare } from '../src/clickhouse/prepare.js'
import { createTable, flowTables, sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { BITS_COLUMNS } from '../src/clickhouse/skip-index.js'
import { silentLogger } from '../src/log.js'
import { backscan } from '../src/match/backscan/backscan.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'
import { benchEngine } from './engine.js'

const FLOWS = process.argv.includes('--quick') ? 2_000_000 : 40_000_000
const DAYS = 30
const SAMPLE = 2_000_000
const ROUNDS = 5
/** Both sides get the same. */
const THREADS = { max_threads: 2 } as const
const DAY = 86_400
const NOW = Math.floor(Date.now() / 1000)
const SINCE = NOW - DAYS * DAY

const TABLES: Tables = {
  iocs: { database: 'ours', table: 'iocs' },
  hits: { database: 'ours', table: 'ioc_hits' },
  flows: { database: 'ours', table: 'flows' },
}
const MEMORY = ['looked_iocs', 'backscans_iocs', 'gaps_iocs'].map((name) => `tipline_${name}`)

const log = silentLogger()
const { db, close } = await benchEngine()
try {
  console.log(JSON.stringify(await measure(), undefined, 2))
} finally {
  await close()
}

async function measure() {
  const index = await costOfIndex()
  await prepare(db, sinkTables(TABLES))
  await openLive({ db, tables: TABLES, log })
  for (let day = 0; day < DAYS; day++) await fill('ours.flows', { day, rows: FLOWS / DAYS })
  await db.command('CREATE TABLE ours.misp2ch_iocs (ip String, port UInt16) ENGINE = Memory')
  await db.command('CREATE TABLE ours.misp2ch_hits AS ours.ioc_hits')
  await merged()
  const results = []
  for (const indicators of [10, 1000]) results.push(await compare(indicators))
  return { flows: FLOWS, days: DAYS, index, results }
}

/** The same flows into a table without it, one with the numbers alone and one with all of it, in turns. */
async function costOfIndex() {
  await db.command('CREATE DATABASE cost')
  const { flows } = flowTables(TABLES)
  const hidden = new Set<string>(BITS_COLUMNS.map(([name]) => name))
  const shown = flows.columns.filter(({ name }) => !hidden.has(name))
  const tables = {
    without: { ...flows, columns: shown, indexes: [] },
    numbers: { ...flows, indexes: [] },
    index: flows,
  }
  const columns = shown.map(({ name, definition }) => `\`${name}\` ${definition}`)
  await db.command(`CREATE TABLE cost.source (${columns.join(', ')}) ENGINE = Memory`)
  await fill('cost.source', { day: 1, rows: SAMPLE })
  const times = { without: [] as number[], numbers: [] as number[], index: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const which of ['without', 'numbers', 'index'] as const) {
      const name = { database: 'cost', table: which }
      await db.command(`DROP TABLE IF EXISTS cost.${which} SYNC`)
      await db.command(createTable({ ...tables[which], name }))
      const copy = `INSERT INTO cost.${which} SELECT * FROM cost.source`
      times[which].push(await timed(() => db.command(copy, { settings: THREADS })))
    }
  }
  const sizes = await db.rows<{ table: string; bytes: string }>(
    `SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts
     WHERE active AND database = 'cost' GROUP BY table`,
  )
  await db.command('DROP DATABASE cost SYNC')
  const bytes = Object.fromEntries(sizes.map((each) => [each.table, Number(each.bytes)]))
  const byWithout = (which: 'numbers' | 'index') => ({
    disk: ratio(bytes[which]!, bytes.without!),
    insertTime: ratio(median(times[which]), median(times.without)),
  })
  return { rows: SAMPLE, bytes, numbers: byWithout('numbers'), index: byWithout('index') }
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

async function compare(count: number) {
  const times = { tipline: [] as number[], misp2ch: [] as number[] }
  const hits: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await loadIndicators(count, round)
    times.misp2ch.push(await timed(misp2ch))
    times.tipline.push(
      await timed(async () => {
        hits.push(await ours())
      }),
    )
  }
  const [tipline, reference] = [median(times.tipline), median(times.misp2ch)]
  return {
    indicators: count,
    hits,
    tipline: times.tipline.map(Math.round),
    misp2ch: times.misp2ch.map(Math.round),
    speedByMisp2ch: ratio(reference, tipline),
  }
}

/** Nothing is known of earlier ones. Each is an address that some flow has; half have a port. */
async function loadIndicators(count: number, round: number): Promise<void> {
  for (const table of ['ioc_hits', 'misp2ch_hits', 'iocs', 'misp2ch_iocs', ...MEMORY]) {
    await db.command(`TRUNCATE TABLE IF EXISTS ours.${table}`)
  }
  const step = Math.floor(FLOWS / count / 2)
  const ip = `IPv4NumToString(toUInt32(cityHash64(number * ${step} + ${round + 1}, 2)))`
  await db.command(
    `INSERT INTO ours.iocs (ts, misp, uuid, event_uuid, event_id, port, info, ip)
     SELECT now(), 'misp', toString(number), 'event', 1, if(number % 2 = 0, 443, 0), '', ${ip}
     FROM numbers(${count})`,
  )
  await db.command(`INSERT INTO ours.misp2ch_iocs SELECT ${ip}, 443 FROM numbers(${count})`)
  await rebuildLive({ db, tables: TABLES, log })
}

/** Merges of what was filled in would share the machine with what is measured. */
async function merged(): Promise<void> {
  for (;;) {
    const { n } = await db.row<{ n: string }>('SELECT count() AS n FROM system.merges')
    if (n === '0') return
    await sleep(500)
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
    { settings: THREADS },
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

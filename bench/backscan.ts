/**
 * Flows of 30 days against indicators that are new: tipline's backscan (both directions, addresses with
 * and without a port) and misp2ch's statement (one direction), in turns, on the same table, whose weeks
 * are merged as they are when they are over. Of ours also the one statement that searches. And what finds
 * flows by address costs, in disk and in time of an INSERT. `--quick` for a twentieth of the flows.
 */
import { performance } from 'node:perf_hooks'
import { BITS_COLUMNS } from '../src/clickhouse/by-address.js'
import type { Asking, ClickHouse } from '../src/clickhouse/client.js'
import { prepare } from '../src/clickhouse/prepare.js'
import { createTable, flowTables, sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { silentLogger } from '../src/log.js'
import { backscan } from '../src/match/backscan/backscan.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'
import { benchEngine } from './engine.js'

const FLOWS = process.argv.includes('--quick') ? 2_000_000 : 40_000_000
const DAYS = 30
const SAMPLE = 2_000_000
const ROUNDS = 5
/** As many as a first backscan may look for. */
const FIRST = 100_000
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

/** Its tables. */
const MISP2CH_IOCS = `CREATE TABLE ours.misp2ch_iocs (ts DateTime, misp String, uuid String,
  event_uuid String, event_id UInt32, ip String, port UInt16 DEFAULT 0, info String DEFAULT '',
  insert_ts DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY (ip, port)`
const MISP2CH_HITS = `CREATE TABLE ours.misp2ch_hits (misp String, source_ip String,
  destination_ip String, dp UInt16, pkt UInt64, byt UInt64, reverse UInt8, event_uuid String, id UInt32,
  attr_uuid String, ts DateTime, te DateTime, info String, insert_ts DateTime DEFAULT now())
  ENGINE = MergeTree ORDER BY (ts, source_ip) TTL te + toIntervalDay(90)`

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
  await db.command(MISP2CH_IOCS)
  await db.command(MISP2CH_HITS)
  await db.command('OPTIMIZE TABLE ours.flows FINAL', { settings: { optimize_throw_if_noop: 1 } })
  const results = []
  for (const indicators of [10, 1000, FIRST]) results.push(await compare(indicators))
  return { flows: FLOWS, days: DAYS, index, results }
}

/** The same flows into a table without it, one with the numbers alone and one with all of it, in turns. */
async function costOfIndex() {
  await db.command('CREATE DATABASE cost')
  const { flows } = flowTables(TABLES)
  const hidden = new Set<string>(BITS_COLUMNS.map(([name]) => name))
  const shown = flows.columns.filter(({ name }) => !hidden.has(name))
  const tables = {
    without: { ...flows, columns: shown, projections: [] },
    numbers: { ...flows, projections: [] },
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
  const times = { tipline: [] as number[], search: [] as number[], misp2ch: [] as number[] }
  const hits: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await loadIndicators(count, round)
    times.misp2ch.push(await timed(misp2ch))
    let search = 0
    times.tipline.push(
      await timed(async () => {
        hits.push(await ours((ms) => (search = ms)))
      }),
    )
    times.search.push(search)
  }
  const [tipline, reference] = [median(times.tipline), median(times.misp2ch)]
  return {
    indicators: count,
    hits,
    tipline: times.tipline.map(Math.round),
    search: times.search.map(Math.round),
    misp2ch: times.misp2ch.map(Math.round),
    speedByMisp2ch: ratio(reference, tipline),
    searchByMisp2ch: ratio(reference, median(times.search)),
  }
}

/**
 * Nothing is known of earlier ones. Each is an address that some flow has; of the first backscan any, so that
 * a hundredth is in the flows. Half have a port.
 */
async function loadIndicators(count: number, round: number): Promise<void> {
  for (const table of ['ioc_hits', 'misp2ch_hits', 'iocs', 'misp2ch_iocs', ...MEMORY]) {
    await db.command(`TRUNCATE TABLE IF EXISTS ours.${table}`)
  }
  const step = Math.floor(FLOWS / count / 2)
  const which = count === FIRST ? "'any'" : 2
  const ip = `IPv4NumToString(toUInt32(cityHash64(number * ${step} + ${round + 1}, ${which})))`
  await db.command(
    `INSERT INTO ours.iocs (ts, misp, uuid, event_uuid, event_id, port, info, ip)
     SELECT now(), 'misp', toString(number), 'event', 1, if(number % 2 = 0, 443, 0), '', ${ip}
     FROM numbers(${count})`,
  )
  await db.command(
    `INSERT INTO ours.misp2ch_iocs (ts, misp, uuid, event_uuid, event_id, ip, port)
     SELECT now(), 'misp', toString(number), 'event', 1, ${ip}, 443 FROM numbers(${count})`,
  )
  await rebuildLive({ db, tables: TABLES, log })
}

/** All of a backscan; `onSearch` is told how long its one statement took that goes through the flows. */
async function ours(onSearch: (ms: number) => void): Promise<number> {
  const { signal } = new AbortController()
  const progress = () => undefined
  const window = { since: SINCE, until: NOW + 1, value: null }
  const watched = <T>(ask: (query: string, asking?: Asking) => Promise<T>) => ({
    value: async (query: string, asking?: Asking) => {
      const started = performance.now()
      const answer = await ask(query, asking)
      if (query.includes('AS tl_flow')) onSearch(performance.now() - started)
      return answer
    },
  })
  const watching: ClickHouse = Object.create(db, {
    rows: watched(db.rows.bind(db)),
    command: watched(db.command.bind(db)),
    insert: { value: db.insert.bind(db) },
  })
  return (await backscan({ db: watching, tables: TABLES, ...window, progress, signal })).hits
}

/** What misp2ch asks: indicators of the last minutes, flows that came before them. */
async function misp2ch(): Promise<void> {
  await db.command(
    `INSERT INTO ours.misp2ch_hits (misp, source_ip, destination_ip, dp, pkt, byt, reverse, event_uuid,
       id, attr_uuid, ts, te, info)
     SELECT i.misp, f.sa, f.da, f.dp, f.ipkt, f.ibyt, 0, i.event_uuid, i.event_id, i.uuid, f.ts, f.te,
       i.info
     FROM ours.flows AS f, ours.misp2ch_iocs AS i
     WHERE f.ts >= toDateTime(${SINCE}) AND i.misp = 'misp' AND i.insert_ts > now() - toIntervalMinute(5)
       AND f.da = i.ip AND f.dp = i.port AND f.ts < i.insert_ts`,
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

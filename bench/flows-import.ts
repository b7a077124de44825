/**
 * From an nfcapd file to the table of flows, against `nfdump -o csv > /dev/null` on the same file, in
 * turns. Each import goes into a table of its own, whose flows are matched with 100,000 indicators.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { ClickHouse } from '../src/clickhouse/client.js'
import { prepare } from '../src/clickhouse/prepare.js'
import { sinkTables, type Tables } from '../src/clickhouse/schema.js'
import { importFile, openFlows } from '../src/flows/import.js'
import { findNfdump } from '../src/flows/nfdump.js'
import { silentLogger } from '../src/log.js'
import { openLive, rebuildLive } from '../src/sinks/clickhouse/live.js'
import { type Packet, writeCapture } from '../test/flows/capture.js'

const INDICATORS = 100_000

export async function measureImport(db: ClickHouse, { quick }: { quick: boolean }) {
  const flows = quick ? 200_000 : 1_000_000
  const folder = mkdtempSync(join(tmpdir(), 'tipline-bench-nfcapd-'))
  const times = { nfdump: [] as number[], plain: [] as number[], matched: [] as number[] }
  try {
    const [file = ''] = writeCapture(folder, packets(flows))
    for (let round = 0; round < (quick ? 3 : 7); round++) {
      times.nfdump.push(timeOfNfdump(file))
      times.plain.push(await timeOfImport(db, { file, database: `plain${round}`, matched: false }))
      times.matched.push(await timeOfImport(db, { file, database: `met${round}`, matched: true }))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  const [nfdump, plain, matched] = [times.nfdump, times.plain, times.matched].map(median)
  const ratio = (time = 0) => Math.round((time / nfdump!) * 100) / 100
  return {
    flows,
    indicators: INDICATORS,
    nfdumpCsvMs: Math.round(nfdump!),
    importMs: Math.round(plain!),
    matchedImportMs: Math.round(matched!),
    flowsPerSecond: Math.round(flows / (plain! / 1000)),
    importByNfdump: ratio(plain),
    matchedImportByNfdump: ratio(matched),
  }
}

/** Within one hour, between random addresses, a third of it UDP. */
function packets(count: number): Packet[] {
  const begin = Math.floor(Date.now() / 3_600_000 - 2) * 3600 + 60
  const address = () =>
    Array.from({ length: 4 }, () => Math.floor(Math.random() * 254) + 1).join('.')
  return Array.from({ length: count }, (_, n) => ({
    at: begin + Math.floor((n * 3000) / count),
    sa: address(),
    da: address(),
    sp: 1024 + (n % 60_000),
    dp: [443, 80, 53, 22][n % 4]!,
    protocol: n % 3 === 0 ? 17 : 6,
    flags: 0x18,
  }))
}

function timeOfNfdump(file: string): number {
  const started = performance.now()
  spawnSync('nfdump', ['-r', file, '-o', 'csv'], { stdio: 'ignore', env: process.env })
  return performance.now() - started
}

async function timeOfImport(
  db: ClickHouse,
  { file, database, matched }: { file: string; database: string; matched: boolean },
): Promise<number> {
  const table = (name: string) => ({ database, table: name })
  const tables = { iocs: table('iocs'), hits: table('ioc_hits'), flows: table('flows') }
  if (matched) await match(db, tables)
  const importing = {
    ...{ db, tables, nfdump: await findNfdump() },
    progress: () => undefined,
    signal: new AbortController().signal,
  }
  const target = await openFlows(importing)
  const started = performance.now()
  await importFile(importing, target, { file, flowsrc: 'bench' })
  const time = performance.now() - started
  await db.command(`DROP DATABASE ${database} SYNC`)
  return time
}

async function match(db: ClickHouse, tables: Tables): Promise<void> {
  const live = { db, tables, log: silentLogger() }
  await prepare(db, sinkTables(tables))
  await openLive(live)
  await db.command(
    `INSERT INTO ${tables.iocs.database}.iocs (ts, misp, uuid, event_uuid, event_id, ip, port, info)
     SELECT now(), 'misp', toString(generateUUIDv4()), 'event', 1,
       IPv4NumToString(toUInt32(cityHash64(number, 77))), if(number % 2 = 0, 443, 0), 'An event'
     FROM numbers(${INDICATORS})`,
  )
  await rebuildLive(live)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

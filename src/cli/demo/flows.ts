/** The demo's flows: into the embedded ClickHouse, matched as they come, and found in the past. */
import { execFile } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { ClickHouse } from '../../clickhouse/client.js'
import { stopEngine } from '../../clickhouse/embedded/start.js'
import { quoted } from '../../clickhouse/names.js'
import { openClickHouse, tablesOf } from '../../clickhouse/open.js'
import type { Tables } from '../../clickhouse/schema.js'
import { ClickHouseError, UsageError } from '../../errors.js'
import { importFile, openFlows } from '../../flows/import.js'
import { findNfdump, type Nfdump } from '../../flows/nfdump.js'
import { makeFolder } from '../../folder.js'
import type { Hit } from '../../hits/hit.js'
import { readHits } from '../../hits/read.js'
import { silentLogger } from '../../log.js'
import { clickhouseSinkSettings } from '../../sinks/clickhouse/settings.js'
import type { Context } from '../context.js'
import { withHits } from '../hit-stores.js'
import { type DemoFlow, FLOWS } from './events.js'
import { type Packet, pcapOf } from './pcap.js'

/** What is put into the demo's config. */
export const CLICKHOUSE = 'sinks:\n  clickhouse: { backscan: 24h, embedded: { idle: 10s } }\n'
const SETTINGS = clickhouseSinkSettings.parse({ embedded: { idle: '10s' } })

/** null: it runs; else why it does not, on this machine. */
export async function whyNoEngine(dataDir: string, context: Context): Promise<string | null> {
  try {
    const db = await open(dataDir, context)
    await db.close()
    return null
  } catch (error) {
    if (error instanceof ClickHouseError) return error.message
    throw error
  }
}

export async function closeEngine(dataDir: string): Promise<void> {
  await stopEngine(dataDir)
}

export interface Brought {
  readonly flows: number
  /** Else they are rows that were made up. */
  readonly fromFile: boolean
}

/** As nfcapd would have written them, where nfdump is installed. @throws ClickHouseError */
export async function bringFlows(dataDir: string, context: Context): Promise<Brought> {
  const db = await open(dataDir, context)
  try {
    const begin = context.now() - BEGAN_SECONDS
    const tables = tablesOf(SETTINGS)
    const nfdump = await nfdumpOrNull()
    const files = nfdump ? await capture(join(dataDir, '../flows'), begin) : []
    if (nfdump === null || files.length === 0) return await insert(db, { tables, begin })
    return await importFiles(db, { tables, nfdump, files }, context)
  } finally {
    await db.close()
  }
}

/** Newest first. @throws ClickHouseError */
export async function flowHits(context: Context): Promise<readonly Hit[]> {
  return await withHits(context, async (stores) => {
    const query = { kind: 'flow', limit: 100 } as const
    return (await readHits(stores, query, context.signal)).hits
  })
}

/** An hour and a bit: nobody knew of it then. */
const BEGAN_SECONDS = 5400

function open(dataDir: string, { signal }: Context): Promise<ClickHouse> {
  return openClickHouse(SETTINGS, { dataDir, log: silentLogger(), signal })
}

async function nfdumpOrNull(): Promise<Nfdump | null> {
  try {
    return await findNfdump()
  } catch (error) {
    if (error instanceof UsageError) return null
    throw error
  }
}

/** What nfpcapd makes of it; nothing where it is missing or does not want to. */
async function capture(folder: string, begin: number): Promise<string[]> {
  makeFolder(folder)
  const pcap = join(folder, 'packets.pcap')
  writeFileSync(pcap, pcapOf(packetsOf(FLOWS, begin)))
  try {
    const env = { PATH: process.env.PATH, TZ: 'UTC' }
    await promisify(execFile)('nfpcapd', ['-r', pcap, '-w', folder, '-t', '3600'], { env })
  } catch {
    return []
  }
  return readdirSync(folder)
    .filter((name) => /^nfcapd\.\d{12}$/.test(name))
    .sort()
    .map((name) => join(folder, name))
}

const [SYN, PUSH_ACK] = [0x02, 0x18]

/** Both know each other by the second packet. */
function packetsOf(flows: readonly DemoFlow[], begin: number): Packet[] {
  return flows.flatMap(({ after, packets, ...flow }) =>
    Array.from({ length: packets }, (_, n) => ({
      ...flow,
      at: begin + after,
      flags: n === 0 ? SYN : PUSH_ACK,
    })),
  )
}

async function importFiles(
  db: ClickHouse,
  { tables, nfdump, files }: { tables: Tables; nfdump: Nfdump; files: readonly string[] },
  { signal }: Context,
): Promise<Brought> {
  const importing = { db, tables, nfdump, signal, progress: () => undefined }
  const target = await openFlows(importing)
  let flows = 0
  for (const file of files) {
    const imported = await importFile(importing, target, { file, flowsrc: 'demo' })
    if (imported.outcome === 'imported') flows += imported.flows
  }
  return { flows, fromFile: true }
}

async function insert(
  db: ClickHouse,
  { tables, begin }: { tables: Tables; begin: number },
): Promise<Brought> {
  const rows = FLOWS.map(({ after, sa, da, sp, dp, protocol = 6, packets }) => {
    const at = begin + after
    const flags = protocol !== 6 ? '........' : packets > 1 ? '...AP.S.' : '......S.'
    return [at, at, sa, da, sp, dp, protocol, flags, packets, packets * 40, 'demo']
  })
  const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt', 'flowsrc']
  await db.insert({ table: quoted(tables.flows), columns, rows })
  return { flows: rows.length, fromFile: false }
}

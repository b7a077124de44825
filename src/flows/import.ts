/**
 * nfcapd files into `flows`, each once. A file goes in blocks of fixed size, each with a token made of
 * the file's hash and the block's number: where a kill left half a file behind, the blocks that are
 * there are recognised when it comes again, and the rest follows.
 */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { basename } from 'node:path'
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes, layoutOf } from '../clickhouse/columns.js'
import { quoted } from '../clickhouse/names.js'
import { prepare } from '../clickhouse/prepare.js'
import { filesTable, flowTables, type Tables } from '../clickhouse/schema.js'
import { FlowFileError } from '../errors.js'
import { checkFile, flowLines, type Nfdump } from './nfdump.js'
import { type RowReader, rowReader, writableColumns } from './rows.js'

export interface Importing {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly nfdump: Nfdump
  /** Told after each block, with the number of flows so far. */
  readonly progress: (flows: number) => void
  readonly signal: AbortSignal
}

export interface Target {
  readonly columns: readonly string[]
  readonly numbers: boolean
  /** Whether the table knows blocks again; else a kill in the middle may double some. */
  readonly deduplicates: boolean
}

export type Imported =
  | {
      readonly file: string
      readonly outcome: 'imported'
      readonly flows: number
      readonly odd: number
    }
  | { readonly file: string; readonly outcome: 'known' }
  | { readonly file: string; readonly outcome: 'aside'; readonly reason: string }

/** Flows in a block: large enough to be cheap, small enough to be tried again. */
const BLOCK = 100_000

/** Creates what is missing and looks at what is there. @throws ClickHouseError */
export async function openFlows({ db, tables, signal }: Importing): Promise<Target> {
  const files = filesTable(tables)
  const there = await columnTypes(db, tables.flows, signal)
  const { flows } = flowTables(tables)
  await prepare(db, there.size > 0 ? [files] : [flows, files], signal)
  const columns = there.size > 0 ? there : await columnTypes(db, tables.flows, signal)
  const { sql } = await db.row<{ sql: string }>(
    `SELECT create_table_query AS sql FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params: { ...tables.flows }, signal },
  )
  return {
    columns: writableColumns([...columns.keys()]),
    numbers: layoutOf(columns) === 'number',
    deduplicates: /non_replicated_deduplication_window = [1-9]|Replicated/.test(sql),
  }
}

/** Never throws for what is wrong with the file. @throws ClickHouseError; the signal's reason */
export async function importFile(
  importing: Importing,
  target: Target,
  { file, flowsrc }: { file: string; flowsrc: string },
): Promise<Imported> {
  try {
    const facts = await factsOf(file, flowsrc)
    if (await isKnown(importing, facts)) return { file, outcome: 'known' }
    await checkFile(file)
    const counts = await pour(importing, target, { file, facts })
    await record(importing, { ...facts, outcome: 'imported', flows: counts.flows, reason: '' })
    return { file, outcome: 'imported', ...counts }
  } catch (error) {
    if (!(error instanceof FlowFileError)) throw error
    return { file, outcome: 'aside', reason: error.message }
  }
}

interface Facts {
  readonly name: string
  readonly flowsrc: string
  readonly size: number
  readonly modified: number
  readonly hash: string
}

/** Names repeat when daylight saving time ends; the content does not. @throws FlowFileError */
async function factsOf(file: string, flowsrc: string): Promise<Facts> {
  try {
    const { size, mtimeMs } = statSync(file)
    const hash = createHash('sha256')
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
    const modified = Math.floor(mtimeMs / 1000)
    return { name: basename(file), flowsrc, size, modified, hash: hash.digest('hex') }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new FlowFileError({ what: `${file} can not be read (${code})`, file, cause })
  }
}

async function isKnown({ db, tables, signal }: Importing, facts: Facts): Promise<boolean> {
  const { n } = await db.row<{ n: string }>(
    `SELECT count() AS n FROM ${quoted(filesTable(tables).name)}
     WHERE flowsrc = {flowsrc:String} AND hash = {hash:String} AND outcome = 'imported'`,
    { params: { flowsrc: facts.flowsrc, hash: facts.hash }, signal },
  )
  return Number(n) > 0
}

async function record(
  { db, tables, signal }: Importing,
  facts: Facts & { outcome: string; flows: number; reason: string },
): Promise<void> {
  const { name, flowsrc, size, modified, hash, outcome, flows, reason } = facts
  await db.insert({
    table: quoted(filesTable(tables).name),
    columns: ['flowsrc', 'hash', 'name', 'size', 'modified', 'outcome', 'flows', 'reason'],
    rows: [[flowsrc, hash, name, size, modified, outcome, flows, reason]],
    signal,
  })
}

async function pour(
  importing: Importing,
  { columns, numbers }: Target,
  { file, facts }: { file: string; facts: Facts },
): Promise<{ flows: number; odd: number }> {
  const { nfdump, signal, progress } = importing
  const read = rowReader({ isFull: nfdump.isFull, columns, numbers, flowsrc: facts.flowsrc })
  const counts = { flows: 0, odd: 0 }
  let block: (readonly (string | number)[])[] = []
  let number = 0
  const flush = async () => {
    const token = `${facts.flowsrc} ${facts.hash}:${number++}`
    await insertBlock(importing, { columns, rows: block, token })
    counts.flows += block.length
    progress(counts.flows)
    block = []
  }
  for await (const line of flowLines(nfdump, file, signal)) {
    const row = rowOrOdd(read, line, counts)
    if (row) block.push(row)
    if (block.length === BLOCK) await flush()
  }
  if (block.length > 0) await flush()
  return counts
}

function rowOrOdd(read: RowReader, line: string, counts: { odd: number }) {
  const row = read(line)
  if (row === null && line !== 'No matching flows') counts.odd += 1
  return row
}

async function insertBlock(
  { db, tables, signal }: Importing,
  block: {
    readonly columns: readonly string[]
    readonly rows: readonly (readonly (string | number)[])[]
    readonly token: string
  },
): Promise<void> {
  await db.insert({
    table: quoted(tables.flows),
    columns: block.columns,
    rows: block.rows,
    settings: {
      insert_deduplication_token: block.token,
      // What the views make of a block is to be known again too.
      deduplicate_blocks_in_dependent_materialized_views: 1,
      materialized_views_ignore_errors: 1,
      // One block is one part of each day: a token stands for all of it or nothing.
      max_insert_block_size: String(BLOCK * 2),
      min_insert_block_size_rows: String(BLOCK * 2),
      min_insert_block_size_bytes: '1000000000',
      input_format_parallel_parsing: 0,
      async_insert: 0,
    },
    signal,
  })
}

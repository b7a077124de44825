/**
 * nfcapd files into `flows`, each once. A file goes in blocks of fixed size, each with a token made of
 * the file's hash and the block's number: where a kill left half a file behind, the blocks that are
 * there are recognised when it comes again, and the rest follows.
 */
import { Readable } from 'node:stream'
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes, layoutOf } from '../clickhouse/columns.js'
import { identifier, quoted } from '../clickhouse/names.js'
import { prepare } from '../clickhouse/prepare.js'
import { deduplicates } from '../clickhouse/repairs.js'
import { filesTable, flowTables, type Tables } from '../clickhouse/schema.js'
import { FlowFileError } from '../errors.js'
import { type Block, blocksOf } from './blocks.js'
import { expressionsFor, INPUT, READING, WITH, writableColumns } from './fields.js'
import {
  type Facts,
  factsOf,
  hashOf,
  type KnownFile,
  lastOf,
  remember,
  sameContent,
} from './files.js'
import { checkFile, flowText, type Nfdump } from './nfdump.js'

export interface Importing {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly nfdump: Nfdump
  /** Told after each block, with the number of flows so far. */
  readonly progress: (flows: number) => void
  readonly signal: AbortSignal
}

/** A table of flows, and how it is filled. */
export interface Target {
  /** Without its parameter `flowsrc`. */
  readonly insert: string
  /** Whether the table knows blocks again; else a kill in the middle may double some. */
  readonly deduplicates: boolean
}

export type Imported =
  | {
      readonly file: string
      readonly outcome: 'imported'
      readonly flows: number
      /** Lines of nfdump's that are no flow. */
      readonly odd: number
    }
  | { readonly file: string; readonly outcome: 'known' }
  | { readonly file: string; readonly outcome: 'aside'; readonly reason: string }

/** Flows in a block: large enough to be cheap, small enough to be tried again. */
const BLOCK = 100_000

/** Creates what is missing and looks at what is there. @throws ClickHouseError */
export async function openFlows({
  db,
  tables,
  signal,
}: Omit<Importing, 'nfdump' | 'progress'>): Promise<Target> {
  const files = filesTable(tables)
  const there = await columnTypes(db, tables.flows, signal)
  const { flows } = flowTables(tables)
  await prepare(db, there.size > 0 ? [files] : [flows, files], signal)
  const types = there.size > 0 ? there : await columnTypes(db, tables.flows, signal)
  const columns = writableColumns([...types.keys()])
  const expressions = expressionsFor(columns, layoutOf(types) === 'number')
  return {
    insert: `INSERT INTO ${quoted(tables.flows)} (${columns.map(identifier).join(', ')})
      ${WITH}
      SELECT ${expressions.join(', ')} FROM input('${INPUT}') FORMAT CSV`,
    deduplicates: await deduplicates(db, tables.flows, signal),
  }
}

/** Never throws for what is wrong with the file. @throws ClickHouseError; the signal's reason */
export async function importFile(
  importing: Importing,
  target: Target,
  { file, flowsrc }: { file: string; flowsrc: string },
): Promise<Imported> {
  try {
    const facts = factsOf(file, flowsrc)
    const last = await lastOf(importing, facts)
    if (last && last.size === facts.size && last.modified === facts.modified) {
      return { file, outcome: 'known' }
    }
    const hash = await hashOf(file)
    const same = await sameContent(importing, { flowsrc, hash })
    if (same) {
      await remember(importing, { ...same, ...facts })
      return { file, outcome: 'known' }
    }
    return await importNew(importing, target, { file, facts, hash, last })
  } catch (error) {
    if (!(error instanceof FlowFileError)) throw error
    return { file, outcome: 'aside', reason: error.message }
  }
}

interface NewFile {
  readonly file: string
  readonly facts: Facts
  readonly hash: string
  /** What was imported of this path before, when it held less. */
  readonly last: KnownFile | null
}

async function importNew(importing: Importing, target: Target, given: NewFile): Promise<Imported> {
  const { file, facts, hash } = given
  const known = { ...facts, hash, flows: 0, print: '', reason: '' }
  try {
    await checkFile(file)
    const poured = await pour(importing, target, given)
    const { flows, print, odd } = poured
    await remember(importing, { ...known, outcome: 'imported', flows, print })
    return { file, outcome: 'imported', flows: flows - poured.before, odd }
  } catch (error) {
    if (!(error instanceof FlowFileError)) throw error
    await remember(importing, { ...known, outcome: 'aside', reason: error.message })
    throw error
  }
}

interface Poured {
  /** In the file, and how many of them were there before. */
  readonly flows: number
  readonly before: number
  readonly print: string
  readonly odd: number
}

/**
 * When clocks go back, nfcapd finds that a file has its name, and appends to that. What was imported
 * then is left out now, if it is the same, flow for flow.
 */
async function pour(importing: Importing, target: Target, given: NewFile): Promise<Poured> {
  const { last } = given
  const rest =
    last && last.flows > 0 ? await pourBlocks(importing, target, { ...given, last }) : null
  return rest ?? (await pourBlocks(importing, target, { ...given, last: null }))!
}

/** null: the file does not begin with what was imported of it. */
async function pourBlocks(
  importing: Importing,
  target: Target,
  { file, facts, hash, last }: NewFile,
): Promise<Poured | null> {
  const { nfdump, signal, progress } = importing
  const before = last?.flows ?? 0
  const oddities = { odd: 0 }
  const cut = { size: BLOCK, cut: before, oddities }
  let [flows, print, number] = [0, '', 0]
  // While ClickHouse works on a block, nfdump prints the next.
  let inserted: Promise<void> = Promise.resolve()
  try {
    for await (const block of blocksOf(flowText(nfdump, file, signal), cut)) {
      flows += block.flows
      print = block.print
      if (flows === before && print !== last?.print) return null
      if (flows <= before) continue
      await inserted
      progress(flows - block.flows - before)
      const token = `${facts.flowsrc} ${hash}:${number++}`
      inserted = insertBlock(importing, target, { block, token, flowsrc: facts.flowsrc })
      // Its failure is thrown where it is waited for.
      inserted.catch(() => undefined)
    }
    if (flows < before) return null
  } finally {
    await inserted
  }
  progress(flows - before)
  return { flows, before, print, odd: oddities.odd }
}

async function insertBlock(
  { db, signal }: Importing,
  { insert }: Target,
  { block, token, flowsrc }: { block: Block; token: string; flowsrc: string },
): Promise<void> {
  await db.pour({
    query: insert,
    data: Readable.from(block.pieces, { objectMode: false }),
    params: { flowsrc },
    settings: {
      ...READING,
      insert_deduplication_token: token,
      // What the views make of a block is to be known again too.
      deduplicate_blocks_in_dependent_materialized_views: 1,
      materialized_views_ignore_errors: 1,
      // One block is one part of each day: a token stands for all of it or nothing.
      max_insert_threads: '1',
      max_insert_block_size: String(BLOCK * 2),
      min_insert_block_size_rows: String(BLOCK * 2),
      min_insert_block_size_bytes: '1000000000',
      async_insert: 0,
    },
    signal,
  })
}

/** `tipline flows import` and `tipline flows watch`: nfcapd files into ClickHouse. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { ClickHouseError, EXIT, UsageError } from '../errors.js'
import {
  type Imported,
  type Importing,
  importFile,
  openFlows,
  type Target,
} from '../flows/import.js'
import { findNfdump } from '../flows/nfdump.js'
import { type Found, findFiles, type Watched } from '../flows/watch.js'
import { printable } from '../log.js'
import type { Context } from './context.js'
import { type Base, openBase } from './wiring.js'

export interface FlowsOptions {
  readonly flowsrc?: string
  readonly once?: boolean
}

const POLL_MS = 5000

export async function importCommand(
  context: Context,
  files: readonly string[],
  { flowsrc = '' }: FlowsOptions,
): Promise<number> {
  return await withFlows(context, async (importing, target) => {
    const done: Imported[] = []
    for (const file of files) done.push(await importFile(importing, target, { file, flowsrc }))
    context.out.answer({ files: done }, () => done.map(lineOf))
    return statusOf(done)
  })
}

/** Ends with SIGTERM or SIGINT, after the block that is under way. */
export async function watchCommand(
  context: Context,
  folders: readonly string[],
  { once = false }: FlowsOptions,
): Promise<number> {
  const watched = folders.map(parseWatched)
  return await withFlows(context, async (importing, target, { log }) => {
    const seen = new Set<string>()
    const done: Imported[] = []
    while (!context.signal.aborted) {
      for (const found of watched.flatMap(findFiles)) {
        if (seen.has(found.mark) || context.signal.aborted) continue
        const imported = await tryFile(importing, target, { found, log })
        if (imported === null) break
        seen.add(found.mark)
        log[imported.outcome === 'aside' ? 'warn' : 'info']({ file: found.file }, lineOf(imported))
        if (once) done.push(imported)
      }
      if (once) break
      await sleep(POLL_MS, undefined, { signal: context.signal }).catch(() => undefined)
    }
    context.out.answer({ files: done }, () => done.map(lineOf))
    return once ? statusOf(done) : EXIT.done
  })
}

/** null: ClickHouse is not there; the file's turn comes again. */
async function tryFile(
  importing: Importing,
  target: Target,
  { found, log }: { found: Found } & Pick<Base, 'log'>,
): Promise<Imported | null> {
  try {
    return await importFile(importing, target, found)
  } catch (error) {
    if (importing.signal.aborted) return null
    if (!(error instanceof ClickHouseError)) throw error
    log.warn({ file: found.file }, `${error.message}; trying again in a moment`)
    return null
  }
}

async function withFlows(
  context: Context,
  work: (importing: Importing, target: Target, base: Base) => Promise<number>,
): Promise<number> {
  const base = await openBase(context)
  const { config, log } = base
  const { signal } = context
  const settings = config.sinks.clickhouse
  if (!settings) throw new UsageError(NO_CLICKHOUSE)
  const nfdump = await findNfdump()
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const tables = tablesOf(settings)
    const counted = (flows: number) => log.debug({ flows }, 'a block was stored')
    const importing = { db, tables, nfdump, progress: counted, signal }
    const target = await openFlows(importing)
    if (!target.deduplicates) log.warn(NO_WINDOW)
    return await work(importing, target, base)
  } finally {
    await db.close()
  }
}

const NO_CLICKHOUSE = {
  what: 'the config has no ClickHouse',
  hint: 'add `clickhouse: {}` under `sinks` for the embedded one',
}

const NO_WINDOW =
  'the table of flows keeps no deduplication window: where an import is killed in the middle, some flows may be stored twice. ALTER TABLE ... MODIFY SETTING non_replicated_deduplication_window = 100000 sets it'

/** `DIR`, or `LABEL=DIR`. */
function parseWatched(argument: string): Watched {
  const at = argument.indexOf('=')
  if (at < 0) return { folder: argument, flowsrc: '' }
  return { folder: argument.slice(at + 1), flowsrc: argument.slice(0, at) }
}

function statusOf(done: readonly Imported[]): number {
  return done.some(({ outcome }) => outcome === 'aside') ? EXIT.nothing : EXIT.done
}

function lineOf(imported: Imported): string {
  const file = printable(imported.file)
  switch (imported.outcome) {
    case 'known':
      return `${file}: was imported before`
    case 'aside':
      return `${file}: set aside: ${printable(imported.reason)}`
    default: {
      const odd = imported.odd > 0 ? `, ${imported.odd} odd lines left out` : ''
      return `${file}: ${imported.flows} flows${odd}`
    }
  }
}

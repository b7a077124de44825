/** `tipline flows import` and `tipline flows watch`: nfcapd files into ClickHouse. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { EXIT, UsageError } from '../errors.js'
import { labelAt, type Watched, watchedOf } from '../flows/folders.js'
import { type Imported, type Importing, importFile, openFlows } from '../flows/import.js'
import { countFlows, findNfdump } from '../flows/nfdump.js'
import { FlowWatcher } from '../flows/watcher.js'
import { importedWords, NO_WINDOW } from '../flows/words.js'
import { printable } from '../log.js'
import { Outages } from '../outage.js'
import { limitSeconds } from '../policy/duration.js'
import { type ClickHouseSinkSettings, NO_CLICKHOUSE } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { tellNewFloods } from './floods.js'
import { Progress } from './progress.js'
import { type Base, openBase } from './wiring.js'

export interface FlowsOptions {
  readonly flowsrc?: string
  readonly once?: boolean
}

interface Parts extends Base {
  readonly settings: ClickHouseSinkSettings
  readonly progress: Progress
}

export async function importCommand(
  context: Context,
  files: readonly string[],
  options: FlowsOptions,
): Promise<number> {
  return await withClickHouse(context, async (parts) => {
    const { config, log, settings, progress } = parts
    const { signal } = context
    const nfdump = await findNfdump()
    const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
    try {
      const importing = { db, tables: tablesOf(settings), nfdump, signal }
      const target = await openFlows(importing)
      if (!target.deduplicates) log.warn(NO_WINDOW)
      const watched = watchedBy(config.flows)
      const done: Imported[] = []
      for (const file of files) {
        const shown = await showing(progress, { file, left: files.length - done.length })
        const work: Importing = { ...importing, progress: shown }
        // Else a file that is watched too would be another one, and its flows stand there twice.
        const flowsrc = options.flowsrc ?? labelAt(file, watched)
        done.push(await importFile(work, target, { file, flowsrc }))
      }
      progress.end()
      await tellNewFloods(parts, context)
      return answer(context, done)
    } finally {
      await db.close()
    }
  })
}

/** Draws how far a file has got; how many flows it holds, nfdump knows beforehand. */
async function showing(
  progress: Progress,
  { file, left }: { file: string; left: number },
): Promise<(flows: number) => void> {
  if (!progress.isShown) return () => undefined
  const total = (await countFlows(file)) ?? 0
  const more = left > 1 ? `, ${left - 1} files to come` : ''
  const show = (flows: number) => {
    const done = `${flows.toLocaleString('en-US')} flows${more}`
    progress.draw(file, { value: flows, total: Math.max(total, flows, 1), done })
  }
  show(0)
  return show
}

/**
 * SIGTERM and SIGINT end it, after the block that is under way: well, as that is how it is meant to end. With
 * `once` they cut it short.
 */
export async function watchCommand(
  context: Context,
  given: readonly string[],
  { once = false }: FlowsOptions,
): Promise<number> {
  return await withClickHouse(context, async (parts) => {
    const { config, log, metrics, settings, progress } = parts
    const { signal } = context
    const watcher = new FlowWatcher({
      folders: foldersOf(given, config.flows),
      everyMs: limitSeconds(config.flows.every) * 1000,
      connect: () => openClickHouse(settings, { dataDir: config.dataDir, log, signal }),
      tables: tablesOf(settings),
      log,
      metrics,
      outage: new Outages(log).of({ part: 'flows' }),
      onProgress: (state) => {
        if (state === null) return progress.end()
        const done = `${state.flows.toLocaleString('en-US')} flows, ${state.waiting} files to do`
        progress.draw(state.file, { value: state.flows, total: state.flows + 1, done })
      },
      afterPass: () => tellNewFloods(parts, context),
    })
    try {
      if (once) return answer(context, await watcher.pass(signal))
      await untilStopped(watcher, signal)
      context.out.answer({ files: [] }, () => [])
      return EXIT.done
    } finally {
      await watcher.close()
    }
  })
}

/** What is wrong with folders, nfdump or ClickHouse from the beginning is told at once. */
async function untilStopped(watcher: FlowWatcher, signal: AbortSignal): Promise<void> {
  try {
    await watcher.pass(signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
  await watcher.run(signal)
}

/** From the command line: `DIR`, or `LABEL=DIR`; else from the config. */
function foldersOf(given: readonly string[], settings: Parts['config']['flows']): Watched[] {
  if (given.length === 0 && settings.watch.length === 0) {
    const hint = 'name one, or put it under flows.watch in the config'
    throw new UsageError({ what: 'there is no folder to watch', hint })
  }
  if (given.length === 0) return watchedBy(settings)
  return given.map((argument) => {
    const at = argument.indexOf('=')
    return watchedOf(argument.slice(at + 1), at < 0 ? '' : argument.slice(0, at))
  })
}

function watchedBy({ watch }: Parts['config']['flows']): Watched[] {
  return watch.map(({ folder, label }) => watchedOf(folder, label))
}

async function withClickHouse(
  context: Context,
  work: (parts: Parts) => Promise<number>,
): Promise<number> {
  const shown = process.stderr.isTTY === true && !context.out.json
  const progress = await Progress.open({ shown })
  try {
    const base = await openBase(context, (line) => progress.log(line))
    const settings = base.config.sinks.clickhouse
    if (!settings) throw new UsageError(NO_CLICKHOUSE)
    return await work({ ...base, settings, progress })
  } finally {
    progress.end()
  }
}

/** A file that was set aside makes the exit status 1. */
function answer(context: Context, done: readonly Imported[]): number {
  context.out.answer({ files: done }, () => done.map(importedLine))
  return done.some(({ outcome }) => outcome === 'aside') ? EXIT.nothing : EXIT.done
}

/** The reason names the file by itself. */
function importedLine(imported: Imported): string {
  const words = importedWords(imported)
  return imported.outcome === 'aside' ? words : `${printable(imported.file)}: ${words}`
}

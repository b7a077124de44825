/** `tipline enrich`: log lines in, log lines out, hits told in them. */

import { statSync } from 'node:fs'
import { EXIT, Interrupted, UsageError } from '../errors.js'
import type { Recorder } from '../hits/recorder.js'
import { Crew, inFlightOf } from '../match/logs/crew.js'
import { enrich, noCounts } from '../match/logs/enrich.js'
import type { References } from '../match/logs/enrichment.js'
import type { FieldMap } from '../match/logs/field-map.js'
import { PRESETS, type PresetName } from '../match/logs/presets.js'
import type { Context } from './context.js'
import { dataFolder } from './data-folder.js'
import { type LogInput, openInputs } from './enrich-input.js'
import { EnrichProgress } from './enrich-progress.js'
import { type EnrichStats, statsDocument, statsLines } from './enrich-stats.js'
import { Outlet, openOutlet, ReaderGone } from './outlet.js'
import { jsonText } from './output.js'

export interface EnrichCommandOptions {
  readonly preset?: PresetName
  readonly fields?: string
  readonly onlyHits?: boolean
  readonly hits?: string
  readonly legacy?: boolean
  readonly stats?: boolean
  readonly threads?: number
  readonly explainFields?: boolean
  readonly record?: boolean
  readonly label?: string
}

export async function enrichCommand(
  context: Context,
  { files, ...options }: EnrichCommandOptions & { files: readonly string[] },
): Promise<number> {
  const fields = await fieldsOf(options)
  const inputs = openInputs(files, context.signal)
  try {
    if (options.explainFields) {
      const { explainFields } = await import('./enrich-explain.js')
      return await explainFields(context, { fields, inputs })
    }
    if (options.hits !== undefined) spareInputs(options.hits, inputs)
    return await matchAll(context, { fields, inputs, options })
  } catch (error) {
    throw error instanceof Interrupted ? inTheMiddle(error) : error
  } finally {
    for (const input of inputs) input.close()
  }
}

/** Opening the file of hits empties it. @throws UsageError where it is one of the logs */
function spareInputs(hits: string, inputs: readonly LogInput[]): void {
  const there = statSync(hits, { throwIfNoEntry: false })
  if (!there?.isFile() || !inputs.some((input) => input.isFile(there))) return
  throw new UsageError({ what: '--hits names a file that is read', hint: 'name another file' })
}

/** Unlike other work this does not go on where it was. */
function inTheMiddle({ signal, cause }: Interrupted): Interrupted {
  return new Interrupted({
    what: `stopped by ${signal}; the lines that were written are whole`,
    hint: 'a new run begins again with the first line',
    signal,
    cause,
  })
}

/** What reads YAML is loaded only where there is a file. */
async function fieldsOf({ fields, preset }: EnrichCommandOptions): Promise<FieldMap> {
  if (fields === undefined) return PRESETS[preset ?? 'ecs']
  const { readFields } = await import('./enrich-fields.js')
  return readFields(fields, preset)
}

interface Asked {
  readonly fields: FieldMap
  readonly inputs: readonly LogInput[]
  readonly options: EnrichCommandOptions
}

async function matchAll(context: Context, { fields, inputs, options }: Asked): Promise<number> {
  const ledger = await ledgerOf(context)
  const { threads = 1 } = options
  const crew = new Crew({
    fields,
    legacy: options.legacy === true,
    record: options.record === true,
    threads,
    ...ledger,
  })
  const recorder = options.record ? await openRecorder(context, ledger) : null
  try {
    const hits = options.hits === undefined ? null : await openOutlet(options.hits, context.signal)
    await enrichAll(context, { crew, inputs, options, recorder, hits })
  } finally {
    await crew.close()
  }
  return (recorder?.counts.lost ?? 0) > 0 ? EXIT.outside : EXIT.done
}

/** The folder of the ledger, and where the events of its sources can be looked at. */
async function ledgerOf(context: Context): Promise<{ dataDir: string; references: References }> {
  const { options, env } = context
  const dataDir = await dataFolder(context)
  if (options.dataDir !== undefined) return { dataDir, references: {} }
  const { findLinks, linksOf } = await import('../config/links.js')
  const references = await findLinks(options.config, env)
  if (references !== undefined) return { dataDir, references }
  const { loadConfig } = await import('../config/load.js')
  return { dataDir, references: linksOf((await loadConfig(options.config, env)).sources) }
}

/** Loaded, and the log with it, only where hits are recorded. */
async function openRecorder(
  { options: { logLevel = 'warn' } }: Context,
  { dataDir }: { dataDir: string },
): Promise<Recorder> {
  const { createLogger } = await import('../log.js')
  const { Metrics } = await import('../metrics.js')
  const { Recorder } = await import('../hits/recorder.js')
  const log = await createLogger({ level: logLevel, pretty: process.stderr.isTTY === true })
  return new Recorder({ dataDir, log, metrics: new Metrics() })
}

interface Work {
  readonly crew: Crew
  readonly inputs: readonly LogInput[]
  readonly options: EnrichCommandOptions
  readonly recorder: Recorder | null
  readonly hits: Outlet | null
}

async function enrichAll(
  context: Context,
  { crew, inputs, options, recorder, hits }: Work,
): Promise<void> {
  const counts = noCounts()
  const started = performance.now()
  const progress = await EnrichProgress.open(inputs, counts)
  const out = new Outlet(process.stdout, context.signal)
  const occasion = { way: 'enrich', label: options.label ?? '' } as const
  try {
    let endsOpen = false
    for (const input of inputs) {
      if (endsOpen) await out.write([Buffer.from('\n')])
      const result = await enrich(input.parts(), {
        match: (lines) => crew.match(lines),
        inFlight: inFlightOf(options.threads ?? 1),
        onlyHits: options.onlyHits === true,
        write: (pieces) => out.write(pieces),
        writeHit: hits && ((pieces) => hits.write(pieces)),
        record: recorder && ((lines) => recorder.add(lines, occasion)),
        counts,
      })
      input.close()
      endsOpen = result.endsOpen
    }
  } catch (error) {
    // Who closes our output wants no more of it; that is no failure.
    if (!(error instanceof ReaderGone)) throw error
  } finally {
    progress.end()
    try {
      await hits?.end()
    } finally {
      await recorder?.close()
      const seconds = (performance.now() - started) / 1000
      if (options.stats) tellStats(context, { counts, seconds, recorded: recorder?.counts ?? null })
    }
  }
}

/** stdout holds the lines, so it goes to stderr. */
function tellStats(context: Context, stats: EnrichStats): void {
  const text = context.out.json
    ? jsonText(statsDocument(stats))
    : `${statsLines(stats).join('\n')}\n`
  process.stderr.write(text)
}

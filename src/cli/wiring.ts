/**
 * Every part that a command works with, made and put together in one place, and closed in reverse.
 */
import { closing } from '../closing.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { type Ledger, openLedger } from '../ledger/ledger.js'
import { createLogger, type Logger, type LogLevel } from '../log.js'
import { Metrics } from '../metrics.js'
import { parseDuration } from '../policy/duration.js'
import { createPolicy } from '../policy/policy.js'
import { createSinks } from '../sinks/registry.js'
import type { Sink } from '../sinks/sink.js'
import { Deriver } from '../sync/derive.js'
import { loadLists } from '../sync/lists.js'
import { openSource } from '../sync/open-source.js'
import type { Source } from '../sync/source.js'
import type { CommonOptions, Context } from './context.js'
import { openLogFile } from './log-file.js'
import { hasColours } from './output.js'

/** What comes of the config alone; nothing to close. */
export interface Base {
  readonly config: LoadedConfig
  readonly log: Logger
  readonly metrics: Metrics
  /** What never is to be written to the log; it may grow. */
  readonly secrets: string[]
}

/** What writing to the sinks takes. */
export interface Shipping extends Base {
  readonly ledger: Ledger
  readonly sinks: readonly Sink[]
}

/** What a whole cycle takes. */
export interface Syncing extends Shipping {
  readonly sources: readonly Source[]
  readonly deriver: Deriver
}

/** Receives the log's lines, so that they do not run through a progress bar. */
export type LogSink = (line: string) => void

/** @throws ConfigError */
export async function openBase(context: Context, onLog?: LogSink): Promise<Base> {
  const config = await loadConfig(context.options.config, context.env)
  const secrets = [...config.secrets]
  context.secrets = secrets
  const { logFile } = context.options
  const log = await createLogger({
    level: levelOf(context.options) ?? config.log.level,
    secrets,
    ...(logFile === undefined
      ? {
          pretty: config.log.pretty ?? process.stderr.isTTY === true,
          colours: hasColours(process.stderr, context.env),
          ...(onLog && { destination: { write: onLog } }),
        }
      : { pretty: config.log.pretty ?? false, colours: false, destination: openLogFile(logFile) }),
  })
  for (const warning of config.warnings) log.warn(warning)
  for (const note of config.notes) log.info(note)
  return { config, log, metrics: new Metrics(), secrets }
}

function levelOf({ logLevel, debug }: CommonOptions): LogLevel | undefined {
  return logLevel ?? (debug ? 'debug' : undefined)
}

/** @throws ConfigError, LedgerError */
export async function withShipping<T>(
  context: Context,
  work: (parts: Shipping) => Promise<T>,
): Promise<T> {
  const base = await openBase(context)
  return closing(async (later) => {
    const ledger = await openLedger(base.config.dataDir)
    later(() => ledger.close())
    const sinks = await openSinks(context, base)
    later(() => closeAll(sinks))
    return work({ ...base, ledger, sinks })
  })
}

/** @throws ConfigError, LedgerError; SourceError where a MISP's lists can't be had */
export async function withSyncing<T>(
  context: Context,
  base: Base,
  work: (parts: Syncing) => Promise<T>,
): Promise<T> {
  const { config, log, metrics } = base
  return closing(async (later) => {
    // Its thread starts while the lists are read.
    const opening = openLedger(config.dataDir)
    const closed = opening.then(
      (ledger) => () => ledger.close(),
      () => async () => undefined,
    )
    later(async () => (await closed)())
    const deriver = await openDeriver(context, base)
    const ledger = await opening
    const sources = config.sources.map((settings) => openSource(settings, { log, metrics }))
    later(() => closeAll(sources))
    const sinks = await openSinks(context, base)
    later(() => closeAll(sinks))
    return work({ ...base, ledger, deriver, sources, sinks })
  })
}

/** Connects nowhere yet. */
export function openSinks(
  context: Context,
  { config, log, metrics }: Omit<Base, 'secrets'>,
): Promise<Sink[]> {
  const deps = {
    log,
    metrics,
    sourceNames: config.sources.map(({ name }) => name),
    dataDir: config.dataDir,
    networks: config.networks,
    // null: for ever.
    keepHits: parseDuration(config.keep.hits),
    clock: () => context.now(),
  }
  return createSinks(config.sinks, deps)
}

async function openDeriver(context: Context, { config, log, metrics }: Base): Promise<Deriver> {
  const { policy: settings, sources, dataDir } = config
  const lists = await loadLists({
    policy: settings,
    sources,
    dataDir,
    deps: { log, metrics },
    now: context.now(),
    signal: context.signal,
  })
  const policy = createPolicy(settings, lists)
  for (const warning of policy.warnings) log.warn(warning)
  return new Deriver(policy)
}

export async function closeAll(parts: readonly { close(): Promise<void> }[]): Promise<void> {
  await Promise.all(parts.map((part) => part.close()))
}

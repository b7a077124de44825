/** `tipline sync`: one cycle, from the sources into the ledger, from there into every sink. */
import { setFlagsFromString } from 'node:v8'
import { EXIT, LedgerBusy } from '../errors.js'
import { forgetOldHits } from '../hits/erase.js'
import { totals } from '../ledger/knowledge.js'
import { acquireLock, type Lock } from '../ledger/lock.js'
import { limitSeconds } from '../policy/duration.js'
import { checkAccepted } from '../sync/accepting.js'
import { sync } from '../sync/sync.js'
import { type Cycle, type SyncDocument, syncDocument } from '../sync/sync-document.js'
import { askDaemon, daemonAnswers } from './ask-daemon.js'
import type { Context } from './context.js'
import { tellNewFloods } from './floods.js'
import { Progress } from './progress.js'
import { syncLines } from './sync-report.js'
import { type Base, openBase, type Syncing, withSyncing } from './wiring.js'

export interface SyncOptions {
  readonly accept?: readonly string[]
  readonly wait?: boolean
}

/**
 * A large sync makes much garbage and keeps little. V8 lets the heap grow several times over before it
 * collects old objects; in this process it shall not.
 */
const THRIFTY = '--heap-growing-percent=40'

export async function syncCommand(context: Context, options: SyncOptions): Promise<number> {
  setFlagsFromString(THRIFTY)
  const shown = process.stderr.isTTY === true && !context.out.json
  const progress = await Progress.open({ shown })
  const base = await openBase(context, (line) => progress.log(line))
  const lock = await lockOrAnother(context, { base, options })
  if (typeof lock === 'number') return lock
  try {
    const cycle = await withSyncing(context, base, (parts) =>
      runCycle(context, { parts, progress, accept: options.accept ?? [] }),
    )
    progress.end()
    if (isServed(cycle)) await lookAtFlows(base, context)
    const { config, log } = base
    const keepSeconds = limitSeconds(config.keep.hits)
    await forgetOldHits({ dataDir: config.dataDir, keepSeconds, now: context.now(), log })
    return tell(context, syncDocument(cycle, context.configArgument))
  } finally {
    progress.end()
    lock.release()
  }
}

function tell(context: Context, document: SyncDocument): number {
  context.out.answer(document, () => syncLines(document, context))
  return document.exit_status
}

/** Whether ClickHouse has what the ledger has. */
function isServed({ report }: Cycle): boolean {
  return report.sinks.some(({ sink, ok }) => sink === 'clickhouse' && ok)
}

/** At those of the past, where the config says so; and whether an indicator meets too many. */
async function lookAtFlows(base: Base, context: Context): Promise<void> {
  if (base.config.sinks.clickhouse?.backscan !== undefined) {
    const { backscanAfterSync } = await import('./backscan.js')
    await backscanAfterSync(base, context)
  }
  await tellNewFloods(base, context)
}

export interface CycleOptions {
  readonly parts: Syncing
  readonly progress: Progress
  readonly accept: readonly string[]
}

/** The caller holds the sync lock. @throws UsageError for an id of nothing that is withheld */
export async function runCycle(
  context: Context,
  { parts, progress, accept }: CycleOptions,
): Promise<Cycle> {
  const { config, ledger, sources, sinks, deriver, log, metrics } = parts
  const started = performance.now()
  checkAccepted(accept, ledger.db)
  const report = await sync({
    dataDir: config.dataDir,
    ledger,
    sources,
    sinks,
    deriver,
    guard: config.guard,
    accept: new Set(accept),
    // Who asks once wants to know now; only `tipline run` can wait and look again.
    absentGrace: 0,
    historySeconds: limitSeconds(config.keep.history),
    clock: () => context.now(),
    log,
    metrics,
    onProgress: (step) => progress.show(step),
    signal: context.signal,
  })
  const { liveKeys: live, held, setAside } = totals(ledger.db)
  return { report, seconds: (performance.now() - started) / 1000, live, held, setAside }
}

/**
 * An exit status: another process has the ledger. The daemon does this one's work, and its answer is
 * told. Another sync does it too, which is no failure; but it does not accept what this one was to
 * accept. @throws LedgerBusy, DaemonError
 */
async function lockOrAnother(
  context: Context,
  { base, options }: { base: Base; options: SyncOptions },
): Promise<Lock | number> {
  const { dataDir } = base.config
  if (await daemonAnswers(dataDir)) {
    const body = { accept: options.accept ?? [], wait: true }
    const { signal } = context
    return tell(context, await askDaemon(dataDir, { path: '/v1/sync', body, signal }))
  }
  const waitMs = options.wait ? Number.POSITIVE_INFINITY : 0
  try {
    return await acquireLock({ dataDir, name: 'sync', waitMs, signal: context.signal })
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error
    const { message, pid } = error
    if (options.accept) {
      const hint = 'wait for it to end, or let this one wait with --wait'
      throw new LedgerBusy({ what: message, hint, pid })
    }
    context.out.answer({ status: 'busy', pid: pid ?? null, what: message }, () => [
      `${message}; nothing to do here (--wait waits for it)`,
    ])
    return EXIT.done
  }
}

/**
 * `tipline run`: one process that keeps every source and every sink in step until it is told to stop.
 * What fails outside is waited for; what fails inside ends the process, loudly.
 */
import { closing, type Later } from '../closing.js'
import type { LoadedConfig } from '../config/load.js'
import { openLedger } from '../ledger/ledger.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { createPolicy } from '../policy/policy.js'
import { Deriver } from '../sync/derive.js'
import { Turns } from '../sync/turns.js'
import { CLOCKS, type Clocks } from './clockwork.js'
import { Household } from './household.js'
import { takeLocks } from './locks.js'
import { PolicyKeeper } from './policy-keeper.js'
import { Rota } from './rota.js'
import { upkeep } from './upkeep.js'
import type { Works } from './works.js'

export interface DaemonOptions {
  readonly config: LoadedConfig
  readonly log: Logger
  readonly metrics: Metrics
  readonly clocks?: Clocks
  /** Its abort ends the daemon well. */
  readonly signal: AbortSignal
}

/** @throws LedgerBusy where another daemon has the data folder; LedgerError; UsageError; a bug */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  try {
    await closing((later) => keepAll({ ...options, signal }, failed, later))
  } catch (error) {
    // Told to stop while it was still starting.
    if (!options.signal.aborted) throw error
  }
  if (failed.signal.aborted) throw failed.signal.reason
}

async function keepAll(
  options: DaemonOptions,
  failed: AbortController,
  later: Later,
): Promise<void> {
  const { config, log, signal } = options
  await takeLocks({ dataDir: config.dataDir, log, signal }, later)
  const works = await openWorks(options, later)
  const rota = new Rota((error) => failed.abort(error))
  later(() => rota.stopAll())
  const policy = new PolicyKeeper(works, config)
  await policy.begin(signal)
  const household = new Household(works, rota)
  later(() => household.close())
  await household.keep(config)
  const duties = upkeep({
    works,
    policy,
    sinks: () => household.sinks.map(({ name }) => name),
    history: () => config.history,
    onApplied: () => household.poke(),
  })
  for (const [name, work] of Object.entries(duties)) rota.start(name, work)
  log.info({ pid: process.pid, dataDir: config.dataDir }, 'at work')
  await aborted(signal)
  log.info(failed.signal.aborted ? 'something failed: stopping' : 'told to stop')
}

async function openWorks(
  { config, log, metrics, clocks = CLOCKS }: DaemonOptions,
  later: Later,
): Promise<Works> {
  const ledger = await openLedger(config.dataDir)
  later(() => ledger.close())
  // Until the lists are loaded, nothing is derived.
  const deriver = new Deriver(createPolicy(config.policy, []))
  return { ledger, deriver, turns: new Turns(), guard: config.guard, clocks, log, metrics }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

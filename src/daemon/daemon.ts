/**
 * `tipline run`: one process that keeps every source and every sink in step until it is told to stop.
 * What fails outside is waited for; what fails inside ends the process, loudly.
 */
import { closing, type Later } from '../closing.js'
import type { LoadedConfig } from '../config/load.js'
import { openLedger } from '../ledger/ledger.js'
import type { Logger } from '../log.js'
import { verdictsOf } from '../match/verdicts.js'
import type { Metrics } from '../metrics.js'
import { Outages } from '../outage.js'
import { createPolicy } from '../policy/policy.js'
import { Deriver } from '../sync/derive.js'
import { Turns } from '../sync/turns.js'
import { CLOCKS, type Clocks } from '../time.js'
import { Backscans } from './backscans.js'
import { Bell } from './bell.js'
import { keepCounting } from './counting.js'
import { Cycles } from './cycles.js'
import { watchFloods } from './floods.js'
import { Health } from './health.js'
import { Household } from './household.js'
import { takeLocks } from './locks.js'
import { Notifier } from './notify.js'
import { PolicyKeeper } from './policy-keeper.js'
import { reload } from './reload.js'
import { Rota, type Work } from './rota.js'
import { Serving } from './serving.js'
import { tellSightings } from './sightings.js'
import { supervision } from './supervision.js'
import { upkeep } from './upkeep.js'
import { epoch, type Works } from './works.js'

export interface DaemonOptions {
  readonly config: LoadedConfig
  /** Reads the config anew. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>
  /** Rung when the config is to be read anew. */
  readonly reloads: Bell
  /** Of commands that are proposed: ` -c FILE`, or nothing. */
  readonly configArgument: string
  /** Where systemd says how it is told of things. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  readonly metrics: Metrics
  readonly clocks?: Clocks
  /** Its abort ends the daemon well. */
  readonly signal: AbortSignal
}

/**
 * @throws LedgerBusy where another daemon has the data folder; LedgerError, UsageError, ListenError; a bug
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const { env, log } = options
  const notifier = new Notifier({ env, log })
  try {
    await closing((later) => keepAll({ ...options, signal }, { failed, notifier, later }))
  } catch (error) {
    // Told to stop while it was still starting.
    if (!options.signal.aborted) throw error
  }
  if (failed.signal.aborted) throw failed.signal.reason
}

interface Frame {
  readonly failed: AbortController
  readonly notifier: Notifier
  readonly later: Later
}

async function keepAll(options: DaemonOptions, frame: Frame): Promise<void> {
  const { config, log, signal } = options
  const { failed, notifier, later } = frame
  await takeLocks({ dataDir: config.dataDir, log, signal }, later)
  const house = await makeHouse(options, frame)
  const { health, rota, works } = house
  health.waitsFor = "the policy's lists"
  await house.serving.serve(config)
  await notifier.ready(health.status())
  for (const [name, work] of Object.entries(supervision({ notifier, health, works }))) {
    rota.start(name, work)
  }
  await house.policy.begin(signal)
  await house.household.carryOut(await house.household.plan(config))
  for (const [name, work] of Object.entries(duties(house, options, notifier)))
    rota.start(name, work)
  health.waitsFor = null
  log.info({ pid: process.pid, dataDir: config.dataDir, url: house.serving.url }, 'at work')
  await aborted(signal)
  log.info(failed.signal.aborted ? 'something failed: stopping' : 'told to stop')
  health.waitsFor = 'it is stopping'
  await notifier.stopping()
}

/** Every part of the daemon; nothing has been begun yet. */
interface House {
  readonly works: Works
  readonly rota: Rota
  readonly policy: PolicyKeeper
  readonly household: Household
  readonly backscans: Backscans
  readonly serving: Serving
  readonly health: Health
  /** The config in force. */
  config: LoadedConfig
}

/** Closed in reverse: first nobody asks any more, then nobody works, then the ledger goes. */
async function makeHouse(options: DaemonOptions, { failed, later }: Frame): Promise<House> {
  const { config, configArgument, signal } = options
  const works = await openWorks(options, later)
  const rota = new Rota((error) => failed.abort(error))
  later(() => rota.stopAll())
  const policy = new PolicyKeeper(works, config)
  const backscans = new Backscans(works, () => house.config)
  const household = new Household({
    works,
    rota,
    env: options.env,
    onApplied: () => backscans.wake(),
  })
  later(() => household.close())
  const health = new Health(household)
  const cycles = new Cycles({ works, household, policy, configArgument, signal })
  const serving = new Serving({
    metrics: options.metrics,
    outages: works.outages,
    log: options.log,
    configArgument,
    readiness: () => health.readiness(),
    verdicts: (knowledge) =>
      verdictsOf(policy.policy, { value: knowledge.value, knowledge }, epoch(works)),
    sync: ({ accept }) => cycles.run(accept),
    backscan: (request) => backscans.now(request, signal),
  })
  later(() => serving.close())
  const house: House = {
    works,
    rota,
    policy,
    household,
    backscans,
    serving,
    health,
    config,
  }
  return house
}

async function openWorks(
  { config, log, metrics, clocks = CLOCKS }: DaemonOptions,
  later: Later,
): Promise<Works> {
  const ledger = await openLedger(config.dataDir)
  later(() => ledger.close())
  // Until the lists are loaded, nothing is derived.
  const deriver = new Deriver(createPolicy(config.policy, []))
  const { guard } = config
  const outages = new Outages(log, clocks)
  return { ledger, deriver, turns: new Turns(), guard, clocks, outages, log, metrics }
}

/** What goes on besides the keepers. */
function duties(
  house: House,
  { reloads, load }: DaemonOptions,
  notifier: Notifier,
): Readonly<Record<string, Work>> {
  const { works, policy, household, backscans, health } = house
  const reloaded = new Bell()
  return {
    ...upkeep({
      works,
      policy,
      sinks: () => household.sinks.map(({ name }) => name),
      keep: () => house.config.keep,
      dataDir: house.config.dataDir,
      reloaded,
      onApplied: () => household.poke(),
    }),
    backscans: (signal) => backscans.run(signal),
    sightings: (signal) => tellSightings(works, () => house.config, signal),
    counting: (signal) => keepCounting(works, () => house.config, signal),
    floods: (signal) => watchFloods(works, () => house.config, signal),
    reloading: async (signal) => {
      while (!signal.aborted) {
        if (!(await reloads.wait(Number.POSITIVE_INFINITY, signal))) continue
        await notifier.reloading()
        house.config = await reload({ ...house, load }, house.config, signal)
        reloaded.ring()
        await notifier.ready(health.status())
      }
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

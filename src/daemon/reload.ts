/**
 * A new config while the daemon runs. All that may refuse it is tried first; a config that is refused
 * leaves everything as it is.
 */
import { formatProblem } from '../config/format.js'
import type { LoadedConfig } from '../config/load.js'
import { ConfigError, TiplineError, UsageError } from '../errors.js'
import type { Policy } from '../policy/policy.js'
import type { Household, HouseholdPlan } from './household.js'
import type { PolicyKeeper } from './policy-keeper.js'
import type { Serving } from './serving.js'
import type { Works } from './works.js'

export interface Reloading {
  readonly works: Works
  readonly policy: PolicyKeeper
  readonly household: Household
  readonly serving: Serving
  /** Reads the config anew. @throws ConfigError */
  readonly load: () => Promise<LoadedConfig>
}

/**
 * Answers the config that counts from here on: the new one, or the old one where that was refused.
 * @throws LedgerError, or a bug: it is half in force, and only a new start makes that whole
 */
export async function reload(
  reloading: Reloading,
  before: LoadedConfig,
  signal: AbortSignal,
): Promise<LoadedConfig> {
  const prepared = await prepare(reloading, before, signal)
  if (prepared === null) return before
  const { config } = prepared
  try {
    const changes = await take(reloading, prepared, signal)
    const all = [...changes, ...sectionsChanged(before, config)]
    const { log } = reloading.works
    log.info({ changes: all }, all.length > 0 ? IN_FORCE : 'the config is as before')
  } catch (error) {
    if (!signal.aborted) throw error
  }
  return config
}

const IN_FORCE = 'a new config is in force'

interface Prepared {
  readonly config: LoadedConfig
  readonly judge: Policy
  readonly plan: HouseholdPlan
}

/** All that may refuse the new config. null: it is refused, which is told; or the daemon is to stop. */
async function prepare(
  reloading: Reloading,
  before: LoadedConfig,
  signal: AbortSignal,
): Promise<Prepared | null> {
  try {
    const config = await reloading.load()
    refuseToMove({ before, config })
    const judge = await reloading.policy.load(config, signal)
    return { config, judge, plan: await served(reloading, config) }
  } catch (error) {
    if (signal.aborted) return null
    if (!(error instanceof TiplineError)) throw error
    const problems = error instanceof ConfigError ? problemsOf(error) : []
    reloading.works.log.error(
      { err: error, ...(problems.length > 0 && { problems }) },
      `THE NEW CONFIG IS REFUSED, the old one stays in force: ${error.message}`,
    )
    return null
  }
}

/** The last that may fail is to listen where the config says. */
async function served(
  { household, serving }: Reloading,
  config: LoadedConfig,
): Promise<HouseholdPlan> {
  const plan = await household.plan(config)
  try {
    await serving.serve(config)
    return plan
  } catch (error) {
    await household.discard(plan)
    throw error
  }
}

async function take(
  { works, policy, household }: Reloading,
  { config, judge, plan }: Prepared,
  signal: AbortSignal,
): Promise<string[]> {
  works.guard = config.guard
  const changes = await household.carryOut(plan)
  await policy.use(judge, config, signal)
  household.poke()
  return changes
}

function refuseToMove({ before, config }: Record<'before' | 'config', LoadedConfig>): void {
  if (before.dataDir === config.dataDir) return
  throw new UsageError({
    what: `data_dir can not change from ${before.dataDir} to ${config.dataDir} while the daemon runs`,
    hint: 'stop the daemon, move the folder, and start it again',
  })
}

/** Told by the keepers themselves. */
const TOLD = new Set(['sources', 'sinks', 'file', 'warnings', 'notes', 'secrets'])

function sectionsChanged(before: LoadedConfig, config: LoadedConfig): string[] {
  const old: Readonly<Record<string, unknown>> = { ...before }
  return Object.entries(config)
    .filter(([key, value]) => !TOLD.has(key) && JSON.stringify(value) !== JSON.stringify(old[key]))
    .map(([key]) => `${key} changed`)
}

function problemsOf({ file, problems }: ConfigError): string[] {
  return problems.map((problem) => formatProblem(file, problem))
}

/**
 * A new config while the daemon runs. All that may refuse it is tried first; a config that is refused
 * leaves everything as it is.
 */
import { formatProblem } from '../config/format.js'
import type { LoadedConfig } from '../config/load.js'
import { ConfigError, TiplineError, UsageError } from '../errors.js'
import type { Household } from './household.js'
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

/** Answers the config that counts from here on: the new one, or the old one where that was refused. */
export async function reload(
  reloading: Reloading,
  before: LoadedConfig,
  signal: AbortSignal,
): Promise<LoadedConfig> {
  const { log } = reloading.works
  try {
    const config = await reloading.load()
    const changes = await take(reloading, { before, config, signal })
    log.info(
      { changes },
      changes.length > 0 ? 'a new config is in force' : 'the config is as before',
    )
    return config
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const problems = error instanceof ConfigError ? problemsOf(error) : []
    log.error(
      { err: error, ...(problems.length > 0 && { problems }) },
      `THE NEW CONFIG IS REFUSED, the old one stays in force: ${error.message}`,
    )
    return before
  }
}

interface Taking {
  readonly before: LoadedConfig
  readonly config: LoadedConfig
  readonly signal: AbortSignal
}

async function take(reloading: Reloading, taking: Taking): Promise<string[]> {
  const { works, policy, household, serving } = reloading
  const { before, config, signal } = taking
  refuseToMove(taking)
  const judge = await policy.load(config, signal)
  const plan = await household.plan(config)
  try {
    await serving.serve(config)
  } catch (error) {
    await household.discard(plan)
    throw error
  }
  works.guard = config.guard
  const changes = await household.carryOut(plan)
  await policy.use(judge, config, signal)
  household.poke()
  return [...changes, ...sectionsChanged(before, config)]
}

function refuseToMove({ before, config }: Taking): void {
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

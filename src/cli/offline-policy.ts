/** The policy as the config has it now, made without asking anybody. */
import type { LoadedConfig } from '../config/load.js'
import { silentLogger } from '../log.js'
import { Metrics } from '../metrics.js'
import { createPolicy, type Policy } from '../policy/policy.js'
import { loadLists } from '../sync/lists.js'

export interface OfflinePolicy {
  readonly policy: Policy
  readonly lists: number
  /** What of the lists and settings can't be used. */
  readonly warnings: readonly string[]
}

/** @throws ConfigError for a list that can't be read, UsageError for a folder that is not there */
export async function offlinePolicy(config: LoadedConfig): Promise<OfflinePolicy> {
  const { policy: settings, sources, dataDir } = config
  const lists = await loadLists({
    policy: settings,
    sources,
    dataDir,
    deps: { log: silentLogger(), metrics: new Metrics() },
    now: 0,
    offline: true,
    signal: new AbortController().signal,
  })
  const policy = createPolicy(settings, lists)
  const warnings = [...lists.flatMap((list) => list.warnings), ...policy.warnings]
  return { policy, lists: lists.length, warnings }
}

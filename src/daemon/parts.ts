/** What the config may have besides sources and sinks, each kept as they are. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { storesOptions } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { watchedOf } from '../flows/folders.js'
import { FlowWatcher } from '../flows/watcher.js'
import { Alerting } from '../hits/alerts/alerting.js'
import { openStores } from '../hits/stores.js'
import { limitSeconds } from '../policy/duration.js'
import type { Keeper, Wanted } from './staff.js'
import type { Works } from './works.js'

export interface PartsOptions {
  readonly works: Works
  readonly env: Readonly<Record<string, string | undefined>>
}

export function wantedParts(config: LoadedConfig, options: PartsOptions): Wanted<Keeper>[] {
  return [...flows(config, options), ...alerts(config, options)]
}

/** Folders of flows. */
function flows(config: LoadedConfig, { works }: PartsOptions): Wanted<Keeper>[] {
  const { dataDir, sinks } = config
  const { clickhouse } = sinks
  const { watch, every } = config.flows
  if (!clickhouse || watch.length === 0) return []
  const { log, metrics, outages } = works
  return [
    {
      name: 'flows',
      settings: JSON.stringify([config.flows, clickhouse]),
      open: () => {
        const watcher = new FlowWatcher({
          folders: watch.map(({ folder, label }) => watchedOf(folder, label)),
          everyMs: limitSeconds(every) * 1000,
          connect: (signal) => openClickHouse(clickhouse, { dataDir, log, metrics, signal }),
          tables: tablesOf(clickhouse),
          log,
          metrics,
          outage: outages.of({ part: 'flows' }),
        })
        return { keeper: watcher, close: () => watcher.close() }
      },
    },
  ]
}

function alerts(config: LoadedConfig, { works, env }: PartsOptions): Wanted<Keeper>[] {
  const { networks, policy, sinks, sources } = config
  if (config.alerts.length === 0) return []
  const { log, metrics, clocks, outages } = works
  return [
    {
      name: 'alerts',
      settings: JSON.stringify([config.alerts, networks, policy.untagged_as, sinks, sources]),
      open: () => {
        const stores = openStores({ ...storesOptions(config), log, metrics })
        const alerting = new Alerting({
          settings: config.alerts,
          stores,
          untagged: policy.untagged_as,
          env,
          log,
          metrics,
          outages,
          clock: () => clocks.wall(),
        })
        const close = async () => {
          await alerting.close()
          await stores.close()
        }
        return { keeper: alerting, close }
      },
    },
  ]
}

/** Counts hits that ClickHouse finds by itself, which no work of the daemon brings along. */
import { storesOptions } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { TiplineError } from '../errors.js'
import { asHitsError } from '../hits/database.js'
import { FlowHitCounter } from '../hits/flow-counter.js'
import { openStores } from '../hits/stores.js'
import { Bell } from './bell.js'
import { withOwnSignal } from './rota.js'
import type { Works } from './works.js'

const EVERY_MS = 30_000

/** Until the abort. What can't be counted now is counted with the next round. */
export async function keepCounting(
  works: Works,
  config: () => LoadedConfig,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell()
  const hits = new FlowHitCounter(works.metrics)
  while (!signal.aborted) {
    try {
      await withOwnSignal(signal, (own) => count(hits, { works, config: config() }, own))
    } catch (error) {
      if (signal.aborted) return
      const err = asHitsError(error, config().dataDir)
      if (!(err instanceof TiplineError)) throw error
      works.log.debug({ err }, 'hits of flows can not be counted now')
    }
    await bell.wait(EVERY_MS, signal)
  }
}

async function count(
  hits: FlowHitCounter,
  { works: { log, metrics }, config }: { works: Works; config: LoadedConfig },
  signal: AbortSignal,
): Promise<void> {
  if (!config.sinks.clickhouse) return
  const stores = openStores({ ...storesOptions(config), log, metrics, signal })
  try {
    if (stores.flows) await hits.count(stores.flows, signal)
  } finally {
    await stores.close()
  }
}

/** The hits of a config, opened and closed. */
import { type HitStores, openStores } from '../hits/stores.js'
import type { Context } from './context.js'
import { type Base, openBase } from './wiring.js'

/** @throws ConfigError, HitsError, LedgerError */
export async function withHits<T>(
  context: Context,
  work: (stores: HitStores, base: Base) => Promise<T>,
): Promise<T> {
  const base = await openBase(context)
  const { config, log } = base
  const links = config.sources.flatMap((source) =>
    source.type === 'misp' ? [[source.name, source.link ?? source.url] as const] : [],
  )
  const stores = openStores({
    dataDir: config.dataDir,
    clickhouse: config.sinks.clickhouse,
    networks: config.networks,
    links: Object.fromEntries(links),
    log,
    signal: context.signal,
  })
  try {
    return await work(stores, base)
  } finally {
    await stores.close()
  }
}

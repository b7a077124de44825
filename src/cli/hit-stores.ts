/** The hits of a config, opened and closed. */
import { storesOptions } from '../config/hit-stores.js'
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
  const stores = openStores({ ...storesOptions(config), log, signal: context.signal })
  try {
    return await work(stores, base)
  } finally {
    await stores.close()
  }
}

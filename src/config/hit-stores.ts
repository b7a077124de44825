/** Where the hits of a config are, and what is needed to tell of them. */
import type { StoresOptions } from '../hits/stores.js'
import type { LoadedConfig } from './load.js'

export function storesOptions({
  dataDir,
  sinks,
  networks,
  sources,
}: LoadedConfig): Omit<StoresOptions, 'log' | 'signal'> {
  const links = sources.flatMap((source) =>
    source.type === 'misp' ? [[source.name, source.link ?? source.url] as const] : [],
  )
  const { clickhouse } = sinks
  return { dataDir, clickhouse, networks, links: Object.fromEntries(links) }
}

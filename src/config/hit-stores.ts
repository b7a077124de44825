/** Where the hits of a config are, and what is needed to tell of them. */
import type { Tellings } from '../hits/status.js'
import type { StoresOptions } from '../hits/stores.js'
import { linksOf } from './links.js'
import type { LoadedConfig } from './load.js'

export function storesOptions({
  dataDir,
  sinks,
  networks,
  sources,
}: LoadedConfig): Omit<StoresOptions, 'log' | 'signal'> {
  const { clickhouse } = sinks
  return { dataDir, clickhouse, networks, links: linksOf(sources) }
}

/** Who is told of hits. */
export function tellingsOf({ alerts, sources }: LoadedConfig): Tellings {
  const told = sources.filter((source) => source.type === 'misp' && source.sightings)
  return { channels: alerts.map(({ name }) => name), sightings: told.map(({ name }) => name) }
}

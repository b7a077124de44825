/** Which servers hold a key. */
import { type RingServer, ring } from './ring.js'
import type { MemcachedSettings } from './settings.js'

/** The indexes of the servers that hold a key. The arrays are shared: look, don't keep. */
export type Placement = (key: string) => readonly number[]

export function placementOf(
  placement: MemcachedSettings['placement'],
  servers: readonly RingServer[],
): Placement {
  const every = servers.map((_, at) => at)
  if (placement === 'replicate' || servers.length === 1) return () => every
  const each = every.map((at) => [at])
  const ownerOf = ring(servers)
  return (key) => each[ownerOf(key)]!
}

/** What decides over where a key stands; where every server holds every key, nothing does. */
export function placementFacts(
  placement: MemcachedSettings['placement'],
  servers: readonly RingServer[],
): readonly unknown[] {
  if (placement === 'replicate' || servers.length === 1) return []
  return servers.map(({ ringName, weight }) => [ringName, weight]).sort()
}

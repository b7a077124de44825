/** What the sink needs to know of the server before it writes. */
import type { Node } from './client.js'
import { type SlabOptions, slabOptions } from './slab.js'
import { unavailable } from './unavailable.js'

/** The first with today's meta protocol: `ms <key> <length>`, answers `HD`, base64 keys. */
const OLDEST = [1, 6, 10] as const

export interface Server {
  readonly version: string
  /** Largest item, in bytes: key, value and headers. */
  readonly itemSize: number
  readonly slabs: SlabOptions
}

/** @throws SinkUnavailable where this is no memcached that tipline can talk to */
export async function readServer(node: Node): Promise<Server> {
  const version = await node.version()
  if (isTooOld(version)) {
    const hint = `tipline needs memcached ${OLDEST.join('.')} or later (the meta protocol)`
    throw unavailable(node.name, `is memcached ${version}`, hint)
  }
  const settings = await node.stats('settings')
  const itemSize = Number(settings.get('item_size_max') ?? 1024 * 1024)
  return { version, itemSize, slabs: slabOptions(settings) }
}

/** Where the version can't be told, it counts as too old. */
export function isTooOld(version: string): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [at, least] of OLDEST.entries()) {
    const part = parts[at] ?? 0
    if (part !== least) return !(part > least)
  }
  return false
}

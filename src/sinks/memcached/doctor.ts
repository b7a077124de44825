/** What `tipline doctor` says of a memcached. */
import { printable } from '../../log.js'
import { type Examiner, type Finding, freshness, healthOf, position } from '../layout/findings.js'
import { HEARTBEAT_KEY, STATE_KEY } from '../layout/keyspace.js'
import type { Health } from '../sink.js'
import type { Node } from './client.js'
import type { Server } from './server.js'

export interface Examination extends Examiner {
  readonly connect: () => Promise<{ node: Node; server: Server }>
}

/** From here on memory is told to be short. */
const FULL = 0.9
const MIB = 1024 * 1024

/** On a connection of its own. Never throws. */
export function examine(examination: Examination): Promise<Health> {
  return healthOf(() => look(examination))
}

async function look(examination: Examination): Promise<Finding[]> {
  const { node, server } = await examination.connect()
  try {
    const stats = await node.stats()
    const settings = await node.stats('settings')
    const [state, heartbeat] = await node.get([STATE_KEY, HEARTBEAT_KEY])
    return [
      { level: 'ok', message: `memcached ${printable(server.version)} at ${node.name} answers` },
      memory(stats),
      ...evictions(stats),
      ...listing(settings),
      position(state ?? null, examination),
      freshness(heartbeat ?? null, examination),
    ]
  } finally {
    node.close()
  }
}

function memory(stats: ReadonlyMap<string, string>): Finding {
  const used = Number(stats.get('bytes') ?? 0)
  const limit = Number(stats.get('limit_maxbytes') ?? 0)
  const message = `uses ${mib(used)} of ${mib(limit)} MiB for ${stats.get('curr_items') ?? '?'} items`
  if (limit === 0 || used < FULL * limit) return { level: 'ok', message }
  return { level: 'warn', message, hint: moreMemory(limit) }
}

function evictions(stats: ReadonlyMap<string, string>): Finding[] {
  const evicted = Number(stats.get('evictions') ?? 0)
  if (evicted === 0) return []
  const message = `has thrown out ${evicted} items for want of memory since it was started`
  return [{ level: 'warn', message, hint: moreMemory(Number(stats.get('limit_maxbytes') ?? 0)) }]
}

function moreMemory(limit: number): string {
  return `thrown out indicators are missed: give it more, such as -m ${Math.ceil(mib(limit) * 2)}`
}

/** A rebuild lists the server's keys to find those that nobody wants any more. */
function listing(settings: ReadonlyMap<string, string>): Finding[] {
  const off = settings.get('lru_crawler') === 'no' || settings.get('dump_enabled') === 'no'
  if (!off) return []
  const hint = 'start it without -X and without -o no_lru_crawler'
  return [{ level: 'error', message: 'does not list its keys, so no rebuild can finish', hint }]
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}

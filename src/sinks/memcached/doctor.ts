/** What `tipline doctor` says of a memcached. */
import { printable } from '../../log.js'
import { type Examiner, type Finding, freshness, healthOf, position } from '../layout/findings.js'
import { HEARTBEAT_KEY, STATE_KEY, WATCH_KEY } from '../layout/keyspace.js'
import { watchFrom } from '../layout/memory.js'
import type { Health } from '../sink.js'
import type { Node } from './client.js'
import type { Server } from './server.js'
import { memoryFor } from './slab.js'

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
    const [state, heartbeat, watch] = await node.get([STATE_KEY, HEARTBEAT_KEY, WATCH_KEY])
    const need = watchFrom(watch ?? null)?.need ?? null
    return [
      { level: 'ok', message: `memcached ${printable(server.version)} at ${node.name} answers` },
      memory(stats),
      ...sufficiency(stats, need),
      ...evictions(stats, need),
      ...(node.dialect.dump('all') === null ? [UNLISTED] : listing(settings)),
      position(state ?? null, examination),
      freshness(heartbeat ?? null, examination),
    ]
  } finally {
    node.close()
  }
}

function memory(stats: ReadonlyMap<string, string>): Finding {
  const used = Number(stats.get('bytes') ?? 0)
  const message = `uses ${mib(used)} of ${mib(limitOf(stats))} MiB for ${stats.get('curr_items') ?? '?'} items`
  return { level: 'ok', message }
}

/** By the estimate of the last cycle: a server that is full throws out what it needs not hold, too. */
function sufficiency(stats: ReadonlyMap<string, string>, need: number | null): Finding[] {
  const limit = limitOf(stats)
  if (need === null || limit === 0) return []
  const message = `needs ${mib(need)} of ${mib(limit)} MiB for tipline's keys`
  if (need < FULL * limit) return [{ level: 'ok', message }]
  const level = need > limit ? 'error' : 'warn'
  return [{ level, message, hint: moreMemory(need) }]
}

function evictions(stats: ReadonlyMap<string, string>, need: number | null): Finding[] {
  const evicted = Number(stats.get('evictions') ?? 0)
  if (evicted === 0) return []
  const message = `has thrown out ${evicted} items for want of memory since it was started`
  return [{ level: 'warn', message, hint: moreMemory(Math.max(need ?? 0, limitOf(stats))) }]
}

function limitOf(stats: ReadonlyMap<string, string>): number {
  return Number(stats.get('limit_maxbytes') ?? 0)
}

function moreMemory(bytes: number): string {
  return `thrown out indicators are missed: give it more, -m ${memoryFor(bytes)} would do`
}

/** A rebuild lists the server's keys to find those that nobody wants any more. */
function listing(settings: ReadonlyMap<string, string>): Finding[] {
  const off = settings.get('lru_crawler') === 'no' || settings.get('dump_enabled') === 'no'
  if (!off) return []
  const hint = 'start it without -X and without -o no_lru_crawler'
  return [{ level: 'error', message: 'does not list its keys, so no rebuild can finish', hint }]
}

const UNLISTED: Finding = {
  level: 'warn',
  message: 'lists no keys over SASL: keys that tipline never wrote, as of an earlier tool, stay',
  hint: 'restart it once when moving over; the next sync fills it',
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}

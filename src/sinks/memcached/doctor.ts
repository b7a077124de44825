/** What `tipline doctor` says of a memcached. */
import { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import type { Health } from '../sink.js'
import type { Node } from './client.js'
import { HEARTBEAT_KEY, STATE_KEY } from './keyspace.js'
import { heartbeatFrom, positionFrom } from './memory.js'
import type { Server } from './server.js'

export interface Examination {
  readonly connect: () => Promise<{ node: Node; server: Server }>
  /** Epoch seconds. */
  readonly now: number
  /** The fingerprint of the sink's settings. */
  readonly settings: string
  readonly ledger: string | undefined
}

type Finding = Health['findings'][number]

/** Older than this, the heartbeat says that nobody looks after the sink. */
const STALE_HEARTBEAT = 3600
/** From here on memory is told to be short. */
const FULL = 0.9
const MIB = 1024 * 1024

/** On a connection of its own. Never throws. */
export async function examine(examination: Examination): Promise<Health> {
  try {
    const findings = await look(examination)
    return { ok: findings.every(({ level }) => level !== 'error'), findings }
  } catch (error) {
    if (!(error instanceof SinkUnavailable)) throw error
    const hint = error.hint === undefined ? {} : { hint: error.hint }
    return { ok: false, findings: [{ level: 'error', message: error.message, ...hint }] }
  }
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
      freshness(heartbeat ?? null, examination.now),
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

function position(state: Buffer | null, { ledger, settings }: Examination): Finding {
  const at = positionFrom(state)
  if (!at) {
    const hint = 'the next sync fills it from the ledger'
    return { level: 'warn', message: 'holds no state of tipline: new, restarted or flushed', hint }
  }
  const message = `holds the state of ledger ${printable(at.ledger)} up to change ${at.seq}`
  const hint = 'the next sync rebuilds it; two ledgers that write to one server undo each other'
  if (ledger !== undefined && at.ledger !== ledger) {
    return { level: 'error', message: `${message}, which is another ledger`, hint }
  }
  if (at.settings !== settings) {
    return { level: 'warn', message: `${message}, with other settings`, hint: REBUILT }
  }
  return { level: 'ok', message }
}

const REBUILT = 'the next sync rebuilds it'

function freshness(bytes: Buffer | null, now: number): Finding {
  const heartbeat = heartbeatFrom(bytes)
  if (!heartbeat) return { level: 'warn', message: 'has no heartbeat of tipline' }
  const age = now - heartbeat.at
  const message = `its heartbeat is ${age} s old`
  if (age <= STALE_HEARTBEAT) return { level: 'ok', message }
  return { level: 'warn', message, hint: 'is `tipline run` or the timer of `tipline sync` alive?' }
}

function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}

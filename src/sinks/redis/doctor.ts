/** What `tipline doctor` says of a Redis. */
import { printable } from '../../log.js'
import { type Examiner, type Finding, freshness, healthOf, position } from '../layout/findings.js'
import type { Health } from '../sink.js'
import type { Connection } from './connection.js'
import type { Register } from './register.js'

export interface Examination extends Examiner {
  readonly connect: () => Promise<Connection>
  /** State and heartbeat, as they stand there. */
  readonly read: (connection: Connection) => Promise<(string | null)[]>
  readonly register: (connection: Connection) => Promise<Register>
}

/** From here on memory is told to be short. */
const FULL = 0.9
const MIB = 1024 * 1024
/** The first with ACL users. Older ones may do; nobody has tried. */
const OLDEST = 6

/** On a connection of its own. Never throws. */
export function examine(examination: Examination): Promise<Health> {
  return healthOf(() => look(examination))
}

async function look(examination: Examination): Promise<Finding[]> {
  const connection = await examination.connect()
  try {
    const info = parseInfo((await connection.ask(['INFO'])) as string)
    const [state = null, heartbeat = null] = await examination.read(connection)
    const register = await examination.register(connection)
    return [
      ...version(info, connection.name),
      ...role(info),
      memory(info),
      ...policy(info),
      ...disk(info),
      ...(state === null || register.vouches ? [] : [TORN]),
      position(Buffer.from(state ?? ''), examination),
      freshness(Buffer.from(heartbeat ?? ''), examination),
    ]
  } finally {
    connection.close()
  }
}

type Info = ReadonlyMap<string, string>

/** `name:value`, a line each. */
function parseInfo(text: string): Info {
  const lines = text.split('\r\n').filter((line) => line.includes(':'))
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1)]
    }),
  )
}

function version(info: Info, name: string): Finding[] {
  const version = printable(info.get('redis_version') ?? '?')
  const answers: Finding = { level: 'ok', message: `redis ${version} at ${name} answers` }
  if (Number.parseInt(version, 10) >= OLDEST) return [answers]
  return [answers, { level: 'warn', message: `is older than ${OLDEST}.0, which nobody has tried` }]
}

function role(info: Info): Finding[] {
  if (info.get('redis_mode') === 'cluster') {
    const hint = 'name a server that stands alone, or with replicas, in sinks.redis.url'
    return [{ level: 'error', message: 'is a node of a Redis Cluster', hint }]
  }
  if (info.get('role') !== 'slave') return []
  const primary = printable(`${info.get('master_host')}:${info.get('master_port')}`)
  const hint = 'name the primary in sinks.redis.url; readers may go on using the replica'
  return [
    { level: 'error', message: `is a replica of ${primary}, so nothing can be written`, hint },
  ]
}

function memory(info: Info): Finding {
  const used = number(info, 'used_memory')
  const limit = number(info, 'maxmemory')
  if (limit === 0) return { level: 'ok', message: `uses ${mib(used)} MiB, without a limit` }
  const message = `uses ${mib(used)} of ${mib(limit)} MiB (maxmemory)`
  if (used < FULL * limit) return { level: 'ok', message }
  return { level: 'warn', message, hint: moreMemory(limit) }
}

/** What it throws out when its memory is full. */
function policy(info: Info): Finding[] {
  const policy = printable(info.get('maxmemory_policy') ?? 'noeviction')
  const evicted = number(info, 'evicted_keys')
  const limit = number(info, 'maxmemory')
  const findings: Finding[] = []
  if (limit > 0 && policy.startsWith('allkeys-')) {
    const message = `may throw out indicators, and the register of tipline's keys (${policy})`
    const hint = 'set maxmemory-policy to noeviction or volatile-ttl: a full memory is told then'
    findings.push({ level: 'error', message, hint })
  }
  if (evicted > 0) {
    const message = `has thrown out ${evicted} keys for want of memory since it was started`
    findings.push({ level: 'warn', message, hint: moreMemory(limit) })
  }
  return findings
}

function moreMemory(limit: number): string {
  return `thrown out indicators are missed: give it more, such as maxmemory ${Math.ceil(mib(limit) * 2)}mb`
}

function disk(info: Info): Finding[] {
  if (info.get('rdb_last_bgsave_status') !== 'err') return []
  const hint = 'look into its log; it refuses writes then (stop-writes-on-bgsave-error)'
  return [{ level: 'warn', message: 'could not save its last snapshot to its disk', hint }]
}

const TORN: Finding = {
  level: 'error',
  message: "has lost a part of the register of tipline's keys",
  hint: 'the next sync rebuilds it; keys that it had forgotten may stay: was something thrown out?',
}

function number(info: Info, name: string): number {
  return Number(info.get(name) ?? 0)
}

function mib(size: number): number {
  return Math.round((size / MIB) * 10) / 10
}

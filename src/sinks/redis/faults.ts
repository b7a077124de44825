/** What it means when a Redis fails or refuses, and what to do about it. */
import { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import { certificateHint, networkFault } from '../../net.js'

/** A fault of a server by its name, as SinkUnavailable. */
export function unavailable(
  server: string,
  { what, hint, cause }: { what: string; hint?: string | undefined; cause?: unknown },
): SinkUnavailable {
  return new SinkUnavailable({
    sink: 'redis',
    what: `redis ${server}: ${what}`,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  })
}

export interface Manner {
  /** Milliseconds. */
  readonly timeout: number
  /** The authority that the settings name. */
  readonly caFile: string | undefined
}

/** Whatever the client threw: a refusal of the server, or the connection's end. */
export function faultOf(server: string, error: unknown, manner: Manner): SinkUnavailable {
  if (!(error instanceof Error)) return unavailable(server, { what: 'failed', cause: error })
  if (error.name === 'ReplyError') return refusal(server, error)
  const network = isMissing(error) ? { fault: 'unreachable', code: 'ENOENT' } : networkFault(error)
  if (network) return broken(server, { ...network, ...manner, cause: error })
  // For these two the library has neither a class nor a code.
  if (error.message.startsWith('Command timed out')) return silent(server, manner.timeout)
  if (error.message.includes('RESP')) return nonsense(server, error)
  return unavailable(server, { what: 'closed the connection', hint: HINTS.closed, cause: error })
}

function isMissing(error: Error): boolean {
  return 'code' in error && error.code === 'ENOENT'
}

/** `WRONGPASS invalid username-password pair`: the first word says what is wrong. */
function refusal(server: string, cause: Error): SinkUnavailable {
  // Behind this, an old server repeats what it was sent.
  const [said = ''] = cause.message.split(/, with args|`/, 1)
  const what = `refused: ${printable(said.slice(0, 200).trim())}`
  return unavailable(server, { what, hint: refusalHint(said), cause })
}

function refusalHint(said: string): string {
  const word = said.split(' ', 1)[0] ?? ''
  if (word !== 'ERR') return REFUSALS[word] ?? HINTS.refused
  return ERRORS.find(([pattern]) => pattern.test(said))?.[1] ?? HINTS.refused
}

const CLUSTER = 'this is a node of a Redis Cluster, which tipline does not write to'

/** By the first word of the refusal. */
const REFUSALS: Readonly<Record<string, string>> = {
  NOAUTH: 'set sinks.redis.password, and sinks.redis.username for an ACL user',
  WRONGPASS: 'check sinks.redis.username and password; on the server: ACL LIST, ACL LOG',
  NOPERM: 'docs/guides/redis.md lists what the ACL user needs; on the server: ACL LOG',
  READONLY: 'this is a replica: name the primary in sinks.redis.url',
  MASTERDOWN: 'this is a replica without its primary: name the primary in sinks.redis.url',
  NOREPLICAS: 'its replicas are gone, and min-replicas-to-write asks for some',
  OOM: 'it has reached maxmemory and may throw nothing out: give it more (maxmemory)',
  LOADING: 'it reads its data from disk and answers when that is done: try again in a moment',
  MISCONF: 'it can not save to its disk and refuses writes: look into its log, is the disk full?',
  BUSY: 'a script holds it up; on the server: SCRIPT KILL',
  DENIED: 'it is in protected mode: set a password there, and bind and protected-mode',
  WRONGTYPE: 'somebody else uses keys that begin with tipline: - choose a sinks.redis.prefix',
  MOVED: CLUSTER,
  ASK: CLUSTER,
  CROSSSLOT: CLUSTER,
  CLUSTERDOWN: CLUSTER,
}

/** Where the first word is ERR, by what is behind it. */
const ERRORS: readonly (readonly [RegExp, string])[] = [
  [/max number of clients/, 'it has no connections left (maxclients)'],
  [/DB index/, 'sinks.redis.url names a database that it does not have (databases)'],
  [/AUTH.*without any password/, 'it wants no password: take sinks.redis.password away'],
  [/unknown command/, 'it is too old, or the command was renamed or taken away there'],
]

const HINTS = {
  refused: 'look into its log',
  closed: 'look into its log; it may have been restarted, or want TLS (rediss://)',
  silent: 'it is overloaded, stopped, or behind a firewall; see also sinks.redis.timeout',
  tls: 'is it rediss:// there, and does it want client_pem_file?',
  nonsense: 'is that a Redis, and one without TLS on this port?',
} as const

const NETWORK: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ECONNREFUSED: ['refused the connection', 'is redis-server running there (bind, port)?'],
  ENOTFOUND: ['its name is not known', 'check sinks.redis.url'],
  EAI_AGAIN: ['its name can not be looked up', 'is there a name server that answers?'],
  ENOENT: ['there is no such socket', 'is redis-server running there (unixsocket)?'],
  EACCES: ['its socket may not be opened', 'give this user access to it (unixsocketperm)'],
  ECONNRESET: ['broke the connection off', HINTS.closed],
  EPIPE: ['broke the connection off', HINTS.closed],
}

interface Broken extends Manner {
  readonly fault: string
  readonly code: string
  readonly cause: Error
}

function broken(server: string, { fault, code, cause, timeout, caFile }: Broken): SinkUnavailable {
  if (fault === 'timeout') return silent(server, timeout)
  if (fault === 'tls') {
    const hint = certificateHint(code, caFile) ?? HINTS.tls
    return unavailable(server, { what: `TLS failed (${code})`, hint, cause })
  }
  const [what, hint] = NETWORK[code] ?? [`can not be reached (${code})`, 'check sinks.redis.url']
  return unavailable(server, { what, hint, cause })
}

function silent(server: string, timeout: number): SinkUnavailable {
  return unavailable(server, {
    what: `gave no answer within ${timeout / 1000} s`,
    hint: HINTS.silent,
  })
}

function nonsense(server: string, cause: Error): SinkUnavailable {
  const what = 'answered what is not the Redis protocol'
  return unavailable(server, { what, hint: HINTS.nonsense, cause })
}

/** The keys that are written with every good cycle, and what stands under them. */

import { ascii } from '../../ascii.js'
import { LEGACY_SPACES } from '../../indicators/types.js'
import type { Heartbeat } from '../sink.js'
import { HEARTBEAT_KEY, NET_LENGTHS_KEY, STATS_KEY } from './keyspace.js'
import { heartbeatText } from './memory.js'

/** `behind`: of several servers those that are not up to date; null: there is but one. */
export function beatEntries(
  heartbeat: Heartbeat,
  behind: readonly string[] | null = null,
): (readonly [key: string, text: string])[] {
  const { keys, netLengths } = heartbeat
  const legacy = LEGACY_SPACES.reduce((sum, space) => sum + (keys[space] ?? 0), 0)
  return [
    [STATS_KEY, String(legacy)],
    ...(netLengths ? [[NET_LENGTHS_KEY, ascii(netLengths)] as const] : []),
    [HEARTBEAT_KEY, heartbeatText(heartbeat, behind)],
  ]
}

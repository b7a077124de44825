/** What `tipline doctor` says of the channels of alerts; with --alerts each is sent a test. */
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import type { LoadedConfig } from '../config/load.js'
import { TiplineError } from '../errors.js'
import { type ChannelSettings, createChannel } from '../hits/alerts/channels/registry.js'
import { told } from '../hits/alerts/disclose.js'
import { type ChannelStatus, channelStatuses } from '../hits/alerts/status.js'
import { hitsPath, openHits } from '../hits/database.js'
import { silentLogger } from '../log.js'
import type { Context } from './context.js'
import type { Finding } from './finding.js'
import { count } from './words.js'

export function diagnoseQueues({ alerts, dataDir }: LoadedConfig): Finding[] {
  if (!existsSync(hitsPath(dataDir))) return []
  const db = openHits(dataDir)
  try {
    const names = alerts.map(({ name }) => name)
    return channelStatuses(db, names).flatMap(queueFindings)
  } finally {
    db.close()
  }
}

function queueFindings({ channel, waiting, parked, trouble }: ChannelStatus): Finding[] {
  const area = `alerts ${channel}`
  const stuck = waiting > 0 && trouble !== ''
  return [
    ...(stuck
      ? [
          {
            area,
            level: 'warn',
            message: `${count(waiting, 'message')} waiting: ${trouble}`,
          } as const,
        ]
      : []),
    ...(parked > 0
      ? [{ area, level: 'warn', message: `${count(parked, 'message')} parked: refused` } as const]
      : []),
  ]
}

/** Past the queue, so that what it says is of now. */
export function testChannels({ alerts, policy }: LoadedConfig, context: Context) {
  const untagged = policy.untagged_as
  return Promise.all(alerts.map((channel) => testChannel(channel, { untagged, context })))
}

async function testChannel(
  settings: ChannelSettings,
  { untagged, context }: { untagged: LoadedConfig['policy']['untagged_as']; context: Context },
): Promise<Finding> {
  const { name, disclose } = settings
  const area = `alerts ${name}`
  const { env, signal } = context
  const clock = () => Date.now()
  const deps = { log: silentLogger(), env, clock, hostname: hostname() }
  const channel = createChannel(settings, deps)
  const test = { id: randomUUID(), kind: 'test', at: clock(), sights: [], more: 0 } as const
  try {
    const answer = await channel.send(told(test, { channel: name, disclose, untagged }), signal)
    return { area, level: 'ok', message: `a test was sent: ${answer}` }
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message, hint } = error
    return { area, level: 'error', message, ...(hint !== undefined && { hint }) }
  } finally {
    await channel.close()
  }
}

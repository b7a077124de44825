/** What `tipline doctor` says of the sources, and of the lists that the policy uses. */
import type { LoadedConfig } from '../config/load.js'
import { TiplineError } from '../errors.js'
import { MATCHABLE_TYPES } from '../indicators/types.js'
import { silentLogger } from '../log.js'
import { Metrics } from '../metrics.js'
import type { Identity, MispClient } from '../misp/client.js'
import type { FeedSourceSettings, MispSourceSettings } from '../misp/settings.js'
import { openClient, openFeedAlone, type SourceSettings } from '../sync/open-source.js'
import type { Context } from './context.js'
import type { Finding } from './finding.js'
import { offlinePolicy } from './offline-policy.js'
import { count, number } from './words.js'

/** One try: who waits for the doctor wants to know what is wrong now. */
const DEPS = { log: silentLogger(), metrics: new Metrics(), attempts: 1 }

export async function diagnoseSource(
  settings: SourceSettings,
  context: Context,
): Promise<readonly Finding[]> {
  const area = settings.name
  const insecure: Finding[] = settings.ignore_cert_errors
    ? [
        {
          area,
          level: 'warn',
          message: 'takes any certificate',
          hint: 'use ca_file instead of ignore_cert_errors',
        },
      ]
    : []
  try {
    const findings =
      settings.type === 'feed'
        ? await diagnoseFeed(settings, context)
        : await diagnoseMisp(settings, context)
    return [...insecure, ...findings]
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message, hint } = error
    return [...insecure, { area, level: 'error', message, ...(hint && { hint }) }]
  }
}

async function diagnoseFeed(settings: FeedSourceSettings, { signal }: Context): Promise<Finding[]> {
  const { feed, close } = openFeedAlone(settings, DEPS)
  const area = settings.name
  try {
    const { rows, unread, refused } = await feed.manifest(signal)
    const message = `the feed lists ${count(rows.length, 'event')}`
    const odd = refused + unread.length
    if (odd === 0) return [{ area, level: 'ok', message }]
    const hint =
      refused === 0
        ? 'what is known of these events stays'
        : 'while there are entries that name no event, no missing event counts as gone'
    return [{ area, level: 'warn', message: `${message}, and ${odd} entries can't be read`, hint }]
  } finally {
    await close()
  }
}

async function diagnoseMisp(settings: MispSourceSettings, context: Context): Promise<Finding[]> {
  const { client, dispatcher } = openClient(settings, DEPS)
  const { name: area } = settings
  const { signal } = context
  try {
    const { version } = await client.version(signal)
    const identity = await client.me(signal)
    return [
      versionFinding(area, version),
      ...identityFindings(area, identity),
      await clockFinding(area, { client, context }),
      await contentFinding(settings, { client, signal }),
    ]
  } finally {
    await dispatcher.close()
  }
}

/** Since then restSearch heeds `order`, without which pages drift. */
const OLDEST = [2, 4, 178] as const

function versionFinding(area: string, version: string): Finding {
  const parts = version.split('.').map(Number)
  const at = OLDEST.findIndex((part, n) => (parts[n] ?? 0) !== part)
  const old = at >= 0 && (parts[at] ?? 0) < OLDEST[at]!
  const message = `MISP ${version} answers`
  if (!old) return { area, level: 'ok', message }
  const hint = 'from 2.4.178 on its pages come in a lasting order; older ones may lose rows'
  return { area, level: 'warn', message, hint }
}

function identityFindings(area: string, identity: Identity): Finding[] {
  const { roleName, orgName, permissions } = identity
  const message = `the key is good: role ${roleName} of ${orgName}`
  const mighty = permissions.filter((name) => /^perm_(site_)?admin$|^perm_publish$/.test(name))
  return [
    { area, level: 'ok', message },
    ...(mighty.length === 0
      ? []
      : [
          {
            area,
            level: 'warn',
            message: `the key may do more than it needs (${mighty.join(', ')})`,
            hint: 'a role that may only read is enough',
          } as const,
        ]),
  ]
}

/** Differences beyond this confuse people who compare times; tipline itself goes by MISP's clock. */
const MOST_SKEW_SECONDS = 60

async function clockFinding(
  area: string,
  { client, context }: { client: MispClient; context: Context },
): Promise<Finding> {
  const { serverTime } = await client.eventIndex({ eventid: ['0'] }, context.signal)
  const skew = Math.abs(serverTime - context.now())
  const message = `its clock and ours differ by ${number(skew)} s`
  if (skew <= MOST_SKEW_SECONDS) return { area, level: 'ok', message }
  return { area, level: 'warn', message, hint: 'set both by NTP; ages and expiries go by ours' }
}

async function contentFinding(
  { name: area, filters, search }: MispSourceSettings,
  { client, signal }: { client: MispClient; signal: AbortSignal },
): Promise<Finding> {
  const query = search ?? { type: filters.types ?? MATCHABLE_TYPES, to_ids: filters.to_ids ? 1 : 0 }
  const { empty } = await client.count(query, signal)
  if (!empty) return { area, level: 'ok', message: 'it shows us attributes to load' }
  const hint = 'are the events shared with the organisation of this key, and marked to_ids?'
  return { area, level: 'warn', message: 'it shows us nothing to load', hint }
}

export async function diagnosePolicy(config: LoadedConfig): Promise<readonly Finding[]> {
  const area = 'policy'
  try {
    const { lists, warnings } = await offlinePolicy(config)
    return [
      { area, level: 'ok', message: `${count(lists, 'list')} in use` },
      ...warnings.map((message) => ({ area, level: 'warn', message }) as const),
    ]
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message, hint } = error
    return [{ area, level: 'error', message, ...(hint && { hint }) }]
  }
}

/** `tipline backscan`: what indicators would have met, had they been known. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { EXIT, UsageError } from '../errors.js'
import { readIp } from '../indicators/ip.js'
import { type BackscanReport, backscan } from '../match/backscan/backscan.js'
import { parseDuration } from '../policy/duration.js'
import { tellingOf } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { type Base, openBase } from './wiring.js'

export interface BackscanOptions {
  readonly since?: string
  readonly indicator?: string
}

/** What a sync does where the config says so: after it, for what is new. @throws ClickHouseError */
export async function backscanAfterSync(
  { config, log }: Base,
  context: Context,
): Promise<BackscanReport | null> {
  const settings = config.sinks.clickhouse
  const ago = parseDuration(settings?.backscan ?? '')
  if (!settings || ago === null) return null
  const { signal } = context
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const until = context.now() + 1
    const report = await backscan({
      db,
      tables: tablesOf(settings),
      since: Math.max(until - ago, 0),
      until,
      value: null,
      telling: tellingOf(settings, config.networks),
      progress: ({ from, hits }) =>
        log.debug({ from: new Date(from * 1000).toISOString(), hits }, 'looked at a day'),
      signal,
    })
    log.info({ ...report }, 'looked for new indicators in the flows of the past')
    return report
  } finally {
    await db.close()
  }
}

export async function backscanCommand(
  context: Context,
  { since = '30d', indicator }: BackscanOptions,
): Promise<number> {
  const ago = parseDuration(since)
  if (ago === null) {
    throw new UsageError({ what: '--since is no duration', hint: 'such as 12h, 7d or 30d' })
  }
  const { config, log } = await openBase(context)
  const settings = config.sinks.clickhouse
  if (!settings) {
    const hint = 'add `clickhouse: {}` under `sinks` for the embedded one'
    throw new UsageError({ what: 'the config has no ClickHouse', hint })
  }
  const { signal } = context
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const until = context.now() + 1
    const report = await backscan({
      db,
      tables: tablesOf(settings),
      since: Math.max(until - ago, 0),
      until,
      value: indicator === undefined ? null : (readIp(indicator) ?? indicator),
      telling: tellingOf(settings, config.networks),
      progress: ({ from, hits }) =>
        log.info({ from: new Date(from * 1000).toISOString(), hits }, 'looked at a day'),
      signal,
    })
    const { indicators, hits } = report
    context.out.answer(report, () => [
      indicators === 0
        ? 'Nothing new to look for: every indicator has been looked for that far back.'
        : `${indicators} indicators looked for in the last ${since}: ${hits} hits.`,
    ])
    return EXIT.done
  } finally {
    await db.close()
  }
}

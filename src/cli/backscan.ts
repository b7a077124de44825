/** `tipline backscan`: what indicators would have met, had they been known. */
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import { EXIT, LedgerBusy, UsageError } from '../errors.js'
import { readIp } from '../indicators/ip.js'
import { printable } from '../log.js'
import { alone } from '../match/backscan/alone.js'
import { type BackscanReport, backscan } from '../match/backscan/backscan.js'
import { readLooked } from '../match/backscan/coverage.js'
import type { Announcement, Limits } from '../match/backscan/work.js'
import { parseDuration } from '../policy/duration.js'
import { NO_CLICKHOUSE, tellingOf } from '../sinks/clickhouse/settings.js'
import type { Context } from './context.js'
import { tellNewFloods } from './floods.js'
import { Progress } from './progress.js'
import { type Base, openBase } from './wiring.js'

export interface BackscanOptions {
  readonly since?: string
  readonly indicator?: string
  readonly again?: boolean
  readonly maxTime?: string
  readonly maxRead?: string
  readonly threads?: string
}

/** What a sync does where the config says so: after it, for what is new. @throws ClickHouseError */
export async function backscanAfterSync(
  { config, log }: Base,
  context: Context,
): Promise<BackscanReport | null> {
  const settings = config.sinks.clickhouse
  const ago = parseDuration(settings?.backscan ?? '')
  if (!settings || ago === null) return null
  const { dataDir } = config
  const { signal } = context
  try {
    return await alone({ dataDir, waitMs: 0, signal }, async () => {
      const db = await openClickHouse(settings, { dataDir, log, signal })
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
            log.debug({ from: new Date(from * 1000).toISOString(), hits }, 'looked so far back'),
          signal,
        })
        log.info({ ...report }, 'looked for new indicators in the flows of the past')
        return report
      } finally {
        await db.close()
      }
    })
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error
    log.info(`${error.message}; the next sync looks for what is new now`)
    return null
  }
}

export async function backscanCommand(context: Context, options: BackscanOptions): Promise<number> {
  const { since = '30d' } = options
  const limits = limitsOf(options)
  const ago = parseDuration(since)
  if (ago === null) {
    throw new UsageError({ what: '--since is no duration', hint: 'such as 12h, 7d or 30d' })
  }
  const shown = process.stderr.isTTY === true && !context.out.json
  const bar = await Progress.open({ shown })
  try {
    const base = await openBase(context, shown ? (line) => bar.log(line) : undefined)
    const looking = { base, bar, options: { ...options, since }, limits, ago }
    return await inTurn(base, context.signal, () => lookBack(context, looking))
  } finally {
    bar.end()
  }
}

/** After one that is under way. */
async function inTurn<T>(
  { config: { dataDir }, log }: Base,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await alone({ dataDir, waitMs: 0, signal }, work)
  } catch (error) {
    if (!(error instanceof LedgerBusy)) throw error
    log.warn(`${error.message}; waiting for it to end`)
    return await alone({ dataDir, waitMs: Number.POSITIVE_INFINITY, signal }, work)
  }
}

interface Looking {
  readonly base: Base
  readonly bar: Progress
  readonly options: BackscanOptions & { readonly since: string }
  readonly limits: Limits
  /** Seconds. */
  readonly ago: number
}

async function lookBack(
  context: Context,
  { base, bar, options, limits, ago }: Looking,
): Promise<number> {
  const { config, log, metrics } = base
  const { since, indicator, again = false } = options
  const settings = config.sinks.clickhouse
  if (!settings) throw new UsageError(NO_CLICKHOUSE)
  const { signal } = context
  const tables = tablesOf(settings)
  const value = indicator === undefined ? '' : (readIp(indicator) ?? indicator)
  const db = await openClickHouse(settings, { dataDir: config.dataDir, log, signal })
  try {
    const until = context.now() + 1
    let rows = 0
    const report = await backscan({
      db,
      tables,
      since: Math.max(until - ago, 0),
      until,
      value: indicator === undefined ? null : value,
      telling: tellingOf(settings, config.networks),
      again,
      limits,
      announce: (plan) => {
        rows = plan.rows
        if (plan.slices > 0) log.info({ ...plan }, `about to look: ${wordsOf(plan)}`)
      },
      progress: ({ from, hits, rows: done }) => {
        const share = rows === 0 ? 100 : Math.min(Math.round((done / rows) * 100), 100)
        bar.draw('backscan', { value: share, total: 100, done: `back to ${iso(from)}` })
        log.info({ from: iso(from), hits }, `looked back to ${iso(from)}: ${share} %`)
      },
      signal,
    })
    await tellNewFloods({ config, log, metrics }, context, since)
    const isKnown =
      indicator === undefined || (await readLooked({ db, tables, signal }, value)).length > 0
    context.out.answer(report, () => (isKnown ? linesOf(report, since) : [unknown(value)]))
    return isKnown ? EXIT.done : EXIT.nothing
  } finally {
    await db.close()
  }
}

function unknown(value: string): string {
  return `${printable(value)} is no address or net that flows are matched with; tipline explain tells why.`
}

function limitsOf({ maxTime, maxRead, threads }: BackscanOptions): Limits {
  const seconds = maxTime === undefined ? undefined : parseDuration(maxTime)
  if (seconds === null) {
    throw new UsageError({ what: '--max-time is no duration', hint: 'such as 10m or 2h' })
  }
  const bytes = maxRead === undefined ? undefined : bytesOf(maxRead)
  if (bytes === null) {
    throw new UsageError({ what: '--max-read is no size', hint: 'such as 500M, 20G or 1T' })
  }
  if (threads !== undefined && !/^[1-9]\d{0,2}$/.test(threads)) {
    throw new UsageError({ what: '--threads is no number', hint: 'such as 2' })
  }
  return {
    ...(seconds !== undefined && { seconds }),
    ...(bytes !== undefined && { bytes }),
    ...(threads !== undefined && { threads: Number(threads) }),
  }
}

const UNITS = { M: 1e6, G: 1e9, T: 1e12 } as const

function bytesOf(text: string): number | null {
  const match = /^(\d{1,6})([MGT])$/.exec(text)
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : null
}

function wordsOf({ indicators, slices, rows, bytes }: Announcement): string {
  const size = `${(bytes / 1e6).toFixed(1)} MB of addresses`
  return `${indicators} indicators, at most ${rows} flows (${size}) in ${slices} slices`
}

function linesOf({ indicators, hits, gaps, stopped }: BackscanReport, since: string): string[] {
  const nothing = indicators === 0 && gaps === 0
  return [
    nothing
      ? 'Nothing new to look for: every indicator has been looked for that far back.'
      : `${indicators} indicators looked for in the last ${since}: ${hits} hits.`,
    ...(gaps > 0
      ? [`${stretches(gaps)} of time looked at again, in which flows came unmatched.`]
      : []),
    ...(stopped === null
      ? []
      : [`Stopped at the limit of ${stopped}; the next run goes on there.`]),
  ]
}

function stretches(n: number): string {
  return n === 1 ? '1 stretch' : `${n} stretches`
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}

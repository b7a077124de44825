/**
 * An indicator that meets more flows in an hour than are stored is told of once: it is poisoned, or
 * something large goes on. Whoever finds it first tells; all the others find that it has been told.
 */
import { ClickHouseError, TiplineError } from '../errors.js'
import { type Database, inTransaction } from '../ledger/sqlite.js'
import { type Logger, printable } from '../log.js'
import type { Metrics } from '../metrics.js'
import { parseDuration } from '../policy/duration.js'
import { type Counted, readCounted } from './counted.js'
import { asHitsError } from './database.js'
import { type HitStores, openStores, type StoresOptions } from './stores.js'

export interface Telling {
  /** Epoch milliseconds. */
  readonly now: number
  /** How far back flows are looked at, e.g. `30d`; absent or less than a day: a day. */
  readonly back?: string | undefined
  readonly log: Logger
  readonly metrics: Metrics
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Told one by one; larger ones come first. */
const MOST = 100

/**
 * As `tellFloods`, on stores of its own. What it can't find out now it says with the next call; that
 * is never a reason to fail for whoever has just done something else.
 */
export async function tellFloodsOf(
  options: Omit<StoresOptions, 'log' | 'metrics'>,
  telling: Telling,
  signal: AbortSignal,
): Promise<void> {
  if (!options.clickhouse) return
  const { log, metrics } = telling
  let stores: ReturnType<typeof openStores> | undefined
  try {
    stores = openStores({ ...options, log, metrics, signal })
    await tellFloods(stores, telling, signal)
  } catch (error) {
    const err = asHitsError(error, options.dataDir)
    if (!(err instanceof TiplineError)) throw error
    log.warn({ err }, 'whether an indicator floods is told later')
  } finally {
    await stores?.close()
  }
}

/**
 * Writes a line for each flood that nobody was told of, and counts it; answers how many. A ClickHouse
 * that can't be asked now is asked the next time.
 */
export async function tellFloods(
  stores: HitStores,
  { now, back, log, metrics }: Telling,
  signal: AbortSignal,
): Promise<number> {
  const since = now - Math.max(DAY_MS, (parseDuration(back ?? '') ?? 0) * 1000)
  try {
    const floods = await readCounted(stores, { since, why: 'flood', limit: MOST }, signal)
    const begun = await beginningsOf(floods, stores, signal)
    if (begun.length === 0) return 0
    return inTransaction(stores.db, () => {
      const fresh = begun.filter((one) => isNew(stores.db, one))
      for (const { flood } of fresh) {
        log.warn(factsOf(flood), wordsOf(flood))
        metrics.count('tipline_floods_total', { source: flood.event.source })
      }
      return fresh.length
    })
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof ClickHouseError)) throw error
    log.debug({ err: error }, 'whether an indicator floods could not be asked now')
    return 0
  }
}

interface Begun {
  /** From where it began. */
  readonly flood: Counted
  /** Epoch milliseconds: the end of what was told of it, or 0. */
  readonly told: number
}

/** Of those that went on since they were told of: what came after that. */
async function beginningsOf(
  floods: readonly Counted[],
  stores: HitStores,
  signal: AbortSignal,
): Promise<Begun[]> {
  const begun: Begun[] = []
  for (const flood of floods) {
    const told = toldUpTo(stores.db, flood)
    if (told === null) begun.push({ flood, told: 0 })
    else if (flood.last > told) {
      begun.push({ flood: (await after(told, flood, { stores, signal })) ?? flood, told })
    }
  }
  return begun
}

/** Counts are by the hour: of that in which the telling ended, nothing can be said. */
async function after(
  told: number,
  { event, attribute }: Counted,
  { stores, signal }: { stores: HitStores; signal: AbortSignal },
): Promise<Counted | undefined> {
  const [flood] = await readCounted(
    stores,
    {
      since: told + HOUR_MS,
      why: 'flood',
      source: event.source,
      attributes: [attribute.uuid],
      limit: 1,
    },
    signal,
  )
  return flood
}

function toldUpTo(db: Database, { event, attribute }: Counted): number | null {
  const row = db
    .prepare('SELECT last FROM flood WHERE source = ? AND attribute = ?')
    .get(event.source, attribute.uuid) as { last: number } | undefined
  return row?.last ?? null
}

/** A flood that was over for a day and begins again is another one. */
function isNew(db: Database, { flood, told }: Begun): boolean {
  const { event, attribute, first, last } = flood
  const before = toldUpTo(db, flood)
  db.prepare(
    `INSERT INTO flood VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET last = max(last, excluded.last)`,
  ).run(event.source, attribute.uuid, last)
  return before === null || (before <= told && first > before + DAY_MS)
}

function factsOf({ indicator, event, attribute, flows }: Counted): object {
  return {
    indicator: printable(indicator.value),
    source: event.source,
    event: event.id || event.uuid,
    attribute: attribute.uuid,
    flows,
  }
}

function wordsOf({ indicator, event, flows, first }: Counted): string {
  const value = printable(indicator.value)
  const since = new Date(first).toISOString()
  return `${value} (${printable(event.info)}) meets more flows in an hour than are stored: ${flows.toLocaleString('en-US')} since ${since} are only counted. tipline hits --counted tells more; tipline hold '${value}' ends it`
}

/** What was told so long ago (epoch milliseconds) is forgotten. */
export function pruneFloods(db: Database, before: number): void {
  db.prepare('DELETE FROM flood WHERE last < ?').run(before)
}

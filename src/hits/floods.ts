/**
 * An indicator that meets more flows in an hour than are stored is told of once: it is poisoned, or
 * something large goes on. Whoever finds it first tells; all the others find that it has been told.
 */
import { ClickHouseError, HitsError } from '../errors.js'
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

const DAY_MS = 86_400_000
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
    if (!(err instanceof HitsError)) throw error
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
    if (floods.length === 0) return 0
    return inTransaction(stores.db, () => {
      const fresh = floods.filter((flood) => isNew(stores.db, flood))
      for (const flood of fresh) {
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

/** A flood that was over for a day and begins again is another one. */
function isNew(db: Database, { event, attribute, first, last }: Counted): boolean {
  const row = db
    .prepare('SELECT last FROM flood WHERE source = ? AND attribute = ?')
    .get(event.source, attribute.uuid) as { last: number } | undefined
  db.prepare(
    `INSERT INTO flood VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET last = max(last, excluded.last)`,
  ).run(event.source, attribute.uuid, last)
  return row === undefined || first > row.last + DAY_MS
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

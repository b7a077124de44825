/**
 * New hits, for those that act on them: each hit once for each follower, none left out.
 *
 * Hits of lines come in the order of their row numbers. ClickHouse has no such order: a hit carries the
 * time at which it was written, and one that was long in writing shows up behind newer ones. So a
 * follower looks again at everything of the last hour, and knows by id what it has been told.
 */
import type { ClickHouse } from '../clickhouse/client.js'
import { quoted } from '../clickhouse/names.js'
import { ClickHouseError } from '../errors.js'
import { type Database, inTransaction } from '../ledger/sqlite.js'
import { FLOW_HIT, flowId, flowRowsById } from './flow-hits.js'
import type { Hit } from './hit.js'
import { lastLogRow, logRowsAfter } from './log-hits.js'
import type { FlowStore, HitStores } from './stores.js'
import { Teller } from './tell.js'

export interface NewHits {
  /** In no order that means anything. Empty: there is nothing new. */
  readonly hits: readonly Hit[]
  /**
   * Why ClickHouse could not be asked: its hits come when it can be reached again. null: it could;
   * undefined: there were hits of lines enough, and it was not asked.
   */
  readonly unavailable: ClickHouseError | null | undefined
  /**
   * To be called within the transaction in which the follower writes down what it makes of these hits
   * (`inTransaction(stores.db, ...)`): after a kill both are done, or neither.
   */
  readonly accept: () => void
}

/**
 * How late a hit may show up after the moment that stands in it. A backscan writes a slice in one
 * INSERT, and that may take a while.
 */
export const LATE_SECONDS = 3600

/**
 * What follower `name` has not been told, at most about `limit`. The first call of a follower is its
 * beginning: it hears of what comes after. Call again until it is empty. @throws HitsError
 */
export async function newHits(
  stores: HitStores,
  { name, limit }: { name: string; limit: number },
  signal: AbortSignal,
): Promise<NewHits> {
  const teller = new Teller(stores)
  const { db } = stores
  const position = readPosition(db, name) ?? begin(db, name)
  const lines = logRowsAfter(db, position.logRow, limit)
  const room = limit - lines.length
  const flows = room > 0 ? await newFlows(stores, { name, position, limit: room }, signal) : UNASKED
  return {
    hits: [...lines.map((row) => teller.log(row)), ...flows.rows.map((row) => teller.flow(row))],
    unavailable: flows.unavailable,
    accept: () => {
      const logRow = lines.at(-1)?.row ?? position.logRow
      move(db, { name, logRow, told: flows.told })
    },
  }
}

/** Forgets a follower, so that its name begins anew. */
export function endFollower(db: Database, name: string): void {
  inTransaction(db, () => {
    db.prepare('DELETE FROM follower WHERE name = ?').run(name)
    db.prepare('DELETE FROM told WHERE follower = ?').run(name)
  })
}

interface Position {
  readonly logRow: number
  /** Seconds by ClickHouse's clock; -1: it has not been asked yet. */
  readonly flowFrom: number
  readonly flowAt: number
}

function readPosition(db: Database, name: string): Position | null {
  const row = db
    .prepare(
      'SELECT log_row AS logRow, flow_from AS flowFrom, flow_at AS flowAt FROM follower WHERE name = ?',
    )
    .get(name)
  return (row as unknown as Position | undefined) ?? null
}

function begin(db: Database, name: string): Position {
  const position = { logRow: lastLogRow(db), flowFrom: -1, flowAt: -1 }
  db.prepare('INSERT INTO follower VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING').run(
    name,
    position.logRow,
    position.flowFrom,
    position.flowAt,
  )
  return position
}

interface Told {
  /** 64 bits, in decimal digits. */
  readonly hit: string
  /** Seconds by ClickHouse's clock. */
  readonly at: number
}

interface NewFlows {
  readonly rows: Awaited<ReturnType<typeof flowRowsById>>
  readonly told: readonly Told[]
  readonly unavailable: NewHits['unavailable']
}

const UNASKED: NewFlows = { rows: [], told: [], unavailable: undefined }

async function newFlows(
  { db, flows }: HitStores,
  { name, position, limit }: { name: string; position: Position; limit: number },
  signal: AbortSignal,
): Promise<NewFlows> {
  const none = { rows: [], told: [], unavailable: null }
  if (flows === null) return none
  try {
    const clickhouse = await flows.open()
    if (position.flowFrom < 0) {
      const now = await clockOf(clickhouse, signal)
      db.prepare('UPDATE follower SET flow_from = ? WHERE name = ?').run(now, name)
      return none
    }
    const after = Math.max(position.flowFrom, position.flowAt - LATE_SECONDS)
    const told = await untold(db, { clickhouse, flows, name, after, limit, signal })
    const hits = told.map(({ hit }) => hit)
    const asked = { db: clickhouse, table: flows.tables.hits, signal }
    const rows = hits.length === 0 ? [] : await flowRowsById(asked, hits, { writtenFrom: after })
    return { ...none, rows, told }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof ClickHouseError)) throw error
    // The table comes with the first sync: until then there are no hits, which is no failure.
    return { ...none, unavailable: error.fault === 'missing' ? null : error }
  }
}

/** Epoch seconds. @throws ClickHouseError */
export async function clockOf(clickhouse: ClickHouse, signal: AbortSignal): Promise<number> {
  const { at } = await clickhouse.row<{ at: number }>('SELECT toUnixTimestamp(now()) AS at', {
    signal,
  })
  return at
}

/** The first hits, by the time of writing, that the follower has not been told. */
async function untold(
  db: Database,
  asked: {
    clickhouse: ClickHouse
    flows: FlowStore
    name: string
    after: number
    limit: number
    signal: AbortSignal
  },
): Promise<Told[]> {
  const { clickhouse, flows, name, after, limit, signal } = asked
  const isTold = db.prepare('SELECT 1 FROM told WHERE follower = ? AND hit = ?')
  const found: Told[] = []
  const stream = clickhouse.stream<{ number: string; at: number }>(
    `SELECT toString(${FLOW_HIT}) AS number, min(toUnixTimestamp(insert_ts)) AS at
     FROM ${quoted(flows.tables.hits)} WHERE insert_ts >= toDateTime({after:UInt32})
     GROUP BY number ORDER BY at, number`,
    { params: { after }, signal },
  )
  for await (const { number: hit, at } of stream) {
    if (isTold.get(name, flowId(hit))) continue
    found.push({ hit, at })
    if (found.length >= limit) break
  }
  return found
}

function move(
  db: Database,
  { name, logRow, told }: { name: string; logRow: number; told: readonly Told[] },
): void {
  const flowAt = told.at(-1)?.at ?? -1
  db.prepare('UPDATE follower SET log_row = ?, flow_at = max(flow_at, ?) WHERE name = ?').run(
    logRow,
    flowAt,
    name,
  )
  const add = db.prepare('INSERT INTO told VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
  for (const { hit, at } of told) add.run(name, flowId(hit), at)
  // What is older can't come again; the other half hour is for a clock that was set back.
  db.prepare(
    `DELETE FROM told WHERE follower = :name AND at <
       (SELECT flow_at FROM follower WHERE name = :name) - :late`,
  ).run({ name, late: LATE_SECONDS * 1.5 })
}

/** How far back each indicator has been looked for in flows, and where nobody has looked. Reads only. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { columnTypes } from '../../clickhouse/columns.js'
import { type Gap, readGaps } from '../../clickhouse/gaps.js'
import { liveNames } from '../../clickhouse/live-tables.js'
import { quoted } from '../../clickhouse/names.js'
import { backscansTable, gapsTable, lookedTable, type Tables } from '../../clickhouse/schema.js'
import { lookedFor } from './plan.js'
import { NEVER } from './work.js'

export interface Coverage {
  /** Live ones that flows are matched with. */
  readonly indicators: number
  /** Those that were never looked for in the past. */
  readonly never: number
  /** Epoch seconds: all others have been looked for at least back to here; null: there are none. */
  readonly backTo: number | null
  /** Stretches of time in which flows came unmatched, newest first. */
  readonly gaps: readonly Gap[]
}

interface Asked {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly signal: AbortSignal
}

/** Of all indicators; null before the first sync. @throws ClickHouseError */
export async function readCoverage({ db, tables, signal }: Asked): Promise<Coverage | null> {
  const there = await whatIsThere({ db, tables, signal })
  if (!there.details) return null
  const live = liveNames(tables)
  const past = there.looked ? lookedFor({ tables, live, value: null }) : unlooked(tables)
  const { indicators, never, least } = await db.row<
    Record<'indicators' | 'never' | 'least', string>
  >(
    `SELECT count() AS indicators, countIf(back = ${NEVER}) AS never,
       maxIf(back, back != ${NEVER}) AS least FROM (${past})`,
    { params: { value: '' }, signal },
  )
  return {
    indicators: Number(indicators),
    never: Number(never),
    backTo: Number(least) === 0 ? null : Number(least),
    gaps: there.gaps ? await readGaps(db, tables, signal) : [],
  }
}

/** Of one value: an attribute that flows are matched with. */
export interface Looked {
  readonly source: string
  readonly attribute: string
  /** 0: any. */
  readonly port: number
  /** Epoch seconds: it has been looked for back to here; null: it has not been looked for. */
  readonly backTo: number | null
}

/** The attributes with this address or net that flows are matched with. @throws ClickHouseError */
export async function readLooked({ db, tables, signal }: Asked, value: string): Promise<Looked[]> {
  const there = await whatIsThere({ db, tables, signal })
  if (!there.details) return []
  const live = liveNames(tables)
  const past = there.looked ? lookedFor({ tables, live, value }) : unlooked(tables)
  const rows = await db.rows<Omit<Looked, 'backTo'> & { back: number }>(
    `SELECT tl_of.source AS source, tl_of.attribute AS attribute, tl_of.port AS port,
       tl_back.back AS back
     FROM (
       SELECT DISTINCT target, misp AS source, uuid AS attribute, port FROM ${quoted(live.details)}
       WHERE row NOT IN ${quoted(live.gone)} AND ip = {value:String}
     ) AS tl_of INNER JOIN (${past}) AS tl_back ON tl_back.target = tl_of.target
     ORDER BY source, attribute, port`,
    { params: { value }, signal },
  )
  return rows.map(({ back, ...of }) => ({ ...of, backTo: back === NEVER ? null : back }))
}

interface There {
  readonly details: boolean
  readonly looked: boolean
  readonly gaps: boolean
}

async function whatIsThere({ db, tables, signal }: Asked): Promise<There> {
  const isThere = async (name: Tables['iocs']) => (await columnTypes(db, name, signal)).size > 0
  const [details, looked, backscans, gaps] = await Promise.all([
    isThere(liveNames(tables).details),
    isThere(lookedTable(tables).name),
    isThere(backscansTable(tables).name),
    isThere(gapsTable(tables).name),
  ])
  return { details, looked: looked && backscans, gaps }
}

/** In the form of `lookedFor`, where no backscan has ever been. */
function unlooked(tables: Tables): string {
  const { details, gone } = liveNames(tables)
  return `SELECT DISTINCT target, toUInt32(${NEVER}) AS back FROM ${quoted(details)}
    WHERE row NOT IN ${quoted(gone)}`
}

/** What `tipline doctor` finds about the table of flows and the rights that matching needs. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { columnTypes, layoutOf } from '../../clickhouse/columns.js'
import { hasViewsLog } from '../../clickhouse/failed-views.js'
import { identifier, quoted } from '../../clickhouse/names.js'
import type { Tables } from '../../clickhouse/schema.js'
import { ClickHouseError } from '../../errors.js'
import type { Health } from '../sink.js'

type Finding = Health['findings'][number]

/** @throws ClickHouseError */
export async function examineFlows(db: ClickHouse, tables: Tables): Promise<Finding[]> {
  const columns = await columnTypes(db, tables.flows)
  const ofTheServer = [...(await examineRights(db, tables)), ...(await examineViewsLog(db))]
  if (columns.size === 0) return ofTheServer
  return [
    ...ofTheServer,
    ...(layoutOf(columns) === 'text' ? [OLD_LAYOUT] : []),
    ...(await examineTimes(db, tables)),
  ]
}

const OLD_LAYOUT: Finding = {
  level: 'ok',
  message: "flows has nfdump2clickhouse's older layout, where the protocol is a text; it is served",
}

const RIGHTS = [
  'SELECT',
  'INSERT',
  'ALTER',
  'CREATE TABLE',
  'CREATE VIEW',
  'DROP TABLE',
  'DROP VIEW',
]
/** ClickHouse's number of what it can not parse: an older one knows no CHECK GRANT. */
const SYNTAX_ERROR = 62

/** What a sync and a backscan do in the database. */
async function examineRights(db: ClickHouse, { iocs }: Tables): Promise<Finding[]> {
  const missing: string[] = []
  try {
    for (const right of RIGHTS) {
      const { result } = await db.row<{ result: number }>(
        `CHECK GRANT ${right} ON ${identifier(iocs.database)}.*`,
      )
      if (Number(result) === 0) missing.push(right)
    }
  } catch (error) {
    if (error instanceof ClickHouseError && error.code === SYNTAX_ERROR) return []
    throw error
  }
  if (missing.length === 0) return []
  const grant = `GRANT ${missing.join(', ')} ON ${iocs.database}.* TO ...`
  const message = `its user lacks rights on ${iocs.database}: ${missing.join(', ')}`
  return [{ level: 'error', message, hint: grant }]
}

/** The embedded engine writes down by itself what it tells. */
async function examineViewsLog(db: ClickHouse): Promise<Finding[]> {
  if (db.isEmbedded || (await hasViewsLog(db))) return []
  return [
    {
      level: 'warn',
      message:
        'it keeps no system.query_views_log: flows that come unmatched because a view failed for want of memory go unnoticed',
      hint: 'put <query_views_log> into its configuration (it is there by default), and let tipline SELECT from system.*',
    },
  ]
}

/** Clocks of exporters differ a little. */
const AHEAD_SECONDS = 600
/** A file comes when its five minutes are over, and some time later. */
const SLACK_SECONDS = 1500
/** No zone is farther from UTC. */
const MOST_HOURS = 14

/** Flows whose times an earlier tool wrote in its own zone. */
async function examineTimes(db: ClickHouse, { flows }: Tables): Promise<Finding[]> {
  const { ahead, lag } = await db.row<{ ahead: string; lag: string }>(
    `SELECT
       (SELECT countIf(ts > now() + {ahead:UInt32}) FROM ${quoted(flows)}
         WHERE ts > now() + {ahead:UInt32}) AS ahead,
       (SELECT toInt64(max(modification_time)) FROM system.parts
         WHERE active AND level = 0 AND database = {database:String} AND table = {table:String})
       - (SELECT toInt64(max(ts)) FROM ${quoted(flows)}) AS lag`,
    { params: { ...flows, ahead: AHEAD_SECONDS } },
  )
  if (Number(ahead) > 0) {
    const message = `${ahead} flows lie in the future: their times were written in another zone than UTC`
    return [{ level: 'warn', message, hint: SHIFTED }]
  }
  const hours = Math.round(Number(lag) / 3600)
  const rest = Number(lag) - hours * 3600
  if (hours < 1 || hours > MOST_HOURS || rest < -60 || rest > SLACK_SECONDS) return []
  const message = `the newest flows came ${hours} hours after their own time: old files, or times in another zone than UTC`
  return [{ level: 'warn', message, hint: SHIFTED }]
}

const SHIFTED =
  'run the earlier tool with TZ=UTC, or tipline flows watch in its place; what is stored ages out (the times are the key of the table and can not be changed in place)'

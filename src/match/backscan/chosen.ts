/**
 * The indicators of a job, in tables of their own of the same form as those of the live view: the same
 * statement matches with them, and its sets let only their flows through.
 */
import { dropView } from '../../clickhouse/live.js'
import {
  type LiveNames,
  liveNames,
  liveTables,
  setStatements,
} from '../../clickhouse/live-tables.js'
import { identifier, quoted } from '../../clickhouse/names.js'
import { createTable, lookedTable } from '../../clickhouse/schema.js'
import { lookedFor } from './plan.js'
import type { Job, Plan } from './work.js'

export interface Chosen {
  readonly names: LiveNames
  /** Of these indicators, for `tipline_backscans`. */
  readonly backscan: string
  /** Last bits of their addresses, as a SELECT, where skip indexes help; null: read all. */
  readonly bits: string | null
  /** Whether the tables are this job's own. */
  readonly own: boolean
}

/** More addresses than this leave few granules to skip. */
const MOST_TO_SKIP = 5000
const STALE_SECONDS = 86_400

/** @throws ClickHouseError */
export async function openChosen(plan: Plan, job: Job): Promise<Chosen> {
  const { db, live, value, signal } = plan
  const backscan = `${String(Math.floor(Date.now() / 1000))}_${Math.random().toString(36).slice(2)}`
  if (job.back === null && value === null) return { names: live, backscan, bits: null, own: false }
  await dropStale(plan)
  const names = { ...liveNames(plan.tables, `_back_${backscan}`), gone: live.gone }
  const all = liveTables(names).filter(({ name }) => name !== live.gone)
  await Promise.all(all.map((table) => db.command(createTable(table), { signal })))
  const since = job.back === null ? '1' : 'back = {back:UInt32}'
  const columns = all[0]!.columns.map(({ name }) => identifier(name)).join(', ')
  const params = { value: value ?? '', back: job.back ?? 0, backscan }
  const command = (statement: string) => db.command(statement, { params, signal })
  await command(
    `INSERT INTO ${quoted(names.details)} SELECT ${columns} FROM ${quoted(live.details)}
      WHERE row NOT IN ${quoted(live.gone)}
        AND target IN (SELECT target FROM (${lookedFor(plan)}) WHERE ${since})`,
  )
  const looked = `INSERT INTO ${quoted(lookedTable(plan.tables).name)} (target, backscan)
    SELECT DISTINCT target, {backscan:String} FROM ${quoted(names.details)}`
  await Promise.all([...setStatements(names, '1'), looked].map(command))
  return { names, backscan, bits: await bitsOf(plan, names), own: true }
}

/** @throws ClickHouseError */
export async function closeChosen({ db, live }: Plan, { names, own }: Chosen): Promise<void> {
  if (!own) return
  const mine = Object.values(names).filter(({ table }) => table !== live.gone.table)
  await Promise.all(mine.map((name) => db.command(dropView(name))))
}

async function bitsOf({ db, skips, signal }: Plan, { details }: LiveNames): Promise<string | null> {
  if (!skips) return null
  const { keys, nets } = await db.row<{ keys: string; nets: string }>(
    `SELECT uniqExact(key) AS keys, countIf(position(ip, '/') > 0) AS nets FROM ${quoted(details)}`,
    { signal },
  )
  if (Number(nets) > 0 || Number(keys) > MOST_TO_SKIP) return null
  return `SELECT toUInt32(key) FROM ${quoted(details)}`
}

/** Of a run that was killed. */
async function dropStale({ db, tables, live, signal }: Plan): Promise<void> {
  const rows = await db.rows<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = {database:String}
       AND match(name, {pattern:String})
       AND toUInt32OrZero(extract(name, '_back_([0-9]+)_')) < toUnixTimestamp(now()) - ${STALE_SECONDS}`,
    {
      params: {
        database: live.details.database,
        pattern: `^tipline_[a-z0-9]+_${tables.iocs.table}_back_[0-9]+_[0-9a-z]+$`,
      },
      signal,
    },
  )
  for (const { name: table } of rows) {
    await db.command(dropView({ database: live.details.database, table }), { signal })
  }
}

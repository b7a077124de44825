/**
 * How a job's indicators are told to the statement that looks for them. The tables of the live view hold
 * them all, so no others are made: of a few it is said which they are, and their last bits let ClickHouse
 * skip what can't meet them; many are those written down in `tipline_looked_...` for this backscan.
 */
import type { Params } from '../../clickhouse/client.js'
import type { Only } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import { lookedTable } from '../../clickhouse/schema.js'
import { lookedFor } from './plan.js'
import type { Job, Plan } from './work.js'

/** So few meet in so few places that gathering them costs more than it saves. */
const ALONE = 100

export interface Chosen {
  /** Of these indicators, for `tipline_backscans`. */
  readonly backscan: string
  readonly only: Omit<Only, 'flows'>
  readonly params: Params
}

/** @throws ClickHouseError */
export async function choose(plan: Plan, job: Job): Promise<Chosen> {
  const { value } = plan
  const backscan = `${Math.floor(Date.now() / 1000)}_${Math.random().toString(36).slice(2)}`
  if (job.gap !== null) {
    const indicators = value === null ? null : 'tl_ioc.ip = {value:String}'
    const only = { bits: null, indicators, gathered: false }
    return { backscan, only, params: { value: value ?? '' } }
  }
  if (job.few === null) return await chooseMany(plan, job, backscan)
  const indicators = 'tl_ioc.target IN {targets:Array(UInt64)}'
  const params = { targets: job.few.targets.map(BigInt), bits: job.few.bits }
  const gathered = job.indicators > ALONE
  return { backscan, only: { bits: '{bits:Array(UInt32)}', indicators, gathered }, params }
}

/** Until it is written how far this backscan has come, what is written here says nothing. */
async function chooseMany(plan: Plan, { back }: Job, backscan: string): Promise<Chosen> {
  const { db, tables, value, signal } = plan
  const looked = quoted(lookedTable(tables).name)
  await db.command(
    `INSERT INTO ${looked} (target, backscan)
     SELECT target, {backscan:String} FROM (${lookedFor(plan)}) WHERE back = {back:UInt32}`,
    { params: { value: value ?? '', back: back ?? 0, backscan }, signal },
  )
  const indicators = `tl_ioc.target IN (SELECT target FROM ${looked} WHERE backscan = {backscan:String})`
  return { backscan, only: { bits: null, indicators, gathered: false }, params: { backscan } }
}

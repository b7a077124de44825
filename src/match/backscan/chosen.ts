/**
 * How a job's indicators are told to the statement that looks for them. The tables of the live view hold
 * them all, so no others are made: of a few it is said which they are, and their last bits lead ClickHouse
 * to the flows that may meet them; many are those written down in `tipline_looked_...` for this backscan.
 */
import type { Sought } from '../../clickhouse/by-address.js'
import type { Params } from '../../clickhouse/client.js'
import type { Only } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import { lookedTable } from '../../clickhouse/schema.js'
import { lookedFor } from './plan.js'
import type { Few, Job, Plan } from './work.js'

/** So few meet in so few places that gathering them costs more than it saves. */
const ALONE = 100

export interface Chosen {
  /** Of these indicators, for `tipline_backscans`. */
  readonly backscan: string
  readonly only: Omit<Only, 'flows' | 'holdsAll'>
  readonly params: Params
}

/** @throws ClickHouseError */
export async function choose(plan: Plan, job: Job): Promise<Chosen> {
  const { value } = plan
  const backscan = `${Math.floor(Date.now() / 1000)}_${Math.random().toString(36).slice(2)}`
  if (job.gap !== null) {
    const indicators = value === null ? null : 'tl_ioc.ip = {value:String}'
    return { backscan, only: await anyOf(plan, indicators), params: { value: value ?? '' } }
  }
  if (job.few === null) return await chooseMany(plan, job, backscan)
  const { sought, params } = soughtOf(job.few)
  const indicators = 'tl_ioc.target IN {targets:Array(UInt64)}'
  const only = { sought, nets6: false, indicators, gathered: job.indicators > ALONE }
  return { backscan, only, params: { ...params, targets: job.few.targets.map(BigInt) } }
}

function soughtOf({ bits, ports }: Few): { readonly sought: Sought; readonly params: Params } {
  const distinct = (numbers: readonly number[]) => [...new Set(numbers)]
  const anyPort = distinct(bits.filter((_, at) => ports[at] === 0))
  const onPorts = distinct(bits.filter((_, at) => ports[at] !== 0))
  const sought = {
    bits: '{bits:Array(UInt32)}',
    anyPort: anyPort.length === 0 ? null : '{any_port:Array(UInt32)}',
    onPorts: onPorts.length === 0 ? null : '{on_ports:Array(UInt32)}',
    ports: '{ports:Array(UInt16)}',
  }
  return {
    sought,
    params: {
      bits: distinct(bits),
      any_port: anyPort,
      on_ports: onPorts,
      ports: distinct(ports).filter((port) => port !== 0),
    },
  }
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
  return { backscan, only: await anyOf(plan, indicators), params: { backscan } }
}

/** Of all that is met, those of these indicators. */
async function anyOf(plan: Plan, indicators: string | null): Promise<Chosen['only']> {
  return { sought: null, nets6: await hasNets6(plan), indicators, gathered: false }
}

async function hasNets6({ db, live, signal }: Plan): Promise<boolean> {
  const some = await db.rows(
    `SELECT 1 FROM ${quoted(live.details)} WHERE position(ip, ':') > 0 AND position(ip, '/') > 0
     LIMIT 1`,
    { signal },
  )
  return some.length > 0
}

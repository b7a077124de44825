/** What `tipline doctor` finds in ClickHouse. Changes nothing, and does not need the tables to be there. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { quoted, type TableName } from '../../clickhouse/names.js'
import { stateName, type Tables } from '../../clickhouse/schema.js'
import { TiplineError } from '../../errors.js'
import type { Health, Heartbeat, Position } from '../sink.js'
import { examineFlows } from './doctor-flows.js'
import { examineFormer, examineForms, examineRepairs } from './doctor-tables.js'
import { statementsFor } from './statements.js'

export interface Examination {
  readonly connect: () => Promise<ClickHouse>
  readonly tables: Tables
  readonly stateKey: (what: string) => string
  readonly settings: string
  readonly sources: readonly string[]
  /** Epoch seconds. */
  readonly now: number
  readonly ledger: string | undefined
  /** How long hits are to be kept, in seconds; null: for ever; undefined: nobody says. */
  readonly keepHits: number | null | undefined
}

type Finding = Health['findings'][number]

/** Older, and readers should wonder. */
const STALE_SECONDS = 3600

export async function examine(examination: Examination): Promise<Health> {
  const findings = await find(examination)
  return { ok: findings.every(({ level }) => level !== 'error'), findings }
}

async function find(examination: Examination): Promise<Finding[]> {
  let db: ClickHouse | undefined
  try {
    db = await examination.connect()
    const reached: Finding = { level: 'ok', message: `${db.name} answers: version ${db.version}` }
    const odd = await examineForms(db, examination.tables)
    // Whatever else would be asked of such tables fails.
    if (odd.length > 0) return [reached, ...odd]
    const ofTheTable = [
      ...(await examineFlows(db, examination.tables)),
      ...(await examineFormer(db, examination.tables)),
      ...(await examineRepairs(db, examination.tables, examination.keepHits)),
    ]
    if (!(await hasState(db, examination.tables.iocs))) return [reached, EMPTY, ...ofTheTable]
    return [
      reached,
      ...(await ofPosition(db, examination)),
      ...(await ofHeartbeat(db, examination)),
      ...(await ofOthers(db, examination)),
      ...ofTheTable,
    ]
  } catch (error) {
    if (!(error instanceof TiplineError)) throw error
    const { message, hint } = error
    return [{ level: 'error', message, ...(hint !== undefined && { hint }) }]
  } finally {
    await db?.close()
  }
}

const EMPTY: Finding = {
  level: 'warn',
  message: 'it holds nothing of tipline yet',
  hint: 'tipline sync fills it',
}

async function hasState(db: ClickHouse, iocs: TableName): Promise<boolean> {
  const params = { ...stateName(iocs) }
  const { n } = await db.row<{ n: string }>(
    `SELECT count() AS n FROM system.tables
     WHERE database = {database:String} AND name = {table:String}`,
    { params },
  )
  return Number(n) > 0
}

async function ofPosition(db: ClickHouse, examination: Examination): Promise<Finding[]> {
  const position = await readState<Position>(db, examination, 'position')
  if (!position) return [EMPTY]
  if (examination.ledger !== undefined && position.ledger !== examination.ledger) {
    return [
      {
        level: 'error',
        message: 'it holds the state of another ledger',
        hint: 'tipline sync rebuilds it; is the data folder the right one?',
      },
    ]
  }
  if (position.settings !== examination.settings) {
    return [
      {
        level: 'warn',
        message: 'it was filled with other settings',
        hint: 'tipline sync rebuilds it',
      },
    ]
  }
  return [{ level: 'ok', message: `it holds the ledger up to change ${position.seq}` }]
}

async function ofHeartbeat(db: ClickHouse, examination: Examination): Promise<Finding[]> {
  const heartbeat = await readState<Heartbeat>(db, examination, 'heartbeat')
  if (!heartbeat) return []
  const age = examination.now - heartbeat.at
  if (age <= STALE_SECONDS) return [{ level: 'ok', message: `the last sync was ${age} s ago` }]
  const message = `the last sync was ${Math.round(age / 60)} minutes ago`
  return [{ level: 'warn', message, hint: 'does tipline still run?' }]
}

/** Rows under our sources' names that were not written by us: misp2ch may still be in a cron. */
async function ofOthers(
  db: ClickHouse,
  { tables: { iocs }, sources }: Examination,
): Promise<Finding[]> {
  const { n } = await db.row<{ n: string }>(
    `SELECT count() AS n FROM ${quoted(iocs)} WHERE misp IN {ours:Array(String)} AND print = ''`,
    { params: { ours: sources } },
  )
  if (Number(n) === 0) return []
  return [
    {
      level: 'warn',
      message: `another tool writes into ${iocs.database}.${iocs.table}: ${n} rows are not ours`,
      hint: 'does misp2ch still run from a cron?',
    },
  ]
}

async function readState<T>(
  db: ClickHouse,
  { tables: { iocs }, stateKey }: Examination,
  what: string,
): Promise<T | null> {
  const { readState } = statementsFor(iocs, { everything: false, keepOld: false })
  const { value } = await db.row<{ value: string }>(readState, { params: { name: stateKey(what) } })
  return value === '' ? null : (JSON.parse(value) as T)
}

/** What `tipline doctor` finds about tables that another tool may have made. */
import type { ClickHouse } from '../../clickhouse/client.js'
import { columnTypes } from '../../clickhouse/columns.js'
import { formerTables } from '../../clickhouse/leftovers.js'
import { repairsOf } from '../../clickhouse/repairs.js'
import { flowTables, sinkTables, type TableSchema, type Tables } from '../../clickhouse/schema.js'
import type { Health } from '../sink.js'

type Finding = Health['findings'][number]

/** Columns that are there under our names, but hold something else. @throws ClickHouseError */
export async function examineForms(db: ClickHouse, tables: Tables): Promise<Finding[]> {
  const [iocs] = sinkTables(tables)
  const all = await Promise.all([iocs!, flowTables(tables).hits].map((table) => compare(db, table)))
  return all.flat()
}

async function compare(db: ClickHouse, { name, columns }: TableSchema): Promise<Finding[]> {
  const there = await columnTypes(db, name)
  const odd = columns.flatMap(({ name, definition }) => {
    const [wanted, found] = [definition.split(' DEFAULT ')[0]!, there.get(name)]
    if (found === undefined || isLike(found, wanted)) return []
    return [`${name} as ${found} instead of ${wanted}`]
  })
  if (odd.length === 0) return []
  const message = `${name.database}.${name.table} has ${odd.join(', ')}`
  const hint = 'rename that table, so that tipline makes its own; or name others under tables'
  return [{ level: 'error', message, hint }]
}

/** Whether one takes what is meant for the other. */
function isLike(found: string, wanted: string): boolean {
  const [one, other] = [plain(found), plain(wanted)]
  return one === other || widthOf(one) >= widthOf(other)
}

/** In bits, of an unsigned number; NaN of everything else, which is not wider than anything. */
function widthOf(type: string): number {
  return Number(/^UInt(\d+)$/.exec(type)?.[1])
}

/** `LowCardinality(String)` is a String, and `DateTime('UTC')` a DateTime. */
function plain(type: string): string {
  const inner = /^(?:LowCardinality|Nullable)\((.*)\)$/.exec(type)
  return inner ? plain(inner[1]!) : type.replace(/^DateTime\('.*'\)$/, 'DateTime')
}

/** What `tipline doctor --fix` would put right. @throws ClickHouseError */
export async function examineRepairs(
  db: ClickHouse,
  tables: Tables,
  keepHits: number | null | undefined,
): Promise<Finding[]> {
  const repairs = await repairsOf(db, tables, { keepHits })
  return repairs.map(({ lack }) => ({ level: 'warn', message: lack, hint: 'tipline doctor --fix' }))
}

/** Tables that an earlier version of tipline matched flows with. @throws ClickHouseError */
export async function examineFormer(db: ClickHouse, tables: Tables): Promise<Finding[]> {
  const former = await formerTables(db, tables)
  if (former.length === 0) return []
  const names = former.map(({ database, table }) => `${database}.${table}`).join(', ')
  const message = `tables of an earlier version of tipline are there: ${names}`
  return [{ level: 'warn', message, hint: 'tipline sync takes them away, once nothing asks them' }]
}

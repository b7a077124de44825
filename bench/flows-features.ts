/**
 * What each feature of live matching costs: the view without it and with it, in turns, on the same table.
 * A view without a feature is that of tipline with the feature's expression taken out.
 */
import { performance } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import type { ClickHouse } from '../src/clickhouse/client.js'
import { columnTypes, flowColumns } from '../src/clickhouse/columns.js'
import { dropView, liveViews } from '../src/clickhouse/live.js'
import { liveNames } from '../src/clickhouse/live-tables.js'
import { MET, matching, PLAIN, type Telling } from '../src/clickhouse/matching.js'
import { quoted } from '../src/clickhouse/names.js'
import type { Tables } from '../src/clickhouse/schema.js'

interface Measuring {
  readonly tables: Tables
  readonly blocks: ReadonlyMap<number, string>
  /** By the size of the block. */
  readonly rounds: Readonly<Record<number, number>>
}

const NETWORKS: Telling['networks'] = {
  campus: ['192.0.2.0/24', '2001:db8:1::/48'],
  hospital: ['198.51.100.0/25'],
  servers: ['203.0.113.0/24', '2001:db8:2::/48'],
}

/** Time of an INSERT by that with the view as it is by default. */
export async function costOfFeatures(
  db: ClickHouse,
  { tables, blocks, rounds }: Measuring,
): Promise<object[]> {
  const variants = await variantsOf(db, tables)
  const results: object[] = []
  for (const [block, csv] of blocks) {
    const times = new Map(variants.map(({ name }) => [name, [] as number[]]))
    for (let round = 0; round < Math.ceil(rounds[block]! / 2); round++) {
      for (const { name, views } of variants) {
        await putViews(db, tables, views)
        times.get(name)!.push(await insert(db, tables, csv), await insert(db, tables, csv))
        await db.command(`TRUNCATE TABLE ${quoted(tables.flows)}`)
      }
    }
    const full = median(times.get('all')!)
    const byAll = [...times].map(
      ([name, each]) => [name, Math.round((median(each) / full) * 100) / 100] as const,
    )
    results.push({
      block,
      milliseconds: Math.round(full * 10) / 10,
      timeByAll: Object.fromEntries(byAll),
    })
  }
  await putViews(db, tables, variants[0]!.views)
  return results
}

async function variantsOf(db: ClickHouse, tables: Tables) {
  const flows = flowColumns(tables.flows, await columnTypes(db, tables.flows))
  const names = liveNames(tables)
  const views = (telling: Telling) => liveViews(tables, { flows, telling }).map(({ sql }) => sql)
  const all = views(PLAIN)
  const without = (pattern: RegExp, by: string) =>
    all.map((sql, n) => (n < all.length - 1 ? sql : replaced(sql, pattern, by)))
  const name = quoted({ ...tables.hits, table: `${tables.hits.table}_mv` })
  const select = matching({ ...flows, names, telling: PLAIN, via: 'live' })
  return [
    { name: 'all', views: all },
    { name: 'all, and three networks', views: views({ ...PLAIN, networks: NETWORKS }) },
    {
      name: 'without role',
      views: without(/multiIf\([^\n]*\n[^\n]*\n[^\n]*\n[^\n]*AS role/, "'' AS role"),
    },
    { name: 'without answered', views: views({ ...PLAIN, sampled: true }) },
    {
      name: 'without counting',
      views: [
        `CREATE MATERIALIZED VIEW ${name} TO ${quoted(tables.hits)} AS
         SELECT ${MET.join(', ')} FROM (${select})`,
      ],
    },
    { name: 'without matching', views: [] },
  ]
}

function replaced(sql: string, pattern: RegExp, by: string): string {
  const result = sql.replace(pattern, by)
  if (result === sql) throw new Error('the view has no such expression')
  return result
}

async function putViews(db: ClickHouse, tables: Tables, views: readonly string[]): Promise<void> {
  const rows = await db.rows<{ name: string }>(
    `SELECT name FROM system.tables
     WHERE database = {database:String} AND engine = 'MaterializedView'`,
    { params: { database: tables.hits.database } },
  )
  for (const { name } of rows) {
    await db.command(dropView({ database: tables.hits.database, table: name }))
  }
  for (const sql of views) await db.command(sql)
}

async function insert(db: ClickHouse, { flows }: Tables, csv: string): Promise<number> {
  const started = performance.now()
  await db.pour({
    query: `INSERT INTO ${quoted(flows)} FORMAT CSV`,
    data: Readable.from([csv], { objectMode: false }),
  })
  return performance.now() - started
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

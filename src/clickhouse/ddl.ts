/** All that a sync would create in an empty ClickHouse, as SQL for people to read and to run. Pure. */
import { createDistributed, createOnCluster, databaseOnCluster, onCluster } from './cluster.js'
import { flowColumns } from './columns.js'
import { createReverse, liveViews, type View, viewNames, viewTables } from './live.js'
import { liveNames, liveTables } from './live-tables.js'
import { PLAIN } from './matching.js'
import type { TableName } from './names.js'
import {
  backscansTable,
  countedTable,
  createDatabase,
  createTable,
  filesTable,
  flowTables,
  foundTable,
  gapsTable,
  lookedTable,
  sinkTables,
  type TableSchema,
  type Tables,
} from './schema.js'

/** Statement by statement, in the order in which they have to run. */
export function schemaStatements(tables: Tables): string[] {
  const { hits, flows } = flowTables(tables)
  return [
    ...databasesOf(tables).map(createDatabase),
    ...[...ownTables(tables), countedTable(tables), hits, flows].map(createTable),
    ...viewsOf(tables).map(({ sql }) => sql),
  ]
}

/** The same for every node of a cluster; the tables of flows and hits are those of one node. */
export function clusterStatements(tables: Tables, cluster: string): string[] {
  const { hits, flows } = flowTables(tables)
  const here = (table: TableSchema) => createOnCluster(table, { cluster, replicated: false })
  const inShard = (table: TableSchema) => createOnCluster(table, { cluster, replicated: true })
  return [
    ...databasesOf(tables).map((name) => databaseOnCluster(name, cluster)),
    ...ownTables(tables).map(here),
    ...[countedTable(tables), hits, flows].map(inShard),
    ...viewsOf(tables).map(({ name, sql }) => onCluster(sql, name, cluster)),
    createDistributed(tables.flows, { cluster, key: 'cityHash64(sa, da)' }),
    createDistributed(tables.hits, { cluster, key: 'cityHash64(source_ip)' }),
  ]
}

/** One table of each database. */
function databasesOf({ iocs, hits, flows }: Tables): TableName[] {
  return [...new Map([flows, hits, iocs].map((name) => [name.database, name])).values()]
}

function ownTables(tables: Tables): TableSchema[] {
  const live = liveTables(liveNames(tables))
  return [
    ...sinkTables(tables),
    ...[filesTable, lookedTable, backscansTable, foundTable, gapsTable].map((table) =>
      table(tables),
    ),
    ...live,
    ...viewTables(tables),
  ]
}

function viewsOf(tables: Tables): View[] {
  const { flows } = flowTables(tables)
  const types = new Map(flows.columns.map(({ name, definition }) => [name, definition]))
  const seen = flowColumns(tables.flows, types)
  return [
    ...liveViews(tables, { flows: seen, telling: PLAIN }),
    { name: viewNames(tables).reverse, sql: createReverse(tables) },
  ]
}

/** All that a sync would create in an empty ClickHouse, as SQL for people to read and to run. Pure. */
import { createDistributed, createOnCluster, databaseOnCluster, onCluster } from './cluster.js'
import { createReverse, createView, liveNames, liveTables, viewNames } from './live.js'
import type { TableName } from './names.js'
import {
  createDatabase,
  createTable,
  filesTable,
  flowTables,
  scannedTable,
  sinkTables,
  type TableSchema,
  type Tables,
} from './schema.js'

/** Statement by statement, in the order in which they have to run. */
export function schemaStatements(tables: Tables): string[] {
  const { hits, flows } = flowTables(tables)
  return [
    ...databasesOf(tables).map(createDatabase),
    ...[...ownTables(tables), hits, flows].map(createTable),
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
    ...[hits, flows].map(inShard),
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
  return [...sinkTables(tables), filesTable(tables), scannedTable(tables), ...live]
}

function viewsOf(tables: Tables): { name: TableName; sql: string }[] {
  const { view, reverse } = viewNames(tables)
  return [
    { name: view, sql: createView(tables, { names: liveNames(tables), layout: 'number' }) },
    { name: reverse, sql: createReverse(tables) },
  ]
}

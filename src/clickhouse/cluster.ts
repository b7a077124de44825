/**
 * The same schema for a cluster. Flows and hits are replicated in each shard, and read as a whole
 * through a Distributed table; everything else belongs to one node, which matches its own flows. Pure.
 */
import { beside, identifier, quoted, type TableName } from './names.js'
import { createDatabase, createTable, type TableSchema } from './schema.js'

/** Of this folder in Keeper; `{shard}` and `{replica}` are the servers' own macros. */
const REPLICATED = "('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')"

/** `CREATE TABLE ... ON CLUSTER`; `replicated`: with the engine of that kind. */
export function createOnCluster(
  table: TableSchema,
  { cluster, replicated }: { cluster: string; replicated: boolean },
): string {
  const layout = replicated ? replicatedLayout(table.layout) : table.layout
  return onCluster(createTable({ ...table, layout }), table.name, cluster)
}

/** Over all shards: without the `_local` of the tables it reads, or else with `_all`. */
export function distributedName(local: TableName): TableName {
  const { table } = local
  return beside(local, table.endsWith('_local') ? table.slice(0, -'_local'.length) : `${table}_all`)
}

/** `key`: decides where a row goes that is inserted here. */
export function createDistributed(
  local: TableName,
  { cluster, key }: { cluster: string; key: string },
): string {
  const { database, table } = local
  return `CREATE TABLE IF NOT EXISTS ${quoted(distributedName(local))} ON CLUSTER ${identifier(cluster)}
AS ${quoted(local)}
ENGINE = Distributed(${identifier(cluster)}, ${identifier(database)}, ${identifier(table)}, ${key})`
}

export function databaseOnCluster(name: TableName, cluster: string): string {
  return `${createDatabase(name)} ON CLUSTER ${identifier(cluster)}`
}

/** Of a CREATE statement: the name is followed by where it is to run. */
export function onCluster(sql: string, name: TableName, cluster: string): string {
  return sql.replace(quoted(name), (text) => `${text} ON CLUSTER ${identifier(cluster)}`)
}

function replicatedLayout(layout: string): string {
  return layout
    .replace(
      /ENGINE = (\w*MergeTree)\b/,
      (_, engine) => `ENGINE = Replicated${engine}${REPLICATED}`,
    )
    .replace('non_replicated_deduplication_window', 'replicated_deduplication_window')
}

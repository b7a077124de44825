/**
 * What the sink says to ClickHouse. The states of a batch stand in a table of their own, so that
 * ClickHouse finds by itself what is to be added and what to be taken away: no value ever becomes part
 * of a statement.
 */

import { identifier, quoted, type TableName } from '../../clickhouse/names.js'
import { batchName, IOC_VALUES, stateName } from '../../clickhouse/schema.js'

export interface Statements {
  readonly add: string
  readonly remove: string
  readonly removeDoubles: string
  /** Answers `old` and `doubles`, the numbers of rows that the other two would take away. */
  readonly count: string
  /** Answers `ips`: where attributes of the batch stand that are wanted elsewhere now. Before `remove`. */
  readonly moved: string
  readonly verify: string
  readonly dropBatch: string
  readonly oldBatches: string
  readonly readState: string
}

/**
 * Parameters: `batch` String, `ours` Array(String), `moved` Array(String) as that statement has answered,
 * and `name` String for the state. All but `moved` finds its rows by the address, which is the key.
 */
export function statementsFor(
  iocs: TableName,
  { everything, keepOld }: { everything: boolean; keepOld: boolean },
): Statements {
  const table = quoted(iocs)
  const batch = quoted(batchName(iocs))
  const inBatch = 'batch = {batch:String}'
  const ours = 'misp IN {ours:Array(String)}'
  const last = `(ip, turn) IN (SELECT ip, max(turn) FROM ${batch} WHERE ${inBatch} GROUP BY ip)`
  const wanted = `FROM ${batch} WHERE ${inBatch} AND present AND ${last}`
  const keys = `ip IN (SELECT ip FROM ${batch} WHERE ${inBatch})`
  // An attribute that got another value has its old row under another key.
  const moved = `uuid IN (SELECT uuid ${wanted})`
  const there = 'ip IN {moved:Array(String)}'
  const touched = everything
    ? keepOld
      ? moved
      : '1'
    : keepOld
      ? `(${keys} OR ${there}) AND ${moved}`
      : `(${keys} OR (${there} AND ${moved}))`
  const identity = '(uuid, ip, port, print)'
  const old = `${ours} AND ${touched} AND ${identity} NOT IN (SELECT uuid, ip, port, print ${wanted})`
  const doubles = `SELECT uuid, ip, port, print FROM ${table}
    WHERE ${ours} AND ${everything ? '1' : keys} GROUP BY uuid, ip, port, print HAVING count() > 1`
  const names = IOC_VALUES.map(identifier).join(', ')
  return {
    add: `INSERT INTO ${table} (${names}) SELECT ${names} ${wanted}
      AND ${identity} NOT IN (
        SELECT uuid, ip, port, print FROM ${table} WHERE ${ours} AND ${everything ? '1' : keys})`,
    remove: `DELETE FROM ${table} WHERE ${old}`,
    removeDoubles: `DELETE FROM ${table} WHERE ${ours} AND ${identity} IN (${doubles})`,
    count: `SELECT (SELECT count() FROM ${table} WHERE ${old}) AS old,
      (SELECT count() FROM (${doubles})) AS doubles`,
    moved: `SELECT groupUniqArray(ip) AS ips FROM ${table} WHERE ${moved} AND NOT ${keys}`,
    verify: `
      SELECT countIf(is_wanted AND empty(found)) AS missing,
             countIf(is_wanted ? notEmpty(found) AND found != wanted : notEmpty(found)) AS different
      FROM (
        SELECT ip, max(present) AS is_wanted,
               arraySort(groupUniqArrayIf((uuid, port, print), present)) AS wanted
        FROM ${batch} WHERE ${inBatch} AND ${last} GROUP BY ip
      ) AS asked
      LEFT JOIN (
        SELECT ip, arraySort(groupArray((uuid, port, print))) AS found
        FROM ${table} WHERE ${ours} AND ${keys} GROUP BY ip
      ) AS there USING (ip)`,
    dropBatch: `ALTER TABLE ${batch} DROP PARTITION {batch:String}`,
    oldBatches: `SELECT DISTINCT partition AS batch FROM system.parts
      WHERE active AND database = {database:String} AND table = {table:String}
        AND partition < {before:String}`,
    readState: `SELECT argMax(value, at) AS value FROM ${quoted(stateName(iocs))}
      WHERE name = {name:String}`,
  }
}

/**
 * What flows are matched with: tables that ClickHouse keeps in memory (engines Set and Join). They hold
 * a copy of the indicators, so an INSERT into flows needs neither `iocs` nor a dictionary's source,
 * password or reload; additions and revocations are small inserts.
 *
 * The sets tell cheaply which flows may meet something: the last 32 bits of addresses, and of nets the
 * blocks that they lie in (the first 24 bits of an IPv4 net, 16 of a wider one, 32 of an IPv6 net). The
 * last bits are the same in IPv4, IPv4-mapped IPv6 and NAT64. Only what passes the sets is joined with the
 * details, where ranges and ports are compared exactly.
 */
import { addressOf } from './address-sql.js'
import { beside, quoted, type TableName } from './names.js'
import type { TableSchema, Tables } from './schema.js'

/** Beside `iocs`; `suffix` for others of the same form. */
export function liveNames({ iocs }: Pick<Tables, 'iocs'>, suffix = '') {
  const name = (what: string) => beside(iocs, `tipline_${what}_${iocs.table}${suffix}`)
  return {
    ips: name('ips'),
    blocks4: name('blocks4'),
    nets6: name('nets6'),
    details: name('details'),
    gone: name('gone'),
  }
}

export type LiveNames = ReturnType<typeof liveNames>

/** What earlier versions matched flows with, and this one does not; nothing asks it any more. */
export function formerNames(tables: Pick<Tables, 'iocs'>): readonly TableName[] {
  const now = new Set(Object.values(liveNames(tables)).map(({ table }) => table))
  const { iocs } = tables
  return ['ips', 'ips4', 'ips6', 'nets', 'nets4', 'scanned']
    .map((what) => beside(iocs, `tipline_${what}_${iocs.table}`))
    .filter(({ table }) => !now.has(table))
}

export function liveTables(names: LiveNames): readonly TableSchema[] {
  return [
    {
      name: names.details,
      columns: DETAILS.map(([name, definition]) => ({ name, definition })),
      layout: 'ENGINE = Join(ALL, INNER, key)',
    },
    set(names.ips, 'UInt32'),
    set(names.blocks4, 'UInt32'),
    set(names.nets6, 'UInt32'),
    set(names.gone, 'UInt64'),
  ]
}

const DETAILS = [
  ['key', 'UInt64'],
  ['low', 'UInt128'],
  ['high', 'UInt128'],
  ['port', 'UInt16'],
  ['ip', 'String'],
  ['misp', 'LowCardinality(String)'],
  ['uuid', 'String'],
  ['event_uuid', 'String'],
  ['event_id', 'UInt32'],
  ['info', 'String'],
  ['kind', 'LowCardinality(String)'],
  ['type', 'LowCardinality(String)'],
  // What is looked for in the past: the same as long as it stays live, whatever else is told of it.
  ['target', 'UInt64'],
  // Of the row of iocs, and of this copy of it.
  ['identity', 'UInt64'],
  ['row', 'UInt64'],
] as const

function set(name: TableName, type: string): TableSchema {
  return { name, columns: [{ name: 'key', definition: type }], layout: 'ENGINE = Set' }
}

/**
 * Keys of the details: an address by its last 32 bits, which are the same in IPv4, IPv4-mapped IPv6 and
 * NAT64; a net by its blocks. Others may share a key; the ranges are compared after it.
 */
const WIDE4 = 4_294_967_296
const BLOCK6 = 8_589_934_592
const BLOCK4 = 17_179_869_184
/** Of the set of blocks: beyond all of 24 bits. */
const WIDE = 16_777_216

/** In the set of blocks; `last`: the last bits of an address. */
export function isInBlock4(last: string, set: TableName): string {
  return `bitShiftRight(${last}, 8) IN ${quoted(set)}
      OR bitOr(bitShiftRight(${last}, 16), ${WIDE}) IN ${quoted(set)}`
}

/** Of an indicator that is no net. */
export function keyOf(address: string): string {
  return `toUInt64(bitAnd(${address}, 4294967295))`
}

export function keysOf(address: string): string {
  const last = keyOf(address)
  return `[${last}, bitOr(bitShiftRight(${last}, 8), ${BLOCK4}),
    bitOr(bitShiftRight(${last}, 16), ${WIDE4}), bitOr(toUInt64(bitShiftRight(${address}, 96)), ${BLOCK6})]`
}

/** Which of the details a refresh is about. */
export function hereName({ iocs }: Pick<Tables, 'iocs'>): TableName {
  return beside(iocs, `tipline_here_${iocs.table}`)
}

/**
 * One after the other: adds what is in iocs and not here, the details first, so that no set tells of what
 * is not there; then marks what is here and no longer in iocs. `ips`: a SELECT of `ip` that bounds the
 * work; null: all. What it costs goes by what it is about: iocs are found by their key, the details by
 * theirs. Parameter: `turn` String.
 */
export function liveStatements(iocs: TableName, names: LiveNames, ips: string | null): string[] {
  const { details, gone } = names
  const here = quoted(hereName({ iocs }))
  const identity = 'cityHash64(misp, uuid, ip, port, print, info, event_uuid, event_id)'
  const scope = ips === null ? '1' : `ip IN (${ips})`
  const parsed = `position(ip, '/') > 0 AS is_net, position(ip, ':') > 0 AS is_v6,
      ${addressOf("splitByChar('/', ip)[1]")} AS start,
      toUInt8OrZero(splitByChar('/', ip)[2]) AS length,
      if(is_net, if(is_v6, 128, 32) - length, 0) AS free,
      toUInt128(start + bitShiftLeft(toUInt128(1), free) - 1) AS end`
  const rows = `SELECT *, ${identity} AS identity, ${parsed} FROM ${quoted(iocs)} WHERE ${scope}`
  // A value that is no address would meet every flow whose address is none either.
  const fresh = `FROM (${rows}) WHERE start != 0 AND identity NOT IN (SELECT identity FROM ${here})`
  // A net wider than a block has several; the policy holds all but those asked for by name.
  const blocks = (bits: number) =>
    `range(toUInt64(bitShiftRight(start, ${bits})), toUInt64(bitShiftRight(end, ${bits})) + 1)`
  const keys = `multiIf(NOT is_net, [toUInt64(bitAnd(start, 4294967295))],
    is_v6, arrayMap(b -> bitOr(b, ${BLOCK6}), ${blocks(96)}),
    length >= 24, [bitOr(toUInt64(bitAnd(bitShiftRight(start, 8), 16777215)), ${BLOCK4})],
    arrayMap(b -> bitOr(bitAnd(b, 65535), ${WIDE4}), ${blocks(16)}))`
  const fill = (table: TableName, value: string, where: string) =>
    `INSERT INTO ${quoted(table)} SELECT DISTINCT ${value} AS value
      FROM (SELECT arrayJoin(${keys}) AS key FROM (${rows}) WHERE start != 0 AND ${where})
      WHERE value NOT IN ${quoted(table)}`
  return [
    `CREATE OR REPLACE TABLE ${here} ENGINE = Memory AS
      ${hereOf(names, ips && { ips, keys: `SELECT DISTINCT arrayJoin(${keys}) AS key FROM (SELECT ip, ${parsed} FROM (${ips}))` })}`,
    `INSERT INTO ${quoted(details)}
      SELECT arrayJoin(${keys}) AS key, start, end, port, ip, misp, uuid, event_uuid, event_id, info,
        if(kind != '', kind, if(port > 0, 'ip-port', 'ip')), type,
        cityHash64(misp, uuid, ip, port, live_since), identity, cityHash64(identity, key, {turn:String}) ${fresh}`,
    fill(names.ips, 'toUInt32(key)', 'NOT is_net'),
    fill(
      names.blocks4,
      `toUInt32(if(key >= ${BLOCK4}, key - ${BLOCK4}, key - ${WIDE4} + ${WIDE}))`,
      'is_net AND NOT is_v6',
    ),
    fill(names.nets6, `toUInt32(key - ${BLOCK6})`, 'is_net AND is_v6'),
    `INSERT INTO ${quoted(gone)} SELECT row FROM ${here}
      WHERE identity NOT IN (SELECT identity FROM (SELECT ${identity} AS identity
        FROM ${quoted(iocs)} WHERE ${scope}))`,
    `DROP TABLE ${here}`,
  ]
}

/** Scanning a Join table takes several times as long as another one; looking up in it does not. */
function hereOf(
  { details, gone }: LiveNames,
  few: { ips: string; keys: string } | null | '',
): string {
  const all = `SELECT identity, row FROM ${quoted(details)} WHERE row NOT IN ${quoted(gone)}`
  if (!few) return all
  // In an `if`, or what asks the details alone would be pushed below the join, and all of them read.
  return `SELECT tl_ioc.identity AS identity, tl_ioc.row AS row
      FROM (${few.keys}) AS tl_key ALL INNER JOIN ${quoted(details)} AS tl_ioc USING (key)
      WHERE if(tl_ioc.row NOT IN ${quoted(gone)} AND tl_ioc.ip IN (${few.ips}), 1, 0)`
}

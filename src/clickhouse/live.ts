/**
 * Live matching: one materialized view on the flows, both directions in one pass, through tables that
 * ClickHouse keeps in memory (engines Set and Join). They hold a copy of the indicators, so an INSERT
 * into flows needs neither `iocs` nor a dictionary's source, password or reload; additions and
 * revocations are small inserts.
 *
 * An address is a number of 128 bits in one canonical form. Sets of hashes (addresses) and of blocks
 * (the first 16 bits of an IPv4 net, 32 of an IPv6 net) tell cheaply which flows may meet something;
 * only those are joined with the details, where ranges and ports are compared exactly.
 */
import { beside, quoted, type TableName } from './names.js'
import type { TableSchema, Tables } from './schema.js'

/** Beside `iocs`; `suffix` for the successors that are built while these are in use. */
export function liveNames({ iocs }: Pick<Tables, 'iocs'>, suffix = '') {
  const name = (what: string) => beside(iocs, `tipline_${what}_${iocs.table}${suffix}`)
  return { ips: name('ips'), nets: name('nets'), details: name('details'), gone: name('gone') }
}

export type LiveNames = ReturnType<typeof liveNames>

export function liveTables(names: LiveNames): readonly TableSchema[] {
  return [
    {
      name: names.details,
      columns: [
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
        // Of the row of iocs, and of this copy of it.
        ['identity', 'UInt64'],
        ['row', 'UInt64'],
      ].map(([name, definition]) => ({ name: name!, definition: definition! })),
      layout: 'ENGINE = Join(ALL, INNER, key)',
    },
    set(names.ips, 'UInt64'),
    set(names.nets, 'UInt32'),
    set(names.gone, 'UInt64'),
  ]
}

function set(name: TableName, type: string): TableSchema {
  return { name, columns: [{ name: 'key', definition: type }], layout: 'ENGINE = Set' }
}

/** From text, however it is spelled; IPv4 as IPv4-mapped IPv6. What is no address becomes 0. */
export function addressOf(text: string): string {
  return `toUInt128(toIPv6OrDefault(${text}))`
}

const NAT64 = "toUInt128(toIPv6('64:ff9b::'))"
const MAPPED = "toUInt128(toIPv6('::ffff:0.0.0.0'))"

/** The IPv4 address inside `64:ff9b::/96`; any other address as it is. */
function folded(address: string): string {
  return `if(bitShiftRight(${address}, 32) = bitShiftRight(${NAT64}, 32),
    bitOr(${MAPPED}, bitAnd(${address}, toUInt128(4294967295))), ${address})`
}

/** A coarse part of an address, the same for all addresses of a net that is not wider. */
function blockOf(address: string): string {
  return `toUInt32(if(bitShiftRight(${address}, 32) = 65535,
    bitShiftRight(${address}, 16), bitShiftRight(${address}, 96)))`
}

export interface LiveStatements {
  /** Adds what is in iocs and not here; the details first, so that no set tells of what is not there. */
  readonly add: readonly string[]
  /** Marks what is here and no longer in iocs. */
  readonly remove: string
}

/** `scope`: a condition on `ip` and `uuid` that bounds the work; '1' for all. */
export function liveStatements(iocs: TableName, names: LiveNames, scope: string): LiveStatements {
  const { ips, nets, details, gone } = names
  const identity = 'cityHash64(misp, uuid, ip, port, print, info, event_uuid, event_id)'
  const rows = `
    SELECT *, ${identity} AS identity, position(ip, '/') > 0 AS is_net,
      ${addressOf("splitByChar('/', ip)[1]")} AS start,
      toUInt8OrZero(splitByChar('/', ip)[2]) AS length,
      if(is_net, if(position(ip, ':') > 0, 128, 32) - length, 0) AS free,
      toUInt128(start + bitShiftLeft(toUInt128(1), free) - 1) AS end
    FROM ${quoted(iocs)} WHERE ${scope}`
  const there = `SELECT identity FROM ${quoted(details)} WHERE row NOT IN ${quoted(gone)} AND ${scope}`
  // A value that is no address would meet every flow whose address is none either.
  const fresh = `FROM (${rows}) WHERE start != 0 AND identity NOT IN (${there})`
  // A net wider than a block has several; the policy holds all but those asked for by name.
  const blocks = `range(toUInt64(${blockOf('start')}), toUInt64(${blockOf('end')}) + 1)`
  const key = `if(is_net, arrayMap(b -> cityHash64(toUInt32(b)), ${blocks}),
    [cityHash64(${folded('start')})])`
  const missing = `FROM ${quoted(details)} WHERE ${scope}`
  return {
    add: [
      `INSERT INTO ${quoted(details)}
        SELECT arrayJoin(${key}) AS key, start, end, port, ip, misp, uuid, event_uuid, event_id, info,
          if(kind != '', kind, if(port > 0, 'ip-port', 'ip')), type, identity,
          cityHash64(identity, key, {turn:String}) ${fresh}`,
      `INSERT INTO ${quoted(ips)} SELECT DISTINCT key ${missing}
        AND key NOT IN ${quoted(ips)} AND position(ip, '/') = 0`,
      `INSERT INTO ${quoted(nets)} SELECT DISTINCT toUInt32(arrayJoin(
          range(toUInt64(${blockOf('low')}), toUInt64(${blockOf('high')}) + 1))) AS block
        ${missing} AND position(ip, '/') > 0 AND block NOT IN ${quoted(nets)}`,
    ],
    remove: `INSERT INTO ${quoted(gone)} SELECT row FROM ${quoted(details)}
      WHERE row NOT IN ${quoted(gone)} AND ${scope}
        AND identity NOT IN (SELECT identity FROM (SELECT ${identity} AS identity
          FROM ${quoted(iocs)} WHERE ${scope}))`,
  }
}

/** The two layouts of nfdump2clickhouse: `pr` was a text once. */
export type FlowLayout = 'number' | 'text'

/**
 * What meets among the rows of `source` (flows, by default all of them): one row for each flow,
 * attribute and direction, in the columns of the hits.
 *
 * The last condition stands in an `if`, in one piece: what of it asks the details alone would be pushed
 * below the join, and then all of them are read for each INSERT instead of looked up (1,000,000: 3 s).
 */
export function matching(options: {
  readonly tables: Tables
  readonly names: LiveNames
  readonly layout: FlowLayout
  readonly via: 'live' | 'backscan'
  /** More conditions on the flows, and on the details. */
  readonly flowsWhere?: string
  readonly detailsWhere?: string
}): string {
  const { tables, names, layout, via, flowsWhere = '1', detailsWhere = '1' } = options
  const protocol = layout === 'number' ? 'pr' : PROTOCOL_OF_TEXT
  const directions = ['d', 's']
    .flatMap((side, reverse) => [
      `(toUInt8(${reverse}), cityHash64(${side}_address))`,
      `(toUInt8(${reverse}), cityHash64(${side}_block))`,
    ])
    .join(', ')
  return `SELECT d.misp AS misp, source_ip, destination_ip, outside_port AS dp, ipkt AS pkt,
  ibyt AS byt, reverse, d.event_uuid AS event_uuid, d.event_id AS id, d.uuid AS attr_uuid, ts, te,
  d.info AS info, '${via}' AS via, d.kind AS kind, d.type AS type, flowsrc, role, answered,
  cityHash64(flow, d.misp, d.uuid, reverse) AS hit
FROM (
  SELECT arrayJoin([${directions}]) AS way, way.1 AS reverse, way.2 AS key,
    if(reverse, da, sa) AS source_ip, if(reverse, sa, da) AS destination_ip,
    if(reverse, sp, dp) AS outside_port, if(reverse, dp, sp) AS inside_port,
    if(reverse, s_raw, d_raw) AS raw, if(reverse, s_address, d_address) AS address,
    ipkt, ibyt, ts, te, flowsrc, protocol,
    cityHash64(ts, te, sa, da, sp, dp, protocol, flg, ipkt, ibyt, ra, flowsrc) AS flow,
    ${ROLE} AS role, ${ANSWERED} AS answered
  FROM (
    SELECT *, toUInt8(${protocol}) AS protocol,
      ${addressOf('sa')} AS s_raw, ${addressOf('da')} AS d_raw,
      ${folded('s_raw')} AS s_address, ${folded('d_raw')} AS d_address,
      ${blockOf('s_address')} AS s_block, ${blockOf('d_address')} AS d_block
    FROM ${quoted(tables.flows)}
    WHERE (cityHash64(s_address) IN ${quoted(names.ips)}
      OR cityHash64(d_address) IN ${quoted(names.ips)}
      OR s_block IN ${quoted(names.nets)} OR d_block IN ${quoted(names.nets)}) AND ${flowsWhere}
  )
) AS f
ALL INNER JOIN ${quoted(names.details)} AS d USING (key)
WHERE if(((raw BETWEEN d.low AND d.high) OR (address BETWEEN d.low AND d.high))
  AND (d.port = 0 OR (d.port = outside_port AND protocol IN (6, 17, 132)))
  AND d.row NOT IN ${quoted(names.gone)} AND ${detailsWhere}, 1, 0)`
}

const PROTOCOL_OF_TEXT = `transform(upper(trimBoth(ifNull(pr, ''))),
  ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMP6', 'GRE', 'ESP'], [6, 17, 132, 1, 58, 47, 50],
  toUInt8OrZero(trimBoth(ifNull(pr, ''))))`

/** A SYN that nothing answered tells who sent it; else the side with the lower port serves. */
const ROLE = `multiIf(
  protocol = 6 AND position(flg, 'S') > 0 AND position(flg, 'A') = 0,
    if(reverse, 'inbound', 'outbound'),
  protocol NOT IN (6, 17, 132) OR outside_port = inside_port, 'unknown',
  outside_port < inside_port, 'outbound', 'inbound')`

/** Who sets ACK has heard of the other side. */
const ANSWERED = `multiIf(protocol != 6, 'unknown', position(flg, 'A') > 0, 'yes',
  position(flg, 'S') > 0, 'no', 'unknown')`

/** The view under misp2ch's name, and in the place of its second one a view that matches nothing. */
export function viewNames({ hits }: Pick<Tables, 'hits'>) {
  return { view: beside(hits, `${hits.table}_mv`), reverse: beside(hits, `${hits.table}_rev_mv`) }
}

export function createView(
  tables: Tables,
  { names, layout }: { names: LiveNames; layout: FlowLayout },
): string {
  const { view } = viewNames(tables)
  const select = matching({ tables, names, layout, via: 'live' })
  return `CREATE MATERIALIZED VIEW ${quoted(view)} TO ${quoted(tables.hits)} AS\n${select}`
}

/** misp2ch creates its views where they are not there: this one keeps the name taken. */
export function createReverse(tables: Tables): string {
  const { reverse } = viewNames(tables)
  return `CREATE VIEW IF NOT EXISTS ${quoted(reverse)} AS
    SELECT * FROM ${quoted(tables.hits)} WHERE reverse = 1`
}

export function dropView(name: TableName): string {
  return `DROP TABLE IF EXISTS ${quoted(name)} SYNC`
}

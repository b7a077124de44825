/**
 * The one SELECT that matches flows, both directions in one pass: of the live view, and of a backscan.
 *
 * ClickHouse analyses a view's SELECT anew for each INSERT, and with blocks of 10,000 rows that costs as
 * much as running it. So it is written for few nodes: no expression stands behind an alias that is used
 * in many places, and what differs between IPv4, IPv6 and NAT64 is in the keys (see `live-tables.ts`).
 */
import { addressOf } from './address-sql.js'
import { BITS, type Sought, touching } from './by-address.js'
import { isInBlock4, keyOf, keysOf, type LiveNames } from './live-tables.js'
import { quoted, type TableName } from './names.js'

/** The two layouts of nfdump2clickhouse: `pr` was a text once. */
export type FlowLayout = 'number' | 'text'

/** How hits are told. */
export interface Telling {
  /** One's own networks: name to nets in normal form. */
  readonly networks: Readonly<Record<string, readonly string[]>>
  /** Whether routers look at some of the packets only: then nobody knows what was not answered. */
  readonly sampled: boolean
  /** Hits of one indicator in an hour; those beyond are counted. */
  readonly maxHits: number
}

export const PLAIN: Telling = { networks: {}, sampled: false, maxHits: 10_000 }

export interface FlowColumns {
  readonly flows: TableName
  readonly layout: FlowLayout
  /** Of the table; those that tell flows apart, beside those that every layout has. */
  readonly more: readonly string[]
  /** Whether it has the last bits of the addresses as numbers. */
  readonly hasBits: boolean
}

export interface Matching extends FlowColumns {
  readonly names: LiveNames
  readonly via: 'live' | 'backscan'
  readonly telling: Telling
  /** Of a backscan: which flows and which indicators. */
  readonly only?: Only
}

/** Conditions as SQL. */
export interface Only {
  /** On flows: their time. */
  readonly flows: string
  /** Whether hardly a flow there is lies outside it. */
  readonly holdsAll: boolean
  /** Which addresses, and no nets; null: whatever the live view would meet. */
  readonly sought: Sought | null
  /** Whether nets of IPv6 may be among what is met. */
  readonly nets6: boolean
  /** On the indicators, as `tl_ioc`; null: all. */
  readonly indicators: string | null
  /** Whether flows are brought together before they are looked at more closely. */
  readonly gathered: boolean
}

/** What a hit has, in the order of `matching`. */
export const MET = [
  'misp',
  'source_ip',
  'destination_ip',
  'dp',
  'pkt',
  'byt',
  'reverse',
  'event_uuid',
  'id',
  'attr_uuid',
  'ts',
  'te',
  'info',
  'via',
  'kind',
  'type',
  'flowsrc',
  'network',
  'role',
  'answered',
  'hit',
] as const

/** Beside them: `hour`, `tally` (of attribute and hour) and `unanswered`, which is not stored but counted. */
export function matching(options: Matching): string {
  return meeting(options, COUNTING)
}

const COUNTING = `, toStartOfHour(ts, 'UTC') AS hour,
  cityHash64(misp, attr_uuid, hour) AS tally,
  kind = 'ip' AND role = 'inbound' AND answered = 'no' AS unanswered`

/** The same of a row of `meeting`. */
export function isUnanswered(met: Readonly<Record<'kind' | 'role' | 'answered', unknown>>) {
  return met.kind === 'ip' && met.role === 'inbound' && met.answered === 'no'
}

/** `MET` alone: the others can be told from it, and ClickHouse takes a millisecond to understand each. */
export function meeting(options: Matching, more = ''): string {
  const { names, via, telling, only } = options
  // In an `if`, in one piece: what of it asks the details alone would be pushed below the join, and then
  // all of them are read for each INSERT instead of looked up (1,000,000: 3 s).
  const meets = `(raw BETWEEN tl_ioc.low AND tl_ioc.high OR ${folded('raw')} BETWEEN tl_ioc.low AND tl_ioc.high)
  AND (tl_ioc.port = 0 OR (tl_ioc.port = outside_port AND protocol IN (6, 17, 132)))
  AND tl_ioc.row NOT IN ${quoted(names.gone)}${only?.indicators ? ` AND ${only.indicators}` : ''}`
  return `SELECT tl_ioc.misp AS misp, side.2 AS source_ip, side.3 AS destination_ip, outside_port AS dp,
  ipkt AS pkt, ibyt AS byt, reverse, tl_ioc.event_uuid AS event_uuid, tl_ioc.event_id AS id,
  tl_ioc.uuid AS attr_uuid, ts, te, tl_ioc.info AS info, '${via}' AS via, tl_ioc.kind AS kind,
  tl_ioc.type AS type, flowsrc, ${networkOf('source_ip', telling)} AS network, ${ROLE} AS role,
  ${telling.sampled ? "'unknown'" : ANSWERED} AS answered,
  cityHash64(flow, misp, attr_uuid, reverse) AS hit${more}
FROM (${sides(options)}) AS tl_flow
ALL INNER JOIN ${quoted(names.details)} AS tl_ioc USING (key)
WHERE if(${meets}, 1, 0)`
}

/** Each flow that may meet something, from both ends, with the keys of the outer one. */
function sides(options: Matching): string {
  // Addresses have one key, and only they are sought.
  const keys = options.only?.sought ? keyOf('raw') : `arrayJoin(${keysOf('raw')})`
  return `SELECT *, ${addressOf('side.3')} AS raw, ${keys} AS key, side.1 AS reverse,
    side.4 AS inside_port, side.5 AS outside_port
  FROM (${candidates(options)})`
}

function candidates({ flows, layout, more, hasBits, names, only }: Matching): string {
  const all = quoted(flows)
  const protocol = layout === 'number' ? 'pr' : PROTOCOL_OF_TEXT
  const more_ = more.map((column) => `, \`${column}\``).join('')
  const from = only?.sought
    ? touching({ ...only, flows, sought: only.sought, time: only.flows, hasBits })
    : only && hasBits
      ? `${all} ${mayMeetByBits(names, only)}`
      : `${all} WHERE ${mayMeet(names)}${only ? ` AND ${only.flows}` : ''}`
  return `SELECT ts, te, toUInt8(${protocol}) AS protocol, flg, ipkt, ibyt, flowsrc,
      cityHash64(ts, te, sa, da, sp, dp, protocol, flg, ipkt, ibyt, ra, flowsrc${more_}) AS flow,
      arrayJoin([(toUInt8(0), sa, da, sp, dp), (toUInt8(1), da, sa, dp, sp)]) AS side
    FROM ${only?.gathered ? gathered(from, more_) : from}`
}

/**
 * Of many granules a few flows each come as blocks of their own, and ClickHouse would go through all
 * that follows for each of them. What is sorted comes as one. (`query_plan_remove_redundant_sorting`
 * has to be off.)
 */
function gathered(from: string, more: string): string {
  return `(SELECT ts, te, sa, da, sp, dp, pr, flg, ipkt, ibyt, ra, flowsrc${more} FROM ${from} ORDER BY ts)`
}

function mayMeet({ ips, blocks4, nets6 }: LiveNames): string {
  const side = (text: string, as: string) => {
    const last = `${as}_last`
    return `(toUInt32(${addressOf(text)} AS ${as}) AS ${last}) IN ${quoted(ips)}
      OR ${isInBlock4(last, blocks4)}
      OR toUInt32(bitShiftRight(${as}, 96)) IN ${quoted(nets6)}`
  }
  return `(${side('sa', 'tl_sa')} OR ${side('da', 'tl_da')})`
}

/**
 * The same where the last bits are there as numbers: to read them takes a fourth of what it takes to
 * understand the texts. Of nets of IPv6 they tell nothing; then texts are looked at that may be one.
 */
function mayMeetByBits(names: LiveNames, { flows, nets6 }: Only): string {
  const bits = BITS.map((side) => isMet(side, names)).join(' OR ')
  if (!nets6) return `PREWHERE ${flows} AND (${bits})`
  return `PREWHERE ${flows} AND (${bits} OR position(sa, ':') > 0 OR position(da, ':') > 0)
    WHERE ${mayMeet(names)}`
}

/** The last bits of an address: as an indicator's, or in the blocks of a net of IPv4. */
function isMet(last: string, { ips, blocks4 }: LiveNames): string {
  return `${last} IN ${quoted(ips)} OR ${isInBlock4(last, blocks4)}`
}

/** The IPv4 address inside `64:ff9b::/96`, as IPv4-mapped IPv6; any other address as it is. */
function folded(address: string): string {
  return `if(bitShiftRight(${address}, 32) = toUInt128('${0x64_ff9bn << 64n}'),
    bitOr(bitAnd(${address}, 4294967295), ${0xffff_0000_0000n}), ${address})`
}

const PROTOCOL_OF_TEXT = `transform(upper(trimBoth(ifNull(pr, ''))),
  ['TCP', 'UDP', 'SCTP', 'ICMP', 'ICMP6', 'GRE', 'ESP'], [6, 17, 132, 1, 58, 47, 50],
  toUInt8OrZero(trimBoth(ifNull(pr, ''))))`

/** A SYN that nothing answered tells who sent it; else the side with the lower port serves. */
const ROLE = `multiIf(
  protocol = 6 AND flg LIKE '%S%' AND flg NOT LIKE '%A%', if(reverse, 'inbound', 'outbound'),
  protocol NOT IN (6, 17, 132) OR outside_port = inside_port, 'unknown',
  outside_port < inside_port, 'outbound', 'inbound')`

/**
 * Who sets ACK has heard of the other side. A flow of nothing but resets from the inside is how a closed
 * port says no. A SYN and a RST without ACK are how a scanner leaves an open one: somebody spoke.
 */
const ANSWERED = `multiIf(protocol != 6, 'unknown', NOT reverse AND flg LIKE '%A.R..', 'no',
  flg LIKE '%A%', 'yes', flg LIKE '%S%' AND flg NOT LIKE '%R%', 'no', 'unknown')`

/** Of nets around each other the smallest counts. */
function networkOf(address: string, { networks }: Telling): string {
  const nets = Object.entries(networks)
    .flatMap(([name, cidrs]) => cidrs.map((cidr) => ({ name, ...parsedNet(cidr) })))
    .sort((a, b) => a.free - b.free)
  if (nets.length === 0) return "''"
  const tests = nets.map(({ name, start, free }) =>
    // Shifted by all of its bits nothing would be left to compare.
    free === 128
      ? `1, ${text(name)}`
      : `bitShiftRight(${addressOf(address)}, ${free}) = bitShiftRight(${addressOf(text(start))}, ${free}),
        ${text(name)}`,
  )
  return `multiIf(${tests.join(', ')}, '')`
}

function parsedNet(cidr: string): { start: string; free: number } {
  const [start = '', length = ''] = cidr.split('/')
  return { start, free: (start.includes(':') ? 128 : 32) - Number(length) }
}

function text(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}

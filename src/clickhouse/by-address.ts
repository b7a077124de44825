/**
 * What lets a backscan find the flows of an address without going through all: beside each of the two
 * addresses of a flow its last 32 bits as a number, and for each of them a projection that holds the
 * times of flows in the order of these numbers. Neither `SELECT *` shows the numbers, nor has an INSERT
 * to give them. A part that has no projection is read through; so what is found is always all.
 */
import { lastBits } from './address-sql.js'
import { quoted, type TableName } from './names.js'

const SA = 'tipline_sa_bits'
const DA = 'tipline_da_bits'
const BY_SA = 'tipline_by_sa'
const BY_DA = 'tipline_by_da'
/** Skip indexes of earlier versions. */
const FORMER: ReadonlySet<string> = new Set([
  'tipline_bits',
  'tipline_addresses',
  'tipline_sa',
  'tipline_da',
])

export const BITS_COLUMNS = [
  [SA, `UInt32 MATERIALIZED ${lastBits('sa')}`],
  [DA, `UInt32 MATERIALIZED ${lastBits('da')}`],
] as const

/** The columns with the last bits of the two addresses, as SQL. */
export const BITS = [SA, DA] as const

/** As they stand in a CREATE TABLE. */
export const BY_ADDRESS = [
  `PROJECTION ${BY_SA} (SELECT ${SA}, ts ORDER BY ${SA})`,
  `PROJECTION ${BY_DA} (SELECT ${DA}, ts ORDER BY ${DA})`,
] as const

/**
 * ClickHouse refuses `DELETE FROM` a table with projections, unless it may drop those of the parts that
 * it touches. (To rebuild them crashed some servers.)
 */
export const STILL_DELETES = "lightweight_mutation_projection_mode = 'drop'"

/** Whether a table has the numbers; its columns by name. */
export function hasBits(columns: ReadonlyMap<string, unknown>): boolean {
  return columns.has(SA) && columns.has(DA)
}

/** Addresses by their last bits: arrays of UInt32, and one of UInt16, as SQL. */
export interface Sought {
  readonly bits: string
  /** Those of them that are sought whatever the port; null: none. */
  readonly anyPort: string | null
  /** Those that are sought on a port, and all these ports; null: none. */
  readonly onPorts: string | null
  readonly ports: string
}

export interface Touching {
  readonly flows: TableName
  readonly sought: Sought
  /** A condition. */
  readonly time: string
  /** Whether hardly a flow there is lies outside that. */
  readonly holdsAll: boolean
  /** Whether flows of many addresses are sought. */
  readonly gathered: boolean
  /** Whether the table has the numbers. */
  readonly hasBits: boolean
}

/**
 * `FROM` and the clauses for flows from or to one of these, in this time. Of a flow that passes a whole
 * granule of each column is read, so one with another port is to be ruled out before. ClickHouse takes a
 * millisecond to understand a few conditions, so of a handful of addresses nothing is said twice.
 */
export function touching(options: Touching): string {
  const { flows, sought, time, holdsAll, gathered, hasBits } = options
  const { bits } = sought
  const from = quoted(flows)
  if (!hasBits) {
    return `${from} PREWHERE ${time} AND (${mayBeIn('sa', bits)} OR ${mayBeIn('da', bits)})`
  }
  const within = holdsAll ? '' : `${time} AND `
  const times = [SA, DA].map((side) => `SELECT ts FROM ${from} WHERE ${within}${side} IN ${bits}`)
  const of = `${from} PREWHERE ${time} AND ts IN (${times.join(' UNION ALL ')})`
  // Of many addresses most flows of these times go before their ports are read.
  const first = gathered && sought.onPorts !== null
  return [of, ...(first ? [`(${SA} IN ${bits} OR ${DA} IN ${bits})`] : []), onPort(sought)].join(
    ' AND ',
  )
}

/** From or to one of them, on its port if it has one. */
function onPort({ anyPort, onPorts, ports }: Sought): string {
  const any = anyPort === null ? [] : [`${SA} IN ${anyPort}`, `${DA} IN ${anyPort}`]
  const on =
    onPorts === null
      ? []
      : [`${DA} IN ${onPorts} AND dp IN ${ports}`, `${SA} IN ${onPorts} AND sp IN ${ports}`]
  return `(${[...any, ...on].join(' OR ')})`
}

/** The same as asking for the last bits; what is spelled as IPv4 is read as that, which takes half the time. */
function mayBeIn(text: string, bits: string): string {
  return `IPv4StringToNumOrDefault(${text}) IN ${bits}
      OR (position(${text}, ':') > 0 AND ${lastBits(text)} IN ${bits})`
}

export interface FoundByAddress {
  /** Whether flows can be found by address. */
  readonly present: boolean
  /** Skip indexes of earlier versions. */
  readonly former: readonly string[]
}

/** From the definition of a table of flows. */
export function byAddressIn(definition: string): FoundByAddress {
  const names = (what: string) =>
    [...definition.matchAll(new RegExp(`\\b${what} (tipline_\\w+)`, 'g'))].map(([, name]) => name!)
  const projections = names('PROJECTION')
  return {
    present: [BY_SA, BY_DA].every((name) => projections.includes(name)),
    former: names('INDEX').filter((name) => FORMER.has(name)),
  }
}

/** Of what is stored the files go as well, in the background. */
export function dropSkipIndexes(flows: TableName, names: readonly string[]): readonly string[] {
  return names.map(
    (name) =>
      `ALTER TABLE ${quoted(flows)} DROP INDEX IF EXISTS ${name} SETTINGS mutations_sync = 0`,
  )
}

/**
 * Adds it to a table that is there: at once for what comes, in the background for what is stored.
 * Only where somebody asked for it (`tipline doctor --fix`).
 */
export function addByAddress(flows: TableName): readonly string[] {
  const alter = `ALTER TABLE ${quoted(flows)}`
  const background = 'SETTINGS mutations_sync = 0'
  return [
    `${alter} MODIFY SETTING ${STILL_DELETES}`,
    ...BITS_COLUMNS.map(([name, of]) => `${alter} ADD COLUMN IF NOT EXISTS ${name} ${of}`),
    ...BY_ADDRESS.map(
      (of) => `${alter} ADD ${of.replace('PROJECTION', 'PROJECTION IF NOT EXISTS')}`,
    ),
    ...[SA, DA].map((name) => `${alter} MATERIALIZE COLUMN ${name} ${background}`),
    ...[BY_SA, BY_DA].map((name) => `${alter} MATERIALIZE PROJECTION ${name} ${background}`),
  ]
}

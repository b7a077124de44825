/**
 * What lets a backscan find addresses in a table of flows without reading their texts: beside each of the
 * two its last 32 bits as a number, and for each granule a Bloom filter over those of both ends together,
 * because who speaks to somebody is mostly spoken to as well. Neither `SELECT *` shows the numbers, nor
 * has an INSERT to give them.
 */
import { lastBits } from './address-sql.js'
import type { ClickHouse } from './client.js'
import { quoted, type TableName } from './names.js'

const SA = 'tipline_sa_bits'
const DA = 'tipline_da_bits'
const INDEX = 'tipline_bits'
/** Of earlier versions. */
const OVER_TEXTS = 'tipline_addresses'
const FORMER = [OVER_TEXTS, 'tipline_sa', 'tipline_da'] as const

export const BITS_COLUMNS = [
  [SA, `UInt32 MATERIALIZED ${lastBits('sa')}`],
  [DA, `UInt32 MATERIALIZED ${lastBits('da')}`],
] as const

/** As it stands in a CREATE TABLE. The rate is as low as ClickHouse's filters go. */
export const SKIP_INDEX = `INDEX ${INDEX} [${SA}, ${DA}] TYPE bloom_filter(0.0001) GRANULARITY 1`

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
  readonly sought: Sought
  /** A condition. */
  readonly time: string
  /** Whether the table has the numbers. */
  readonly hasBits: boolean
}

/**
 * The clauses for flows from or to one of these, in this time. What the index answers to compares each
 * flow with each of the bits, so it stands behind what few pass; and of a flow that passes a whole
 * granule of each column is read, so one with another port is to be ruled out before.
 */
export function touching({ sought, time, hasBits }: Touching): string {
  const { bits } = sought
  if (!hasBits) {
    return `PREWHERE ${time} AND (${mayBeIn('sa', bits)} OR ${mayBeIn('da', bits)})
    WHERE hasAny([${lastBits('sa')}, ${lastBits('da')}], ${bits})`
  }
  return `PREWHERE ${time} AND (${SA} IN ${bits} OR ${DA} IN ${bits}) ${andOnPort(sought)}
    WHERE hasAny([${SA}, ${DA}], ${bits})`
}

function andOnPort({ anyPort, onPorts, ports }: Sought): string {
  if (onPorts === null) return ''
  const any = anyPort === null ? [] : [`${SA} IN ${anyPort}`, `${DA} IN ${anyPort}`]
  const on = [`${DA} IN ${onPorts} AND dp IN ${ports}`, `${SA} IN ${onPorts} AND sp IN ${ports}`]
  return `AND (${[...any, ...on].join(' OR ')})`
}

/** The same as asking for the last bits; what is spelled as IPv4 is read as that, which takes half the time. */
function mayBeIn(text: string, bits: string): string {
  return `IPv4StringToNumOrDefault(${text}) IN ${bits}
      OR (position(${text}, ':') > 0 AND ${lastBits(text)} IN ${bits})`
}

export interface SkipIndexes {
  /** Whether the index over the numbers is there. */
  readonly present: boolean
  readonly former: readonly string[]
}

/** @throws ClickHouseError */
export async function skipIndexesOf(
  db: ClickHouse,
  { database, table }: TableName,
  signal?: AbortSignal,
): Promise<SkipIndexes> {
  const rows = await db.rows<{ name: string }>(
    `SELECT name FROM system.data_skipping_indices
     WHERE database = {database:String} AND table = {table:String}
       AND name IN {names:Array(String)} ORDER BY name DESC`,
    { params: { database, table, names: [INDEX, ...FORMER] }, signal },
  )
  const names = rows.map(({ name }) => name)
  return { present: names.includes(INDEX), former: names.filter((name) => name !== INDEX) }
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
export function addSkipIndex(flows: TableName): readonly string[] {
  const alter = `ALTER TABLE ${quoted(flows)}`
  const background = 'SETTINGS mutations_sync = 0'
  return [
    ...BITS_COLUMNS.map(([name, of]) => `${alter} ADD COLUMN IF NOT EXISTS ${name} ${of}`),
    `${alter} ADD ${SKIP_INDEX.replace('INDEX', 'INDEX IF NOT EXISTS')}`,
    ...BITS_COLUMNS.map(([name]) => `${alter} MATERIALIZE COLUMN ${name} ${background}`),
    `${alter} MATERIALIZE INDEX ${INDEX} ${background}`,
  ]
}

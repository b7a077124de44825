/**
 * The indexes that let a backscan skip what can't meet the addresses it looks for: for each granule a
 * Bloom filter over the last 32 bits of the flows' source, and one of their destination. The last bits
 * are the same in IPv4, IPv4-mapped IPv6 and NAT64, however the address is spelled.
 */
import type { ClickHouse } from './client.js'
import { quoted, type TableName } from './names.js'

const lastBits = (text: string) =>
  `toUInt32(bitAnd(toUInt128(toIPv6OrDefault(${text})), 4294967295))`

/** The fewest that pass for nothing: 0.0001 is as far as ClickHouse's filters go. */
const INDEXES = ['sa', 'da'].map((side) => ({
  name: `tipline_${side}`,
  definition: `${lastBits(side)} TYPE bloom_filter(0.0001) GRANULARITY 1`,
}))

/** As they stand in a CREATE TABLE. */
export const SKIP_INDEXES: readonly string[] = INDEXES.map(
  ({ name, definition }) => `INDEX ${name} ${definition}`,
)

/** True for flows from or to one of these last bits; `bits`: a SELECT of UInt32. */
export function touches(bits: string): string {
  return `(${lastBits('sa')} IN (${bits}) OR ${lastBits('da')} IN (${bits}))`
}

/** Names of those that a table lacks. @throws ClickHouseError */
export async function missingSkipIndexes(
  db: ClickHouse,
  { database, table }: TableName,
  signal?: AbortSignal,
): Promise<string[]> {
  const rows = await db.rows<{ name: string }>(
    `SELECT name FROM system.data_skipping_indices
     WHERE database = {database:String} AND table = {table:String}`,
    { params: { database, table }, signal },
  )
  const there = new Set(rows.map(({ name }) => name))
  return INDEXES.map(({ name }) => name).filter((name) => !there.has(name))
}

/**
 * Adds them to a table that is there: at once for what comes, in the background for what is stored.
 * Only where somebody asked for it (`tipline doctor --fix`).
 */
export function addSkipIndexes(flows: TableName): readonly string[] {
  const table = quoted(flows)
  return INDEXES.flatMap(({ name, definition }) => [
    `ALTER TABLE ${table} ADD INDEX IF NOT EXISTS ${name} ${definition}`,
    `ALTER TABLE ${table} MATERIALIZE INDEX ${name} SETTINGS mutations_sync = 0`,
  ])
}

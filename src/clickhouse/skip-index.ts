/**
 * The index that lets a backscan skip what can't meet the addresses it looks for: for each granule a
 * Bloom filter over the last 32 bits of the flows' addresses, of both ends together, because who speaks
 * to somebody is mostly spoken to as well.
 */
import { lastBits } from './address-sql.js'
import type { ClickHouse } from './client.js'
import { quoted, type TableName } from './names.js'

const NAME = 'tipline_addresses'
/** Of earlier versions: an INSERT pays for them, and nothing asks them. */
const FORMER = ['tipline_sa', 'tipline_da'] as const
const BOTH = `[${lastBits('sa')}, ${lastBits('da')}]`

/** As it stands in a CREATE TABLE. The rate is as low as ClickHouse's filters go. */
export const SKIP_INDEX = `INDEX ${NAME} ${BOTH} TYPE bloom_filter(0.0001) GRANULARITY 1`

/**
 * The clauses for flows from or to one of these last bits, in this time; `bits`: an array of UInt32. What
 * the index answers to compares each flow with each of the bits, so it stands behind what few pass.
 */
export function touching(bits: string, time: string): string {
  return `PREWHERE ${time} AND (${mayBeIn('sa', bits)} OR ${mayBeIn('da', bits)})
    WHERE hasAny(${BOTH}, ${bits})`
}

/** The same as asking for the last bits; what is spelled as IPv4 is read as that, which takes half the time. */
function mayBeIn(text: string, bits: string): string {
  return `IPv4StringToNumOrDefault(${text}) IN ${bits}
      OR (position(${text}, ':') > 0 AND ${lastBits(text)} IN ${bits})`
}

export interface SkipIndexes {
  /** Whether ours is there. */
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
    { params: { database, table, names: [NAME, ...FORMER] }, signal },
  )
  const names = rows.map(({ name }) => name)
  return { present: names.includes(NAME), former: names.filter((name) => name !== NAME) }
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
  return [
    `${alter} ADD ${SKIP_INDEX.replace('INDEX', 'INDEX IF NOT EXISTS')}`,
    `${alter} MATERIALIZE INDEX ${NAME} SETTINGS mutations_sync = 0`,
  ]
}

/**
 * Where a slice has met little, as mostly: it comes here, and what is not there yet is stored in one
 * INSERT. In ClickHouse a table in between, and going through it, take longer than the search.
 */
import type { Asking } from '../../clickhouse/client.js'
import { isUnanswered, MET } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import type { Plan } from './work.js'

/** Times in epoch seconds, 64-bit numbers as decimals. */
type Met = Readonly<Record<(typeof MET)[number], string | number>>

/** What misp2ch stored has no number of ours, but all else. */
export const OLD = [
  'ts',
  'te',
  'source_ip',
  'destination_ip',
  'dp',
  'pkt',
  'byt',
  'reverse',
  'attr_uuid',
] as const

const MOST = 2000
/** Of the hits that are there already. */
const MOST_THERE = 20_000
/** What stands in for bytes that are no UTF-8. */
const NO_TEXT = '\ufffd'
const HOUR = 3600

/**
 * What `select` meets; null where it has to be done in ClickHouse: it is much, some of it is to be counted
 * instead of stored, or it would not go back as it came. @throws ClickHouseError
 */
export async function findFew(
  plan: Plan,
  { select, asking }: { select: string; asking: Asking },
): Promise<readonly Met[] | null> {
  const met = await look(plan, `${select} LIMIT ${MOST + 1}`, asking)
  if (met.length > MOST || met.some((each) => isUnanswered(each) || !isText(each))) return null
  return Math.max(0, ...tallied(met).values()) > plan.telling.maxHits ? null : met
}

/** Answers how many are new; null where that has to be told in ClickHouse. @throws ClickHouseError */
export async function storeFew(plan: Plan, met: readonly Met[]): Promise<number | null> {
  if (met.length === 0) return 0
  const there = await whatIsThere(plan, met)
  return there && (await store(plan, unseen(met, there, plan.telling.maxHits)))
}

async function look({ db }: Plan, select: string, asking: Asking): Promise<readonly Met[]> {
  const settings = { ...asking.settings, date_time_output_format: 'unix_timestamp' } as const
  const rows = await db.rows<Met>(select, { ...asking, settings })
  return rows.map((row) => ({ ...row, ts: Number(row.ts), te: Number(row.te) }))
}

function isText(met: Met): boolean {
  return !Object.values(met).some((value) => typeof value === 'string' && value.includes(NO_TEXT))
}

/** How many there are of an attribute in an hour, by `tallyOf`; an identical hit counts once. */
function tallied(met: readonly Pick<Met, 'misp' | 'attr_uuid' | 'ts' | 'hit'>[]) {
  const hits = new Map<string, Set<unknown>>()
  for (const each of met) {
    const tally = tallyOf(each)
    hits.set(tally, (hits.get(tally) ?? new Set()).add(each.hit))
  }
  return new Map([...hits].map(([tally, { size }]) => [tally, size]))
}

function tallyOf({ misp, attr_uuid, ts }: Pick<Met, 'misp' | 'attr_uuid' | 'ts'>): string {
  return JSON.stringify([misp, attr_uuid, hourOf(ts)])
}

function hourOf(ts: Met['ts']): number {
  return Math.floor(Number(ts) / HOUR) * HOUR
}

type There = Pick<Met, (typeof OLD)[number] | 'misp' | 'hit'>

/** Hits of the same attributes in the same hours; null: too many to come here. */
async function whatIsThere(
  { db, tables, signal }: Plan,
  met: readonly Met[],
): Promise<readonly There[] | null> {
  const there = await db.rows<There>(
    `SELECT ${OLD.join(', ')}, misp, hit FROM ${quoted(tables.hits)}
     WHERE toStartOfHour(ts, 'UTC') IN (SELECT toDateTime(arrayJoin({hours:Array(UInt32)})))
       AND attr_uuid IN {attributes:Array(String)}
     LIMIT ${MOST_THERE + 1}`,
    {
      params: {
        hours: distinct(met.map(({ ts }) => hourOf(ts))),
        attributes: distinct(met.map(({ attr_uuid }) => attr_uuid)),
      },
      settings: { date_time_output_format: 'unix_timestamp' },
      signal,
    },
  )
  return there.length > MOST_THERE ? null : there
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

/** Those that are to be stored, up to the most that an attribute may have in an hour. */
function unseen(met: readonly Met[], there: readonly There[], maxHits: number): Met[] {
  const hits = new Set(there.map(({ hit }) => hit))
  const old = new Set(there.filter(({ hit }) => hit === NO_HIT).map(oldOf))
  const places = tallied(there)
  const fresh = new Map(met.map((each) => [each.hit, each]))
  return [...fresh.values()]
    .filter((each) => !hits.has(each.hit) && !old.has(oldOf(each)))
    .sort((a, b) => Number(a.ts) - Number(b.ts) || (BigInt(a.hit) < BigInt(b.hit) ? -1 : 1))
    .filter((each) => {
      const tally = tallyOf(each)
      const place = (places.get(tally) ?? 0) + 1
      places.set(tally, place)
      return place <= maxHits
    })
}

/** The number of what misp2ch stored. */
const NO_HIT = '0'

function oldOf(each: There): string {
  return JSON.stringify(OLD.map((name) => String(each[name])))
}

async function store({ db, tables, signal }: Plan, fresh: readonly Met[]): Promise<number> {
  if (fresh.length === 0) return 0
  const rows = fresh.map((each) => MET.map((name) => each[name]))
  // A hit has a number of its own; a log of blocks beside it would be written for each day of them.
  const settings = { insert_deduplicate: 0 } as const
  await db.insert({ table: quoted(tables.hits), columns: MET, rows, settings, signal })
  return fresh.length
}

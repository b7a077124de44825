/**
 * Where a slice has met little, as mostly: it comes here, and what is not there yet is stored in one
 * INSERT. In ClickHouse a table in between, and going through it, take longer than the search.
 */
import type { Asking } from '../../clickhouse/client.js'
import { MET } from '../../clickhouse/matching.js'
import { quoted } from '../../clickhouse/names.js'
import type { Plan } from './work.js'

/** As `MET`, times in epoch seconds, 64-bit numbers as decimals. */
type Met = Readonly<Record<(typeof MET)[number], string | number>> & {
  /** Of attribute and hour. */
  readonly tally: string
  /** Epoch seconds. */
  readonly hour: number
  /** Of what misp2ch stores of a hit. */
  readonly old: string
  readonly unanswered: number
}

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
/** What stands in for bytes that are no UTF-8. */
const NO_TEXT = '\ufffd'

/**
 * What `select` meets; null where it has to be put down in ClickHouse: it is much, some of it is to be
 * counted instead of stored, or it would not go back as it came. @throws ClickHouseError
 */
export async function lookForFew(
  plan: Plan,
  select: string,
  asking: Asking,
): Promise<readonly Met[] | null> {
  const met = await plan.db.rows<Met>(fetching(select), asking)
  const isFew = met.length <= MOST && met.every((each) => !each.unanswered && isText(each))
  return isFew && most(met) <= plan.telling.maxHits ? met : null
}

function fetching(select: string): string {
  const columns = [...MET, 'hour'].map((name) =>
    TIMES.has(name) ? `toUnixTimestamp(tl_met.${name}) AS ${name}` : `tl_met.${name} AS ${name}`,
  )
  const old = `cityHash64(${OLD.map((name) => `tl_met.${name}`).join(', ')}) AS old`
  return `SELECT ${columns.join(', ')}, tally, unanswered, ${old} FROM (${select}) AS tl_met LIMIT ${MOST + 1}`
}

const TIMES: ReadonlySet<string> = new Set(['ts', 'te', 'hour'])

function isText(met: Met): boolean {
  return !Object.values(met).some((value) => typeof value === 'string' && value.includes(NO_TEXT))
}

/** Of one attribute in one hour. */
function most(met: readonly Met[]): number {
  const counts = new Map<string, number>()
  for (const { tally } of met) counts.set(tally, (counts.get(tally) ?? 0) + 1)
  return Math.max(0, ...counts.values())
}

/** Answers how many hits are new. @throws ClickHouseError */
export async function storeFew(
  { db, tables, telling, signal }: Plan,
  met: readonly Met[],
): Promise<number> {
  if (met.length === 0) return 0
  const there = await whatIsThere({ db, tables, signal }, met)
  const fresh = unseen(met, there, telling.maxHits)
  if (fresh.length === 0) return 0
  const rows = fresh.map((each) => MET.map((name) => each[name]))
  // A hit has a number of its own; a log of blocks beside it would be written for each day of them.
  const settings = { insert_deduplicate: 0 } as const
  await db.insert({ table: quoted(tables.hits), columns: MET, rows, settings, signal })
  return fresh.length
}

interface There {
  readonly hits: ReadonlySet<string>
  readonly old: ReadonlySet<string>
  /** How many hits an attribute has in an hour, by `tally`. */
  readonly had: ReadonlyMap<string, number>
}

/** Of what is there, only the hours of what was met are read. */
async function whatIsThere(
  { db, tables, signal }: Pick<Plan, 'db' | 'tables' | 'signal'>,
  met: readonly Met[],
): Promise<There> {
  const rows = await db.rows<{ tally: string; had: string; hits: string[]; old: string[] }>(
    `SELECT cityHash64(misp, attr_uuid, toStartOfHour(ts, 'UTC')) AS tally, uniqExact(hit) AS had,
       groupUniqArrayIf(hit, hit != 0 AND toUnixTimestamp(ts) IN {moments:Array(UInt32)}) AS hits,
       groupUniqArrayIf(cityHash64(${OLD.join(', ')}), hit = 0) AS old
     FROM ${quoted(tables.hits)}
     WHERE toStartOfHour(ts, 'UTC') IN (SELECT toDateTime(arrayJoin({hours:Array(UInt32)})))
       AND attr_uuid IN {attributes:Array(String)}
     GROUP BY tally`,
    {
      params: {
        moments: distinct(met, 'ts'),
        hours: distinct(met, 'hour'),
        attributes: distinct(met, 'attr_uuid'),
      },
      signal,
    },
  )
  return {
    hits: new Set(rows.flatMap(({ hits }) => hits)),
    old: new Set(rows.flatMap(({ old }) => old)),
    had: new Map(rows.map(({ tally, had }) => [tally, Number(had)])),
  }
}

function distinct(met: readonly Met[], column: keyof Met): unknown[] {
  return [...new Set(met.map((each) => each[column]))]
}

/** Those that are to be stored, up to the most that an attribute may have in an hour. */
function unseen(met: readonly Met[], { hits, old, had }: There, maxHits: number): Met[] {
  const places = new Map(had)
  const fresh = new Map(met.map((each) => [each.hit, each]))
  return [...fresh.values()]
    .filter((each) => !hits.has(String(each.hit)) && !old.has(each.old))
    .sort((a, b) => Number(a.ts) - Number(b.ts) || (BigInt(a.hit) < BigInt(b.hit) ? -1 : 1))
    .filter(({ tally }) => {
      const place = (places.get(tally) ?? 0) + 1
      places.set(tally, place)
      return place <= maxHits
    })
}

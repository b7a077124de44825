/**
 * Whether a view has failed since somebody last asked: for want of memory, say, while ClickHouse was told
 * to ignore errors of views. The flows of that INSERT are stored and were not matched.
 *
 * A server that keeps `query_views_log` tells exactly, and so does the embedded engine, which writes a
 * warning into a file. Where there is neither, `system.errors` tells of some: it holds the text of the last
 * error of each code, and most of them say while pushing to which view they happened. Those of memory do
 * not.
 */
import { readFileSync } from 'node:fs'
import { ClickHouseError } from '../errors.js'
import type { ClickHouse } from './client.js'
import { columnTypes } from './columns.js'
import type { TableName } from './names.js'
import type { Tables } from './schema.js'
import { readState, writeState } from './state.js'

interface Asked {
  readonly db: ClickHouse
  readonly tables: Pick<Tables, 'iocs'>
  /** Ours. */
  readonly views: readonly TableName[]
  readonly signal?: AbortSignal | undefined
}

/**
 * Why one failed since the last call, in a few words; null: none did. Of a user who may read neither of
 * the two tables nothing is known: null. @throws ClickHouseError
 */
export async function failedView(asked: Asked): Promise<string | null> {
  const { db, tables, signal } = asked
  try {
    const before = parsed(await readState(db, tables, STATE, signal))
    const now = await found(asked, before)
    const why = now.log === null ? grown(now, before) : now.why
    const { started, counts, log } = now
    const value = JSON.stringify({ started, counts, log } satisfies State)
    if (value !== JSON.stringify(before)) await writeState(db, tables, { name: STATE, value })
    return why
  } catch (error) {
    if (error instanceof ClickHouseError && error.fault === 'denied') return null
    throw error
  }
}

async function found(asked: Asked, before: State): Promise<Found> {
  const { db, signal } = asked
  if (db.warnings !== null) return warned(db.warnings, asked, before)
  return (await hasViewsLog(db, signal)) ? await logged(asked, before) : await errors(asked)
}

const VIEWS_LOG = { database: 'system', table: 'query_views_log' }

/** Whether ClickHouse writes down what each view did; it does so by default. @throws ClickHouseError */
export async function hasViewsLog(db: ClickHouse, signal?: AbortSignal): Promise<boolean> {
  return (await columnTypes(db, VIEWS_LOG, signal)).has('exception_code')
}

const STATE = 'views that failed'

interface State {
  /** Epoch seconds: of the ClickHouse that counted; 0: nobody did. */
  readonly started: number
  /** Errors by code. */
  readonly counts: Readonly<Record<string, number>>
  /** The time of the last entry of the log that was told, as the log has it; null: there is no log. */
  readonly log: string | null
}

const NOTHING: State = { started: 0, counts: {}, log: null }

function parsed(text: string): State {
  return text === '' ? NOTHING : (JSON.parse(text) as State)
}

interface Found extends State {
  /** By the log. */
  readonly why: string | null
  /** Codes whose last error was of one of our views. */
  readonly ours: ReadonlySet<string>
  readonly names: ReadonlyMap<string, string>
}

/** By the file into which the embedded engine writes, and what was before it. */
function warned(file: string, { views }: Asked, before: State): Found {
  const names = views.map(({ database, table }) => `${database}\\.${table}`).join('|')
  const failed = new RegExp(`Code: (\\d+)\\.[^]*while pushing to view (?:${names})\\b`)
  const entries = [`${file}.0`, file]
    .flatMap((each) => textOf(each).split(ENTRY))
    .filter((entry) => entry.includes(IGNORED) && timeOf(entry) > (before.log ?? ''))
    .map((entry) => ({ at: timeOf(entry), code: failed.exec(entry)?.[1] }))
    .filter(({ code }) => code !== undefined)
  const last = entries.at(-1)
  return {
    ...NOTHING,
    log: last?.at ?? before.log ?? '',
    why: last ? `a view failed (code ${last.code})` : null,
    ours: new Set(),
    names: new Map(),
  }
}

/** Each begins with its time: `2026.11.22 13:58:55.339024`, in UTC. */
const ENTRY = /\n(?=\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d\.)/
const timeOf = (entry: string) => entry.slice(0, '2026.11.22 13:58:55.339024'.length)
/** What is said of a view whose error was ignored; its error follows. */
const IGNORED = 'Cannot push to the storage'

/** '' where nothing was ever warned of. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Entries come some seconds after the fact; what is older than an hour was told, or is a gap already. */
async function logged({ db, views, signal }: Asked, before: State): Promise<Found> {
  const names = views.map(({ database, table }) => `${database}.${table}`)
  const { last, code } = await db.row<{ last: string; code: number }>(
    `SELECT toString(max(toUnixTimestamp64Micro(event_time_microseconds))) AS last,
       argMax(exception_code, event_time_microseconds) AS code
     FROM system.query_views_log
     WHERE event_date >= yesterday() AND event_time >= now() - 3600 AND exception_code != 0
       AND view_name IN {names:Array(String)}
       AND toUnixTimestamp64Micro(event_time_microseconds) > {after:Int64}`,
    { params: { names, after: BigInt(before.log ?? 0) }, signal },
  )
  const isNew = last !== '0'
  return {
    ...NOTHING,
    log: isNew ? last : (before.log ?? '0'),
    why: isNew ? `a view failed (code ${code})` : null,
    ours: new Set(),
    names: new Map(),
  }
}

async function errors({ db, views, signal }: Asked): Promise<Found> {
  const marks = views.map(({ database, table }) => `while pushing to view ${database}.${table}`)
  const [{ started }, rows] = await Promise.all([
    db.row<{ started: number }>('SELECT toUnixTimestamp(now()) - uptime() AS started', { signal }),
    db.rows<{ code: number; name: string; value: string; ours: number }>(
      `SELECT code, name, value, multiSearchAny(last_error_message, {marks:Array(String)}) AS ours
       FROM system.errors WHERE NOT remote ORDER BY code`,
      { params: { marks }, signal },
    ),
  ])
  return {
    started: Number(started),
    counts: Object.fromEntries(rows.map(({ code, value }) => [code, Number(value)])),
    log: null,
    why: null,
    ours: new Set(rows.flatMap(({ code, ours }) => (ours ? [String(code)] : []))),
    names: new Map(rows.map(({ code, name }) => [String(code), name])),
  }
}

/** Counts of two moments may differ by this and be of the same process. */
const CLOCK_SECONDS = 5

function grown({ started, counts, ours, names }: Found, before: State): string | null {
  const isSame = Math.abs(started - before.started) <= CLOCK_SECONDS
  const code = Object.keys(counts).find((each) => {
    const known = isSame ? (before.counts[each] ?? 0) : 0
    return ours.has(each) && counts[each]! > known
  })
  return code === undefined ? null : `a view failed (${names.get(code)})`
}

/** How far flows have got: what was imported, what waits, whether they are matched. */
import type { ClickHouse } from '../clickhouse/client.js'
import { columnTypes } from '../clickhouse/columns.js'
import { type InPlace, readInPlace } from '../clickhouse/in-place.js'
import { quoted } from '../clickhouse/names.js'
import { filesTable, type Tables } from '../clickhouse/schema.js'
import { UsageError } from '../errors.js'
import { knownFiles } from './files.js'
import { findFiles, keyOf, type Watched } from './folders.js'

export interface FlowStatus {
  /** Of ClickHouse, e.g. `the embedded ClickHouse`, and its version. */
  readonly engine: { readonly name: string; readonly version: string }
  readonly files: {
    readonly imported: number
    readonly aside: number
    readonly last: LastFile | null
    /** The newest of those set aside. */
    readonly lastAside: { readonly path: string; readonly reason: string } | null
  }
  /** Finished files in the watched folders that are not in the table yet. */
  readonly waiting: number
  /** Folders that can't be read, and why. */
  readonly unreadable: readonly string[]
  /** Epoch seconds: the newest flow, whoever brought it; null: there is none. */
  readonly newest: number | null
  /** The oldest. */
  readonly oldest: number | null
  readonly matching: InPlace
}

export interface LastFile {
  readonly path: string
  readonly flowsrc: string
  readonly flows: number
  /** Epoch seconds: when it was imported. */
  readonly at: number
}

export interface FlowStatusOptions {
  readonly db: ClickHouse
  readonly tables: Tables
  readonly watch: readonly Watched[]
  /** Epoch seconds. */
  readonly now: number
  readonly signal: AbortSignal
}

/** Changes nothing, and does not need the tables to be there. @throws ClickHouseError */
export async function readFlowStatus(options: FlowStatusOptions): Promise<FlowStatus> {
  const { db } = options
  return {
    engine: { name: db.name, version: db.version },
    files: await filesOf(options),
    ...(await waitingOf(options)),
    newest: await edgeOf(options, 'DESC'),
    oldest: await edgeOf(options, 'ASC'),
    matching: await readInPlace(options, options.signal),
  }
}

const NO_FILES: FlowStatus['files'] = { imported: 0, aside: 0, last: null, lastAside: null }

async function filesOf({ db, tables, signal }: FlowStatusOptions): Promise<FlowStatus['files']> {
  const files = filesTable(tables).name
  const there = await columnTypes(db, files, signal)
  if (!there.has('path')) return NO_FILES
  const newest = `FROM (SELECT * FROM ${quoted(files)} ORDER BY at DESC LIMIT 1 BY flowsrc, path)`
  const last = (outcome: string) =>
    db.rows<LastFile & { reason: string }>(
      `SELECT path, flowsrc, toFloat64(flows) AS flows, toUnixTimestamp(f.at) AS at, reason
       ${newest} AS f WHERE outcome = {outcome:String} ORDER BY f.at DESC LIMIT 1`,
      { params: { outcome }, signal },
    )
  const counts = await db.row<{ imported: string; aside: string }>(
    `SELECT countIf(outcome = 'imported') AS imported, countIf(outcome = 'aside') AS aside ${newest}`,
    { signal },
  )
  const [imported] = await last('imported')
  const [aside] = await last('aside')
  return {
    imported: Number(counts.imported),
    aside: Number(counts.aside),
    last: imported
      ? {
          path: imported.path,
          flowsrc: imported.flowsrc,
          flows: imported.flows,
          at: imported.at,
        }
      : null,
    lastAside: aside ? { path: aside.path, reason: aside.reason } : null,
  }
}

async function waitingOf(
  options: FlowStatusOptions,
): Promise<Pick<FlowStatus, 'waiting' | 'unreadable'>> {
  const { watch, tables, db, now, signal } = options
  const unreadable: string[] = []
  if (watch.length === 0) return { waiting: 0, unreadable }
  const isThere = (await columnTypes(db, filesTable(tables).name, signal)).has('path')
  const sources = [...new Set(watch.map(({ flowsrc }) => flowsrc))]
  const known = isThere ? await knownFiles(options, sources) : []
  const seen = new Map(known.map((file) => [keyOf(file.flowsrc, file.path), file]))
  let waiting = 0
  for (const watched of watch) {
    try {
      waiting += (await findFiles(watched, { seen, now })).found.length
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      unreadable.push(error.message)
    }
  }
  return { waiting, unreadable }
}

/** Read in the order of the table's key, so only a few granules; a `max` would read all of the column. */
async function edgeOf(
  { db, tables, signal }: FlowStatusOptions,
  order: 'ASC' | 'DESC',
): Promise<number | null> {
  if ((await columnTypes(db, tables.flows, signal)).size === 0) return null
  const [flow] = await db.rows<{ at: number }>(
    `SELECT toUnixTimestamp(ts) AS at FROM ${quoted(tables.flows)} ORDER BY ts ${order} LIMIT 1`,
    { signal },
  )
  return flow?.at ?? null
}

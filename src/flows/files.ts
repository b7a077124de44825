/** What is known of nfcapd files: which are in the table of flows, which were set aside and why. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import type { ClickHouse } from '../clickhouse/client.js'
import { quoted } from '../clickhouse/names.js'
import { filesTable, type Tables } from '../clickhouse/schema.js'
import { FlowFileError } from '../errors.js'

/** What tells a file from others, at a glance. */
export interface Facts {
  readonly path: string
  readonly flowsrc: string
  readonly size: number
  /** Epoch seconds. */
  readonly modified: number
}

export interface KnownFile extends Facts {
  readonly outcome: 'imported' | 'aside'
  readonly hash: string
  readonly flows: number
  /** Of all that nfdump printed of it. */
  readonly print: string
  /** Why it was set aside. */
  readonly reason: string
}

interface Knowing {
  readonly db: ClickHouse
  readonly tables: Pick<Tables, 'flows'>
  readonly signal: AbortSignal
}

/** @throws FlowFileError */
export function factsOf(file: string, flowsrc: string): Facts {
  try {
    const { size, mtimeMs } = statSync(file)
    return { path: resolve(file), flowsrc, size, modified: Math.floor(mtimeMs / 1000) }
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** @throws FlowFileError */
export async function hashOf(file: string): Promise<string> {
  try {
    const hash = createHash('sha256')
    for await (const piece of createReadStream(file)) hash.update(piece as Buffer)
    return hash.digest('hex')
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(file: string, cause: unknown): FlowFileError {
  const { code } = cause as NodeJS.ErrnoException
  const how =
    code === 'EISDIR'
      ? 'is a folder: tipline flows watch --once reads those'
      : `can not be read (${code})`
  return new FlowFileError({ what: `${file} ${how}`, file, cause })
}

const COLUMNS = `path, flowsrc, toFloat64(size) AS size, toUnixTimestamp(modified) AS modified, outcome,
  hash, toFloat64(flows) AS flows, print, reason`

/** Of these sources, the newest of each path. @throws ClickHouseError */
export async function knownFiles(
  { db, tables, signal }: Knowing,
  sources: readonly string[],
): Promise<KnownFile[]> {
  return await db.rows<KnownFile>(
    `SELECT ${COLUMNS} FROM ${quoted(filesTable(tables).name)}
     WHERE flowsrc IN {sources:Array(String)} ORDER BY at DESC LIMIT 1 BY flowsrc, path`,
    { params: { sources }, signal },
  )
}

/** This very content, if it came from this source before, under whatever name. @throws ClickHouseError */
export async function sameContent(
  { db, tables, signal }: Knowing,
  { flowsrc, hash }: Pick<KnownFile, 'flowsrc' | 'hash'>,
): Promise<KnownFile | null> {
  const [row] = await db.rows<KnownFile>(
    `SELECT ${COLUMNS} FROM ${quoted(filesTable(tables).name)}
     WHERE flowsrc = {flowsrc:String} AND hash = {hash:String} AND outcome = 'imported'
     ORDER BY at DESC LIMIT 1`,
    { params: { flowsrc, hash }, signal },
  )
  return row ?? null
}

/** What was imported of this path last; null: nothing. @throws ClickHouseError */
export async function lastOf(
  { db, tables, signal }: Knowing,
  { flowsrc, path }: Facts,
): Promise<KnownFile | null> {
  const [row] = await db.rows<KnownFile>(
    `SELECT ${COLUMNS} FROM ${quoted(filesTable(tables).name)}
     WHERE flowsrc = {flowsrc:String} AND path = {path:String} AND outcome = 'imported'
     ORDER BY at DESC LIMIT 1`,
    { params: { flowsrc, path }, signal },
  )
  return row ?? null
}

/** @throws ClickHouseError */
export async function remember({ db, tables, signal }: Knowing, file: KnownFile): Promise<void> {
  const { path, flowsrc, size, modified, outcome, hash, flows, print, reason } = file
  await db.insert({
    table: quoted(filesTable(tables).name),
    columns: [
      'flowsrc',
      'hash',
      'name',
      'path',
      'size',
      'modified',
      'outcome',
      'flows',
      'print',
      'reason',
    ],
    rows: [[flowsrc, hash, basename(path), path, size, modified, outcome, flows, print, reason]],
    signal,
  })
}

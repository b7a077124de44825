/** Hits of lines that go: those that have been kept long enough, and those that concern somebody. */
import { HitsError } from '../errors.js'
import { type Database, inTransaction } from '../ledger/sqlite.js'
import type { Logger } from '../log.js'
import { sleep } from '../retry.js'
import { pruneAlerts } from './alerts/purge.js'
import { asHitsError, hitsExist, openHits } from './database.js'
import { recognise, spellings } from './filter.js'
import { pruneFloods } from './floods.js'
import { logId, rowsWith } from './log-hits.js'
import { pruneSightings } from './sightings/queue.js'

const BATCH = 2000

/** What `keep.hits` of the config asks for, of all that is kept of hits here. A store that can't be written to now is told of, no failure. */
export async function forgetOldHits(options: {
  readonly dataDir: string
  readonly keepSeconds: number
  /** Epoch seconds. */
  readonly now: number
  readonly log: Logger
}): Promise<void> {
  const { dataDir, keepSeconds, now, log } = options
  if (!hitsExist(dataDir) || keepSeconds === Number.POSITIVE_INFINITY) return
  let db: Database | undefined
  try {
    db = openHits(dataDir)
    const before = (now - keepSeconds) * 1000
    await pruneHits(db, before)
    pruneSightings(db, before)
    pruneFloods(db, before)
    pruneAlerts(db, before)
  } catch (error) {
    const err = asHitsError(error, dataDir)
    if (!(err instanceof HitsError)) throw error
    log.warn({ err }, 'old hits could not be forgotten now')
  } finally {
    db?.close()
  }
}

/** Hits recorded before this (epoch milliseconds) go, and what nothing names any more. Answers how many. */
export async function pruneHits(db: Database, before: number): Promise<number> {
  const due = db.prepare('SELECT row FROM hit WHERE recorded < ? ORDER BY recorded LIMIT ?')
  let gone = 0
  for (;;) {
    // Transactions are kept short: somebody may be waiting to record.
    const removed = inTransaction(db, () => remove(db, rowsIn(due.all(before, BATCH))))
    gone += removed
    if (removed < BATCH) return gone
    await sleep(0)
  }
}

/** How many hits of lines a value stands in. */
export function countLogHits(db: Database, value: string): number {
  const { list, values } = bound(db, value)
  const row = db.prepare(`SELECT count(*) AS n FROM (${rowsWith(list)})`).get(values)
  return (row as { n: number }).n
}

/** Whole lines go, with every hit of theirs. Overwritten on the disk too. Answers how many hits went. */
export function eraseLogHits(db: Database, value: string): number {
  const { list, values } = bound(db, value)
  const found = db.prepare(`${rowsWith(list)} LIMIT ${BATCH}`)
  let gone = 0
  for (;;) {
    const removed = inTransaction(db, () => remove(db, rowsIn(found.all(values))))
    gone += removed
    if (removed < BATCH) break
  }
  // What was overwritten must not live on in the write-ahead log.
  db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  return gone
}

function bound(db: Database, value: string) {
  const all = [...new Set([...spellings(value), ...spelledOtherwise(db, value)])]
  return {
    list: all.map((_, at) => `:value${at}`).join(', '),
    values: Object.fromEntries(all.map((each, at) => [`value${at}`, each])),
  }
}

/** Who wants to be forgotten is found however a log spells an address: every text with a colon is read. */
function spelledOtherwise(db: Database, value: string): string[] {
  const isMeant = recognise(value)
  const texts = db.prepare(`SELECT DISTINCT value FROM observed WHERE value GLOB '*:*'`).all()
  return (texts as { value: string }[]).flatMap(({ value }) => (isMeant(value) ? [value] : []))
}

function rowsIn(rows: readonly unknown[]): number[] {
  return (rows as { row: number }[]).map(({ row }) => row)
}

function remove(db: Database, rows: readonly number[]): number {
  const find = db.prepare('SELECT lower(hex(id)) AS hit, line, met FROM hit WHERE row = ?')
  const unmark = db.prepare('DELETE FROM mark WHERE hit = ?')
  // With its mark gone nobody would know that it does not count.
  const uncount = db.prepare(
    'DELETE FROM sighted WHERE hit = :hit AND hit IN (SELECT hit FROM mark)',
  )
  const drop = db.prepare('DELETE FROM hit WHERE row = ?')
  const [lines, mets] = [new Set<number>(), new Set<number>()]
  for (const row of rows) {
    const { hit, line, met } = find.get(row) as { hit: string; line: number; met: number }
    uncount.run({ hit: logId(hit) })
    unmark.run(logId(hit))
    drop.run(row)
    lines.add(line)
    mets.add(met)
  }
  const isNamed = 'EXISTS (SELECT 1 FROM hit WHERE hit'
  const dropObserved = db.prepare(
    `DELETE FROM observed WHERE line = :id AND NOT ${isNamed}.line = :id)`,
  )
  const dropLine = db.prepare(`DELETE FROM line WHERE id = :id AND NOT ${isNamed}.line = :id)`)
  for (const id of lines) {
    dropObserved.run({ id })
    dropLine.run({ id })
  }
  const dropMet = db.prepare(`DELETE FROM met WHERE id = :id AND NOT ${isNamed}.met = :id)`)
  for (const id of mets) dropMet.run({ id })
  return rows.length
}

/** Opening `hits.db`. Several processes may write to it, each in short transactions. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { HitsError } from '../errors.js'
import { makeFolder } from '../folder.js'
import { type Database, inTransaction, sqlite, sqliteCode } from '../ledger/sqlite.js'
import { MIGRATIONS } from './schema.js'

/** How long one waits for the short transaction of another. */
const BUSY_MS = 10_000

export function hitsPath(dataDir: string): string {
  return join(dataDir, 'hits.db')
}

/** Creates or migrates the file. @throws HitsError */
export function openHits(dataDir: string): Database {
  const path = hitsPath(dataDir)
  let db: Database | undefined
  try {
    makeFolder(dataDir)
    db = new (sqlite().DatabaseSync)(path, { enableForeignKeyConstraints: false })
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    // FULL: what a follower was told, or MISP was sent, must not be forgotten with the power.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON')
    migrate(db, dataDir)
    return db
  } catch (error) {
    db?.close()
    throw asHitsError(error, dataDir)
  }
}

/** Changes nothing; null: there is none, or none that this version has written to. @throws HitsError */
export function openHitsForReading(dataDir: string): Database | null {
  if (!hitsExist(dataDir)) return null
  let db: Database | undefined
  try {
    db = new (sqlite().DatabaseSync)(hitsPath(dataDir), { readOnly: true })
    db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`)
    const version = schemaVersion(db)
    if (version > MIGRATIONS.length) throw newer(version)
    if (version === MIGRATIONS.length) return db
    db.close()
    return null
  } catch (error) {
    db?.close()
    throw asHitsError(error, dataDir)
  }
}

/** Each migration runs whole or not at all; hits that are there are copied first. */
function migrate(db: Database, dataDir: string): void {
  const version = schemaVersion(db)
  if (version > MIGRATIONS.length) throw newer(version)
  if (version === MIGRATIONS.length) return
  if (version > 0) {
    const copy = join(dataDir, `hits.before-${MIGRATIONS.length}.db`)
    if (!existsSync(copy)) db.prepare('VACUUM INTO ?').run(copy)
  }
  inTransaction(db, () => {
    // Another process may have migrated while this one waited for the lock.
    for (let next = schemaVersion(db); next < MIGRATIONS.length; next += 1) {
      db.exec(MIGRATIONS[next]!)
      db.exec(`PRAGMA user_version = ${next + 1}`)
    }
  })
}

function schemaVersion(db: Database): number {
  const row = db.prepare('PRAGMA user_version').get() as { user_version: number }
  return row.user_version
}

function newer(version: number): HitsError {
  return new HitsError({
    what: `the store of hits is of version ${version}, this tipline knows ${MIGRATIONS.length}`,
    hint: 'use the newer tipline that wrote it',
  })
}

const MEANINGS: Readonly<Record<number, { what: string; hint: string }>> = {
  5: { what: 'is busy', hint: 'another process holds it; try again' },
  8: { what: 'can only be read', hint: 'check who owns the data folder, and its mount' },
  10: { what: 'could not be read or written', hint: 'check the disk' },
  11: { what: 'is damaged', hint: 'move it away: a new one is made; its hits are lost' },
  13: { what: 'could not grow: the disk is full', hint: 'free some space' },
  14: { what: "can't be opened", hint: 'check who owns the data folder' },
  26: { what: 'is no SQLite file', hint: 'move it away: a new one is made' },
}

/** The user's view of an error of the driver; any other error as it is. */
export function asHitsError(error: unknown, dataDir: string): unknown {
  const meaning = MEANINGS[sqliteCode(error)]
  if (!meaning) return error
  const what = `the store of hits in ${dataDir} ${meaning.what}`
  return new HitsError({ what, hint: meaning.hint, cause: error })
}

/** Whether anything has been recorded, marked or told here. */
export function hitsExist(dataDir: string): boolean {
  return existsSync(hitsPath(dataDir))
}

/**
 * Locks between processes. A lock is a write transaction on a small SQLite file of its own, so the
 * operating system takes it away with the process that held it: nothing stale can be left behind.
 * Beside it stands a note with the holder's pid, for the message only.
 *
 * `daemon`: one `tipline run`. `sync`: one process pulls. `ship`: one process writes to the sinks. The
 * daemon holds these three as long as it lives. `backscan`: one process looks through the flows of the past;
 * the daemon, too, holds it only meanwhile.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LedgerBusy, LedgerError } from '../errors.js'
import { makeFolder } from '../folder.js'
import { sleep } from '../retry.js'
import { type Database, SQLITE_BUSY, sqlite, sqliteCode } from './sqlite.js'

export type LockName = 'daemon' | 'sync' | 'ship' | 'backscan'

export interface Lock {
  release(): void
}

export interface LockOptions {
  readonly dataDir: string
  readonly name: LockName
  /** How long to wait for another holder; 0 answers at once, Infinity waits for ever. */
  readonly waitMs: number
  readonly signal?: AbortSignal
}

const POLL_MS = 100

/** @throws LedgerBusy naming the process that holds it, once the wait is over; the signal's reason */
export async function acquireLock(options: LockOptions): Promise<Lock> {
  const deadline = performance.now() + options.waitMs
  for (;;) {
    const lock = tryLock(options)
    if (lock) return lock
    if (performance.now() >= deadline) throw busy(options)
    await sleep(POLL_MS, options.signal)
  }
}

function tryLock({ dataDir, name }: LockOptions): Lock | null {
  makeFolder(dataDir)
  const db = openLockFile(join(dataDir, `${name}.lock`))
  if (db === null) return null
  try {
    writeFileSync(notePath(dataDir, name), `${process.pid}\n`)
  } catch (cause) {
    db.close()
    throw notTaken(notePath(dataDir, name), cause)
  }
  let held = true
  return {
    release() {
      if (!held) return
      held = false
      db.exec('ROLLBACK')
      db.close()
    },
  }
}

/** With its lock; null: another process has it. @throws LedgerError, as in a folder that another user made */
function openLockFile(path: string): Database | null {
  const { DatabaseSync } = sqlite()
  let db: Database | undefined
  try {
    db = new DatabaseSync(path)
    db.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return db
  } catch (cause) {
    db?.close()
    if (sqliteCode(cause) === SQLITE_BUSY) return null
    throw notTaken(path, cause)
  }
}

function notTaken(path: string, cause: unknown): LedgerError {
  return new LedgerError({
    what: `the lock ${path} can't be taken: ${cause instanceof Error ? cause.message : 'unknown'}`,
    hint: 'check that the data folder and what is in it belong to this user, and that it can be written to',
    cause,
  })
}

const DOES: Readonly<Record<LockName, string>> = {
  daemon: 'running as the daemon',
  sync: 'syncing',
  ship: 'writing to the sinks',
  backscan: 'looking for indicators in the flows of the past',
}

function busy({ dataDir, name }: LockOptions): LedgerBusy {
  const pid = holder(dataDir, name)
  const who = pid === undefined ? 'another process' : `process ${pid}`
  const isForLife = name !== 'backscan' && pid !== undefined && pid === holder(dataDir, 'daemon')
  const isDaemon = name === 'daemon' || isForLife
  return new LedgerBusy({
    what: `${who} is already ${DOES[isDaemon ? 'daemon' : name]} with ${dataDir}`,
    hint: isDaemon
      ? 'stop the daemon (tipline run) first: it has the data folder as long as it lives'
      : 'wait for it to end, and try again',
    pid,
  })
}

function holder(dataDir: string, name: LockName): number | undefined {
  const path = notePath(dataDir, name)
  if (!existsSync(path)) return undefined
  const pid = Number.parseInt(readFileSync(path, 'utf8'), 10)
  return Number.isInteger(pid) && pid > 0 ? pid : undefined
}

function notePath(dataDir: string, name: LockName): string {
  return join(dataDir, `${name}.pid`)
}

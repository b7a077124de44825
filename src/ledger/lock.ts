/**
 * Locks between processes. A lock is a write transaction on a small SQLite file of its own, so the
 * operating system takes it away with the process that held it: nothing stale can be left behind.
 * Beside it stands a note with the holder's pid, for the message only.
 *
 * `daemon`: one `tipline run`. `sync`: one process pulls. `ship`: one process writes to the sinks. The
 * daemon holds all three as long as it lives.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { LedgerBusy } from '../errors.js'
import { sleep } from '../retry.js'
import { SQLITE_BUSY, sqlite, sqliteCode } from './sqlite.js'

export type LockName = 'daemon' | 'sync' | 'ship'

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
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const { DatabaseSync } = sqlite()
  const db = new DatabaseSync(join(dataDir, `${name}.lock`))
  try {
    db.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (sqliteCode(error) === SQLITE_BUSY) return null
    throw error
  }
  writeFileSync(notePath(dataDir, name), `${process.pid}\n`)
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

const DOES: Readonly<Record<LockName, string>> = {
  daemon: 'running as the daemon',
  sync: 'syncing',
  ship: 'writing to the sinks',
}

function busy({ dataDir, name }: LockOptions): LedgerBusy {
  const pid = holder(dataDir, name)
  const who = pid === undefined ? 'another process' : `process ${pid}`
  return new LedgerBusy({
    what: `${who} is already ${DOES[name]} with ${dataDir}`,
    hint: 'wait for it to end, and try again',
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

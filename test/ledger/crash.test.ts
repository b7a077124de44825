/**
 * SIGKILL between any two statements of the ledger's work: what was acknowledged is there, every
 * event is whole, and doing the work again ends in the right state.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { ledgerExists, openForReading } from '../../src/ledger/database.js'
import type { Database } from '../../src/ledger/sqlite.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { FINAL_LIVE, STEPS } from './crash-steps.js'
import { expectInvariants } from './invariants.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const main = join(root, '.build/test/ledger/crash-main.js')
const hook = join(root, 'test/ledger/kill-at.cjs')
/** Every statement is tried at the full count; CI takes every tenth, from a place that the seed picks. */
const FULL = 1000

describe('the ledger under SIGKILL', () => {
  it('is whole after a kill at any statement, and ends right when the work is done again', () => {
    if (!existsSync(main)) throw new Error('not built: run npm test, or tsc -p tsconfig.dev.json')
    const statements = Number(inFolder((folder) => work(folder).stdout))
    expect(statements).toBeGreaterThan(100)
    const stride = Math.max(1, Math.round(FULL / fuzzRuns(FULL)))
    let killed = 0
    for (let at = 1 + (fuzzSeed() % stride); at <= statements; at += stride) {
      for (const when of ['before', 'after']) killed += tryKill(at, when)
    }
    expect(killed).toBeGreaterThan(statements / stride)
  }, 600_000)
})

function tryKill(at: number, when: string): number {
  return inFolder((folder) => {
    const { signal } = work(folder, { KILL_AT: String(at), KILL_WHEN: when })
    if (ledgerExists(folder)) expectWholeEvents(folder)
    expect(work(folder).status).toBe(0)
    const db = openForReading(folder)
    const states = new StateReader(db)
    expectInvariants(db)
    expect(liveValues(states)).toEqual(FINAL_LIVE)
    states.close()
    return signal === 'SIGKILL' ? 1 : 0
  })
}

function work(folder: string, env: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['-r', hook, main, folder], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function expectWholeEvents(folder: string): void {
  // Opening for writing is what the next process does; it also finishes an unfinished migration.
  new LedgerWriter(folder).close()
  const db = openForReading(folder)
  try {
    expectInvariants(db)
    for (const { uuid } of db.prepare('SELECT uuid FROM event').all() as { uuid: string }[]) {
      expect(versionsOf(uuid)).toContainEqual(attributesOf(db, uuid))
    }
  } finally {
    db.close()
  }
}

/** Every state of this event that the work knows. */
function versionsOf(uuid: string): Record<string, string>[] {
  return STEPS.flatMap((step) => {
    const version = step.kind === 'pull' ? step.events[uuid] : undefined
    return version ? [{ ...version }] : []
  })
}

function attributesOf(db: Database, uuid: string): Record<string, string> {
  const rows = db
    .prepare(
      'SELECT a.uuid, a.value FROM attribute a JOIN event e ON e.id = a.event WHERE e.uuid = ?',
    )
    .all(uuid) as { uuid: string; value: string }[]
  return Object.fromEntries(rows.map((row) => [row.uuid, row.value]))
}

function liveValues(states: StateReader): string[] {
  return [...states.everything(100)]
    .flatMap((batch) => batch.states.map(({ value }) => value))
    .sort()
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-crash-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

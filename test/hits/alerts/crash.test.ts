/** SIGKILL between any two statements of the queue: no hit is lost, and through a file none is doubled. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { fuzzRuns, fuzzSeed } from '../../fuzz.js'
import { HITS } from './facts.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const main = join(root, '.build/test/hits/alerts/crash-main.js')
const hook = join(root, 'test/ledger/kill-at.cjs')
/** Every statement at the full count. */
const FULL = 200

it('tells each hit once, killed at any statement and run again', () => {
  if (!existsSync(main)) throw new Error('not built: run npm test, or tsc -p tsconfig.dev.json')
  const statements = inFolder((folder) => Number(run(folder).stdout))
  expect(statements).toBeGreaterThan(40)
  const stride = Math.max(1, Math.round(FULL / fuzzRuns(FULL)))
  let killed = 0
  for (let at = 1 + (fuzzSeed() % stride); at <= statements; at += stride) {
    for (const when of ['before', 'after']) {
      killed += inFolder((folder) => {
        const { signal } = run(folder, { KILL_AT: String(at), KILL_WHEN: when })
        expect(run(folder).status).toBe(0)
        expectEachOnce(folder)
        return signal === 'SIGKILL' ? 1 : 0
      })
    }
  }
  expect(killed).toBeGreaterThan(statements / stride)
}, 600_000)

function expectEachOnce(folder: string): void {
  const lines = readFileSync(join(folder, 'alerts'), 'utf8').trimEnd().split('\n')
  const documents = lines.map((line) => JSON.parse(line))
  const ids = documents.map(({ event }) => event.id)
  expect(new Set(ids).size).toBe(ids.length)
  const counts = documents.map(({ tipline }) => tipline.alert.count as number)
  expect(counts.reduce((sum, each) => sum + each, 0)).toBe(HITS)
}

function run(folder: string, env: Record<string, string> = {}) {
  return spawnSync(process.execPath, ['-r', hook, main, folder], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function inFolder<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tipline-alerts-'))
  try {
    return work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

import { spawnSync } from 'node:child_process'
import { defineConfig } from 'vitest/config'

// One seed for the whole run, so that one line repeats it. Under CI it is the commit's own: a commit
// that passed will pass again, and the next one is tried with other values. Random tests with ten times
// the tries need ten times the patience.
const isCi = process.env.CI === 'true'
const seed = process.env.TIPLINE_SEED ?? (isCi ? seedOfCommit() : null) ?? seedOfNow()
const patience = Math.max(1, Number(process.env.TIPLINE_FUZZ ?? '1'))

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/fixtures/**'],
    reporters: ['./test/reporter.ts'],
    globalSetup: ['./test/temporary.ts'],
    env: { TIPLINE_SEED: seed },
    // Tests wait for processes and sockets more than they compute.
    maxWorkers: '100%',
    testTimeout: 180_000 * patience,
    // A second, the default, is little for a machine that does other things too.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 180_000,
  },
})

/** null: this is no checkout, or not git's to read. */
function seedOfCommit(): string | null {
  const options = { cwd: import.meta.dirname, encoding: 'utf8' } as const
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], options)
  return status === 0 ? String(Number.parseInt(stdout.slice(0, 7), 16)) : null
}

function seedOfNow(): string {
  return String(Date.now() % 2_147_483_647)
}

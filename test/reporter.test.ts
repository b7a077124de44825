/** CI reads the last line of a test run, so it is held here, with vitest itself. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Inside the repository, so that the samples find vitest. */
const FOLDER = join(ROOT, `.build/reporter-${process.pid}`)

const HEAD = "import { beforeAll, describe, expect, it } from 'vitest'\n"
const FILES = {
  'vitest.config.mjs': `export default { test: { include: ['*.test.ts'] } }`,
  'good.test.ts': `
    it('a', () => console.log('of no interest'))
    it('b', () => console.log('fuzz: TIPLINE_SEED=1'))
    it.skip('c', () => expect(1).toBe(2))`,
  'bad.test.ts': `
    it('is good', () => console.log('of interest'))
    it('is bad', () => expect('left').toBe('right'))`,
  'hook.test.ts': `
    describe('all', () => {
      beforeAll(() => { throw new Error('no server') })
      it('a', () => {})
    })`,
  'broken.test.ts': `import './no-such-file.js'`,
  'stray.test.ts': `it('a', () => void Promise.reject(new Error('nobody waits')))`,
}

beforeAll(() => {
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(FOLDER, name), HEAD + text)
})
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

it('ends a bad run in a bad line, and tells each failure', () => {
  const { status, stdout, stderr } = runSamples()
  expect(status).toBe(1)
  // Failed: a test, a hook, a file that does not load, an error outside of any test.
  expect(stdout.trimEnd().split('\n').slice(-2)).toEqual(['2 skipped', '4 passed, 4 failed'])
  expect(stderr).toContain('FAIL bad.test.ts > is bad')
  for (const told of ['no server', 'no-such-file', 'nobody waits']) expect(stderr).toContain(told)
  // What tests printed is shown where something failed, and seeds always.
  expect(stderr).toContain('of interest')
  expect(stdout).toContain('fuzz: TIPLINE_SEED=1')
  expect(stdout + stderr).not.toContain('of no interest')
})

it('takes a run without any test for a failed one', () => {
  const { status, stdout } = runSamples('no-such-test')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed')
  expect(status).toBe(1)
})

it('ends a good run in a good line', () => {
  const { status, stdout } = runSamples('good')
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('2 passed, 0 failed')
  expect(status).toBe(0)
})

it('leaves the counts to npm test, which has more to add', () => {
  const counts = join(FOLDER, 'counts.json')
  const { stdout } = runSamples('good', { TIPLINE_TEST_COUNTS: counts })
  expect(JSON.parse(readFileSync(counts, 'utf8'))).toEqual({ passed: 2, failed: 0, skipped: 1 })
  expect(stdout).not.toContain('passed')
})

function runSamples(filter = '', more: NodeJS.ProcessEnv = {}) {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const reporter = `--reporter=${join(ROOT, 'test/reporter.ts')}`
  const args = [vitest, 'run', '--root', FOLDER, reporter, filter]
  const env = { ...process.env, NO_COLOR: '1', TIPLINE_TEST_COUNTS: '', ...more }
  return spawnSync(process.execPath, args, { cwd: FOLDER, env, encoding: 'utf8' })
}

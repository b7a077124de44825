/**
 * `npm test`: gets everything ready, checks, builds, and runs the tests. The last line of stdout is
 * always `N passed, N failed`, where each check counts as one, unless a signal ends it. Arguments go to
 * vitest; with them only the builds and those tests are run.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runNode, startNode, statusOf } from './children.mjs'
import {
  BUILD_DEV,
  BUILD_DIST,
  BUILD_PAGE,
  installPackages,
  NotReady,
  ROOT,
  removeDist,
  requireNode,
  runScript,
  TSC,
  tell,
  VITE,
} from './ready.mjs'
import { installServers } from './servers.mjs'

const COUNTS = join(ROOT, '.build/test-counts.json')

const CHECKS = [
  { name: 'typecheck', args: [TSC, '--noEmit', '-p', '.'] },
  { name: 'typecheck of the page', args: [TSC, '--noEmit', '-p', 'src/http/page'] },
  { name: 'lint', args: [bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.'] },
  { name: 'unused code', args: [bin('knip/bin/knip.js'), '--no-progress'] },
]
/** Tests that start child processes start these. */
const BUILDS = [
  { name: 'build dist', args: [TSC, ...BUILD_DIST] },
  { name: 'build page', args: [VITE, ...BUILD_PAGE] },
  { name: 'build .build', args: [TSC, ...BUILD_DEV] },
]

await runScript(async () => {
  const counts = await testAll(process.argv.slice(2)).catch((error) => {
    tell(error instanceof NotReady ? error.message : error.stack)
    return { passed: 0, failed: 1, skipped: 0 }
  })
  console.log(`${counts.skipped} skipped`)
  console.log(`${counts.passed} passed, ${counts.failed} failed`)
  return counts.failed === 0 ? 0 : 1
})

async function testAll(vitestArgs) {
  requireNode()
  installPackages()
  // Under CI a suite that is skipped for want of its server must never look green.
  const servers = installServers() || process.env.CI !== 'true'
  removeDist()
  const checks = vitestArgs.length === 0 ? await runSteps(CHECKS) : []
  const builds = await runSteps(BUILDS)
  const tests = await runTests(vitestArgs)
  const steps = [servers, ...checks, ...builds]
  const passed = steps.filter((ok) => ok).length
  return {
    passed: tests.passed + passed,
    failed: tests.failed + steps.length - passed,
    skipped: tests.skipped,
  }
}

function runSteps(steps) {
  return Promise.all(steps.map(runStep))
}

async function runStep({ name, args }) {
  const started = performance.now()
  const child = startNode(args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = []
  child.stdout.on('data', (chunk) => output.push(chunk))
  child.stderr.on('data', (chunk) => output.push(chunk))
  const status = await statusOf(child)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds} s)`)
  if (status !== 0) process.stdout.write(Buffer.concat(output))
  return status === 0
}

/** Vitest's reporter leaves its counts in a file; no file means that vitest itself came to grief. */
async function runTests(args) {
  mkdirSync(join(ROOT, '.build'), { recursive: true })
  rmSync(COUNTS, { force: true })
  const plain = process.stdout.isTTY || process.env.FORCE_COLOR ? {} : { NO_COLOR: '1' }
  const env = { ...process.env, ...plain, TIPLINE_TEST_COUNTS: COUNTS }
  const vitest = [bin('vitest/vitest.mjs'), 'run', ...args]
  // Failures go where the counts go, in their order.
  const status = await runNode(vitest, { cwd: ROOT, env, stdio: ['ignore', 1, 1] })
  const counts = readCounts()
  // A failing exit status without a failing test (a crashed worker, say) must not look green.
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

function readCounts() {
  try {
    return JSON.parse(readFileSync(COUNTS, 'utf8'))
  } catch {
    tell('vitest ended without a result.')
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

function bin(path) {
  return join(ROOT, 'node_modules', path)
}

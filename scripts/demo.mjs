/**
 * `npm run demo`: from a fresh clone to the first hit. stdout holds what the demo prints and nothing
 * else, so that `npm run demo -- --json` can be piped.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { join } from 'node:path'
import { freshDist, installPackages, ROOT, requireNode, runScript } from './ready.mjs'

await runScript(async () => {
  requireNode()
  installPackages()
  freshDist()
  return await runDemo(process.argv.slice(2))
})

async function runDemo(args) {
  const main = join(ROOT, 'dist/cli/main.js')
  const child = spawn(process.execPath, [main, 'demo', ...args], { stdio: 'inherit' })
  // A terminal's Ctrl-C reaches the child by itself, and a second one might mean "at once".
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  const [status, signal] = await once(child, 'exit')
  return status ?? 128 + constants.signals[signal]
}

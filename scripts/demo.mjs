/**
 * `npm run demo`: from a fresh clone to the first hit. stdout holds what the demo prints and nothing
 * else, so that `npm run demo -- --json` can be piped.
 */
import { join } from 'node:path'
import { runNode } from './children.mjs'
import { freshDist, installPackages, ROOT, requireNode, runScript } from './ready.mjs'

await runScript(() => {
  requireNode()
  installPackages()
  freshDist()
  return runNode([join(ROOT, 'dist/cli/main.js'), 'demo', ...process.argv.slice(2)])
})

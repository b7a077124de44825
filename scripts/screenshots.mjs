/**
 * `npm run screenshots`: the pictures of the page in docs/, taken in Debian's Chromium of a site of
 * documentation addresses, by day and by night.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freshDev, freshDist, installPackages, ROOT, requireNode, runScript } from './ready.mjs'

await runScript(async () => {
  requireNode()
  installPackages()
  freshDist()
  freshDev()
  const folder = join(ROOT, 'docs/guides/page')
  mkdirSync(folder, { recursive: true })
  const { takeScreenshots } = await import(join(ROOT, '.build/test/http/page/screenshots.js'))
  for (const path of await takeScreenshots(folder)) console.log(`wrote ${path}`)
  return 0
})

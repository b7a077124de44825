/** `npm run build`: the packages when they are missing, then dist/ from nothing. */
import { freshDist, installPackages, removeDist, requireNode, runScript } from './ready.mjs'

await runScript(() => {
  requireNode()
  installPackages()
  removeDist()
  freshDist()
  return 0
})

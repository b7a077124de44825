/**
 * `npm run docs`: writes every committed file that is made from the code, docs/reference/ above all.
 * With `--check` it writes nothing and says what differs (a test does the same). The files and what
 * makes them: test/reference/pages.ts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { freshDev, installPackages, NotReady, ROOT, requireNode, runScript } from './ready.mjs'

await runScript(async () => {
  requireNode()
  installPackages()
  freshDev()
  const { PAGES } = await import(join(ROOT, '.build/test/reference/pages.js'))
  const changed = await changedPages(PAGES)
  if (process.argv.includes('--check')) refuse(changed)
  else for (const page of changed) write(page)
  return 0
})

async function changedPages(pages) {
  const all = await Promise.all(
    Object.entries(pages).map(async ([path, generate]) => ({ path, text: await generate() })),
  )
  return all.filter(({ path, text }) => textOf(path) !== text)
}

function textOf(path) {
  try {
    return readFileSync(join(ROOT, path), 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function refuse(changed) {
  if (changed.length === 0) return
  const paths = changed.map(({ path }) => path).join(', ')
  throw new NotReady(`These differ from the code: ${paths}. Run: npm run docs`)
}

function write({ path, text }) {
  mkdirSync(dirname(join(ROOT, path)), { recursive: true })
  writeFileSync(join(ROOT, path), text)
  console.log(`wrote ${path}`)
}

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PAGES } from './pages.js'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

describe('what is made from the code', () => {
  it.each(Object.entries(PAGES))('%s is as the code makes it', async (path, generate) => {
    const page = readFileSync(join(ROOT, path), 'utf8')
    expect(page, 'differs from the code; run: npm run docs').toBe(await generate())
  })

  it('is everything in docs/reference', () => {
    const paths = readdirSync(join(ROOT, 'docs/reference')).map((name) => `docs/reference/${name}`)
    expect(paths.filter((path) => !Object.hasOwn(PAGES, path))).toEqual([])
  })
})

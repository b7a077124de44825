import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { typeReference } from '../../src/indicators/reference.js'

it('docs/reference/types.md says what the type table says', () => {
  const page = readFileSync(new URL('../../docs/reference/types.md', import.meta.url), 'utf8')
  expect(page, 'the page is stale: run `npm run docs`').toBe(typeReference())
})

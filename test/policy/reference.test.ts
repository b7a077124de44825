import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { policyReference } from '../../src/policy/reference.js'
import { RULES } from '../../src/policy/rules.js'

it('docs/reference/policy.md says what the rules say', () => {
  const page = readFileSync(new URL('../../docs/reference/policy.md', import.meta.url), 'utf8')
  expect(page, 'differs from the code; run: npm run docs').toBe(policyReference())
})

it('names every rule', () => {
  for (const { name } of RULES) expect(policyReference()).toContain(`| \`${name}\` |`)
})

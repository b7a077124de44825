import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { admissionOf } from '../../../src/match/logs/field-map.js'
import { PRESETS } from '../../../src/match/logs/presets.js'

describe('the scanner', () => {
  it('is compiled of its source', async () => {
    const script = '../../../scripts/scanner.mjs'
    const { compiledScanner } = (await import(script)) as { compiledScanner(): Promise<string> }
    const kept = new URL('../../../src/match/logs/scanner-binary.ts', import.meta.url)
    expect((await compiledScanner()) === readFileSync(kept, 'utf8')).toBe(true)
  }, 60_000)
})

describe('presets', () => {
  it.each(Object.entries(PRESETS))('%s names only what the type table knows', (_, { fields }) => {
    expect(fields.filter(({ as }) => admissionOf(as) === null)).toEqual([])
    const names = fields.map(({ name }) => name)
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })
})

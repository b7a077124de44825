import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.js'
import { fuzz } from '../fuzz.js'

const WORDS = ['sources', 'sinks', 'policy', 'guard', 'log', 'data_dir']

describe('the nearest word', () => {
  it.each([
    ['source', 'sources'],
    ['soruces', 'sources'],
    ['dataDir', 'data_dir'],
    ['lgo', 'log'],
    ['polciy', 'policy'],
    ['gaurd', 'guard'],
  ])('%s means %s', (typed, meant) => {
    expect(nearest(typed, WORDS)).toBe(meant)
  })

  it.each(['', 'x', 'memcached', 'quux'])('%j means none of them', (typed) => {
    expect(nearest(typed, WORDS)).toBeUndefined()
  })

  it('finds a word that lost, gained or changed one character', () => {
    const slip = fc.record({
      word: fc.constantFrom(...WORDS.filter((word) => word.length > 3)),
      at: fc.nat(10),
      letter: fc.constantFrom('', 'q', 'zz'),
    })
    fc.assert(
      fc.property(slip, ({ word, at, letter }) => {
        const place = at % word.length
        expect(nearest(word.slice(0, place) + letter + word.slice(place + 1), WORDS)).toBe(word)
      }),
      fuzz(2000),
    )
  })
})

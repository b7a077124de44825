import { describe, expect, it } from 'vitest'
import { strictestTlp, TLP_LEVELS } from '../../src/policy/tlp.js'

const level = (...tags: string[]) => strictestTlp([tags], 'amber').level

describe('strictestTlp', () => {
  it.each([
    ['tlp:clear', 'clear'],
    ['tlp:white', 'clear'],
    ['TLP:WHITE', 'clear'],
    ['Tlp:Green', 'green'],
    ['tlp:amber', 'amber'],
    ['TLP:AMBER+STRICT', 'amber+strict'],
    ['tlp:amber-strict', 'amber+strict'],
    ['tlp:red', 'red'],
    [' tlp: red ', 'red'],
    ['tlp:"red"', 'red'],
  ])('%j is %s', (tag, expected) => expect(level(tag)).toBe(expected))

  it.each(['tlp:purple', 'tlp:', 'tlp:ambr', 'TLP:redd'])('%j, unknown, counts as red', (tag) => {
    expect(strictestTlp([[tag]], 'clear')).toEqual({ level: 'red', tag })
  })

  it.each([
    'tlp:ex:chr',
    'TLP:EX:CHR',
    'tlp:unclear',
    'tlpx:red',
    'my-tlp:red',
    'tl',
    '',
    'PAP:RED',
  ])('%j sets no level', (tag) =>
    expect(strictestTlp([[tag]], 'green')).toEqual({ level: 'green', tag: null }),
  )

  it('takes the strictest, whatever the order and whoever says it', () => {
    const tags = TLP_LEVELS.map((name) => `tlp:${name}`)
    expect(strictestTlp([tags, []], 'clear').level).toBe('red')
    expect(strictestTlp([[...tags].reverse()], 'clear').level).toBe('red')
    expect(strictestTlp([['tlp:clear'], ['tlp:green']], 'red')).toEqual({
      level: 'green',
      tag: 'tlp:green',
    })
    expect(strictestTlp([['tlp:ex:chr', 'tlp:green']], 'red').level).toBe('green')
  })
})

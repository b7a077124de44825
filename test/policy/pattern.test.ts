import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LONGEST_TEXT, Pattern } from '../../src/policy/pattern.js'
import { PatternRefused } from '../../src/policy/pattern-parser.js'
import { fuzz } from '../fuzz.js'

const matches = (pattern: string, text: string) => new Pattern(pattern).test(text)

describe('Pattern', () => {
  it.each([
    ['', '', true],
    ['a', 'bab', true],
    ['^a', 'ba', false],
    ['a$', 'ab', false],
    ['^$', '', true],
    ['a|b|', 'c', true],
    ['^(?:a|bc)+$', 'abcabc', true],
    ['^(?:a|bc)+$', 'abca b', false],
    ['^a{2}$', 'aaa', false],
    ['^a{2,}$', 'aaa', true],
    ['^a{0,2}$', 'aaa', false],
    ['^a{1,2}b?$', 'aab', true],
    ['a{,2}', 'a{,2}', true],
    ['a{x', 'a{x', true],
    ['^(?<name>a)(?P<other>b)$', 'ab', true],
    ['(?i)ABC', 'xabcx', true],
    ['/abc/i', 'ABC', true],
    ['/abc/', 'ABC', false],
    ['#a/b#', 'a/b', true],
    ['/a\\/b/', 'a/b', true],
    ['/a.c/s', 'a\nc', true],
    ['/a.c/', 'a\nc', false],
    ['/a.c/uD', 'aéc', true],
    ['^[^.]+\\.example$', 'a.b.example', false],
    ['^[^.]+\\.example$', 'ab.example', true],
    ['[]x]', ']', true],
    ['^[^]x]$', ']', false],
    ['[\\w.-]+@[a-z]', 'x.y-z@a', true],
    ['^[\\d\\-\\]]+$', '1-]', true],
    ['/[a-z]/i', 'Q', true],
    ['\\bcat\\b', 'a cat.', true],
    ['\\bcat\\b', 'concat', false],
    ['a\\Bb', 'ab', true],
    ['\\Aab\\z', 'ab', true],
    ['^\\x41\\x{42}\\t$', 'AB\t', true],
    ['^\\.\\-\\_\\@$', '.-_@', true],
    ['^(a+)+$', 'aaaa', true],
    ['^(a*)*$', 'aaaa', true],
    ['^((a|b)*c?)*$', 'abcab', true],
    ['^a*?b+?$', 'aab', true],
    ['/É/i', 'é', true],
  ])('%s on %j: %s', (pattern, text, expected) => expect(matches(pattern, text)).toBe(expected))

  it.each([
    ['(', 'a ( that is not closed'],
    [')', 'a ) too many'],
    ['a)b', 'a ) too many'],
    ['[a', 'a [ that is not closed'],
    ['[z-a]', "a class that can't be read"],
    ['*a', 'nothing to repeat'],
    ['a**', 'nothing to repeat'],
    ['a++', 'possessive'],
    ['^*', 'an anchor'],
    ['a{3,2}', 'from more to less'],
    ['(?=a)', 'look-around'],
    ['(?<!a)b', 'look-around'],
    ['(?>a)', 'look-around'],
    ['(a)\\1', 'uses \\1'],
    ['\\p{L}', 'uses \\p'],
    ['[\\h]', 'uses \\h in a class'],
    ['[[:alpha:]]', 'a POSIX class'],
    ['(*FAIL)', 'control verb'],
    ['/a/x', 'flag'],
    ['/a/m', 'flag'],
    ['a\\', 'ends in a backslash'],
    ['\\x{', '\\x without a number'],
    ['(a{1000}){1000}', 'repeats too much'],
    ['(((){9999}){9999}){9999}', 'repeats too much'],
    ['('.repeat(60), 'too many groups'],
    ['a'.repeat(1001), 'longer than'],
  ])('refuses %s', (pattern, reason) => {
    expect(() => new Pattern(pattern)).toThrow(PatternRefused)
    expect(() => new Pattern(pattern)).toThrow(reason)
  })

  it('sees the beginning of an endless text', () => {
    expect(matches('x', `${' '.repeat(LONGEST_TEXT - 1)}x`)).toBe(true)
    expect(matches('x', `${' '.repeat(LONGEST_TEXT)}x`)).toBe(false)
  })

  it.each([
    '^(a+)+$',
    '^(a|a)*$',
    '^(a|aa)+$',
    '(.*)*x',
    '^(([a-z])+.)+[A-Z]([a-z])+$',
    '.*.*.*.*.*.*x',
  ])('ends on %s, where backtracking would not', (pattern) => {
    expect(matches(pattern, `${'a'.repeat(LONGEST_TEXT - 1)}!`)).toBe(false)
  })
})

describe('Pattern and the built-in engine', () => {
  const leaf = fc.constantFrom(
    'a',
    'b',
    '.',
    '[ab]',
    '[^a]',
    '\\d',
    '\\w',
    '\\b',
    '^',
    '$',
    '',
    '\\.',
    'c',
  )
  const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?')
  const { source } = fc.letrec<{ source: string }>((tie) => ({
    source: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.tuple(tie('source'), tie('source')).map(([a, b]) => `${a}${b}`),
      fc.tuple(tie('source'), tie('source')).map(([a, b]) => `(?:${a}|${b})`),
      fc.tuple(tie('source'), quantifier).map(([a, q]) => `(${a})${q}`),
    ),
  }))
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '.', '1', ' '), maxLength: 10 })

  it('agree on small texts, with and without regard to case', () => {
    fc.assert(
      fc.property(source, text, fc.constantFrom('', 'i'), (pattern, value, flags) => {
        const ours = new Pattern(`/${pattern}/${flags}`).test(value)
        expect(ours).toBe(new RegExp(pattern, flags).test(value))
      }),
      fuzz(20_000),
    )
  })

  it('any text is a pattern or is refused', () => {
    const unit = fc.constantFrom(...'ab(){}[]|*+?^$\\./x1,-:<>=!#')
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 30 }), fc.string(), (pattern, value) => {
        try {
          new Pattern(pattern).test(value)
        } catch (error) {
          expect(error).toBeInstanceOf(PatternRefused)
        }
      }),
      fuzz(50_000),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cut, safeLink, visible } from '../../../src/http/page/text.js'
import { fuzz } from '../../fuzz.js'

describe('foreign text', () => {
  it.each([
    ['plain, ümlaut, 日本, 👍', 'plain, ümlaut, 日本, 👍'],
    ['a\u202egpj.exe', 'a\\u{202e}gpj.exe'],
    ['nul\0, tab\t', 'nul\\u{0}, tab\\u{9}'],
    ['zero\u200bwidth\ufeff', 'zero\\u{200b}width\\u{feff}'],
    ['tag \u{e0041}', 'tag \\u{e0041}'],
    ['half \ud800', 'half \\u{d800}'],
    ['filler \u3164', 'filler \\u{3164}'],
    [`z${'\u0301'.repeat(50)}`, `z${'\u0301'.repeat(4)}…`],
    ['<img onerror=alert(1)>', '<img onerror=alert(1)>'],
  ])('of %j shows %j', (given, shown) => {
    expect(visible(given)).toBe(shown)
  })

  it('is cut, and says how much there was', () => {
    expect(cut('a'.repeat(10_240), 5)).toBe('aaaaa… (10,240 characters)')
    expect(cut('aaaaa', 5)).toBe('aaaaa')
    expect(cut('aaa👍👍', 4)).toBe('aaa… (7 characters)')
  })

  it('shows nothing that can not be seen, and is never endless', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (any) => {
        expect(visible(any)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
        // Every character that is spelled out takes at most ten.
        expect(cut(any, 20).length).toBeLessThanOrEqual(20 * 10 + 40)
      }),
      fuzz(2000),
    )
  })
})

describe('a link', () => {
  it.each([
    ['https://misp.example.org/events/view/12', 'https://misp.example.org/events/view/12'],
    ['http://192.0.2.1:8080/events/view/12', 'http://192.0.2.1:8080/events/view/12'],
  ])('may be %j', (given, href) => {
    expect(safeLink(given)).toBe(href)
  })

  it.each([
    null,
    '',
    '/events/view/1',
    'javascript:alert(1)',
    ' javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'https://user:secret@misp.example.org/',
    '//evil.example/',
  ])('is not made of %j', (given) => {
    expect(safeLink(given)).toBeNull()
  })

  it('leads to a web page or nowhere', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl()), (any) => {
        const href = safeLink(any)
        if (href !== null) expect(href).toMatch(/^https?:\/\//)
      }),
      fuzz(2000),
    )
  })
})

import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { embeddedIpv4, isSingle, parseRange, type Range } from '../../src/policy/address.js'
import { Intervals } from '../../src/policy/intervals.js'
import { fuzz } from '../fuzz.js'

const hex = (words: readonly number[]) => words.map((w) => w.toString(16).padStart(8, '0')).join('')
const shown = (range: Range | null) =>
  range && `${hex(range.from)}-${hex(range.to)} /${range.prefix}`

describe('parseRange', () => {
  it.each([
    ['192.0.2.1', 'c0000201-c0000201 /32'],
    ['192.0.2.77/24', 'c0000200-c00002ff /24'],
    ['0.0.0.0/0', '00000000-ffffffff /0'],
    ['255.255.255.255', 'ffffffff-ffffffff /32'],
    ['::ffff:192.0.2.1', 'c0000201-c0000201 /32'],
    ['::ffff:c000:201/120', 'c0000200-c00002ff /24'],
    ['2001:db8::1', `20010db8${'0'.repeat(23)}1-20010db8${'0'.repeat(23)}1 /128`],
    ['2001:DB8::/32', `20010db8${'0'.repeat(24)}-20010db8${'f'.repeat(24)} /32`],
    ['::', `${'0'.repeat(32)}-${'0'.repeat(32)} /128`],
    [
      '1:2:3:4:5:6:192.0.2.1',
      '000100020003000400050006c0000201-000100020003000400050006c0000201 /128',
    ],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000-00010002000300040005000600070000 /128'],
  ])('%s', (text, expected) => expect(shown(parseRange(text))).toBe(expected))

  it.each([
    '',
    '/',
    '1',
    '192.0.2',
    '192.0.2.1.1',
    '192.0.2.256',
    '192.0.2.01',
    '192.0.2.1/33',
    '192.0.2.1/',
    '192.0.2.1/08',
    '192.0.2.1 ',
    '0x7f.0.0.1',
    'evil.example',
    ':',
    ':::',
    ':1',
    '1:',
    '::1::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    '2001:db8::/129',
    '::192.0.2',
    '::192.0.2.1:5',
    'fe80::1%eth0',
    '[::1]',
    `::${'0'.repeat(100)}`,
  ])('refuses %j', (text) => expect(parseRange(text)).toBeNull())

  it('reads every address as ipaddr.js does', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), {
      minLength: 8,
      maxLength: 8,
    })
    fc.assert(
      fc.property(groups, (parts) => {
        const reference = new ipaddr.IPv6(parts)
        const expected = hex(
          parts
            .map((_, i) => (parts[i] ?? 0) * 65_536 + (parts[i + 1] ?? 0))
            .filter((_, i) => i % 2 === 0),
        )
        if (reference.isIPv4MappedAddress()) return
        for (const text of [
          reference.toString(),
          reference.toRFC5952String(),
          reference.toNormalizedString(),
        ]) {
          expect(hex(parseRange(text)?.from ?? [])).toBe(expected)
        }
      }),
      fuzz(10_000),
    )
  })

  it('never throws', () => {
    const chars = fc.constantFrom(...'0123456789abcdef:./%x ')
    const text = fc.oneof(fc.string({ unit: chars, maxLength: 50 }), fc.string())
    fc.assert(
      fc.property(text, (value) => void parseRange(value)),
      fuzz(20_000),
    )
  })
})

describe('embeddedIpv4', () => {
  it.each([
    ['64:ff9b::192.0.2.1', 'c0000201-c0000201 /32'],
    ['64:ff9b::c000:200/120', 'c0000200-c00002ff /24'],
    ['64:ff9b::/64', '00000000-ffffffff /0'],
    ['2002:c000:201::1', 'c0000201-c0000201 /32'],
    ['2002:c000::/32', 'c0000000-c000ffff /16'],
    ['::192.0.2.1', 'c0000201-c0000201 /32'],
    ['::1', null],
    ['2001:db8::1', null],
    ['192.0.2.1', null],
  ])('%s', (text, expected) => {
    expect(shown(embeddedIpv4(parseRange(text) as Range))).toBe(expected)
  })
})

describe('Intervals', () => {
  const v4 = fc
    .tuple(
      fc.constantFrom(10, 20, 192),
      fc.nat(3),
      fc.nat(3),
      fc.nat(255),
      fc.integer({ min: 0, max: 32 }),
    )
    .map(([a, b, c, d, prefix]) => `${a}.${b}.${c}.${d}/${prefix}`)
  const v6 = fc
    .tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 0, max: 128 }))
    .map(([a, b, prefix]) => `2001:db8:${a}::${b}/${prefix}`)
  const nets = fc.array(fc.oneof(v4, v6), { maxLength: 20 })

  it('answers as a walk over all nets does', () => {
    fc.assert(
      fc.property(nets, fc.oneof(v4, v6), (texts, asked) => {
        const range = parseRange(asked) as Range
        const entries = texts.map((text) => ({ text, range: parseRange(text) as Range }))
        const intervals = new Intervals(entries)
        const same = entries.filter((entry) => entry.range.family === range.family)
        expect(intervals.overlapping(range) !== null).toBe(
          same.some(
            ({ range: { from, to } }) => hex(from) <= hex(range.to) && hex(to) >= hex(range.from),
          ),
        )
        expect(intervals.containing(range) !== null).toBe(
          same.some(
            ({ range: { from, to } }) => hex(from) <= hex(range.from) && hex(to) >= hex(range.to),
          ),
        )
      }),
      fuzz(10_000),
    )
  })

  it('names the widest entry', () => {
    const texts = ['192.0.2.0/28', '192.0.2.0/24', '192.0.2.5', '198.51.100.7']
    const intervals = new Intervals(
      texts.map((text) => ({ text, range: parseRange(text) as Range })),
    )
    expect(intervals.overlapping(parseRange('192.0.2.5') as Range)).toBe('192.0.2.0/24')
    expect(intervals.overlapping(parseRange('198.51.0.0/16') as Range)).toBe('198.51.100.7')
    expect(intervals.containing(parseRange('198.51.0.0/16') as Range)).toBeNull()
    expect(isSingle(parseRange('198.51.100.7/32') as Range)).toBe(true)
  })
})

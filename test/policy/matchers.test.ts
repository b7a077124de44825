import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPolicy } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import { probeOf } from '../../src/policy/subject.js'
import { LONGEST_VALUE, Substrings } from '../../src/policy/substrings.js'
import { fuzz } from '../fuzz.js'
import { list, NOW, subject } from './subjects.js'

/** The entry by which a list holds a value; null if it does not. */
const hit = (type: string, entries: readonly string[], kind: string, value: string) =>
  list(type, entries).value(probeOf(subject(kind, value)))

describe('string', () => {
  const entries = [
    'www.deep.example',
    'Upper.Example',
    'bücher.example',
    '2001:DB8:0::5',
    '192.0.2.7',
    'http://listed.example',
    'C:\\Temp\\Evil.exe',
    'D41D8CD98F00B204E9800998ECF8427E',
  ]
  it.each([
    ['domain', 'www.deep.example', 'www.deep.example'],
    ['hostname', 'upper.example', 'upper.example'],
    ['hostname', 'xn--bcher-kva.example', 'xn--bcher-kva.example'],
    ['hostname', 'x.www.deep.example', null],
    ['ip', '2001:db8::5', '2001:DB8:0::5'],
    ['ip', '192.0.2.7', '192.0.2.7'],
    ['ip', '192.0.2.8', null],
    ['ip-port', '192.0.2.7', '192.0.2.7'],
    ['url', 'http://listed.example/', 'http://listed.example/'],
    ['url', 'http://www.deep.example/', 'www.deep.example'],
    ['url', 'http://www.deep.example/x', null],
    ['url', 'http://192.0.2.7/', '192.0.2.7'],
    ['filename', 'C:\\Temp\\Evil.exe', 'C:\\Temp\\Evil.exe'],
    ['md5', 'd41d8cd98f00b204e9800998ecf8427e', 'd41d8cd98f00b204e9800998ecf8427e'],
  ])('%s %s is on it: %s', (kind, value, expected) => {
    expect(hit('string', entries, kind, value)).toBe(expected)
  })

  it.each([
    ['domain', 'deep.example', 'www.deep.example'],
    ['hostname', 'deep.example', null],
    ['domain', 'eep.example', null],
    ['net', '192.0.2.0/24', '192.0.2.7'],
    ['net', '192.0.3.0/24', null],
    ['net', '2001:db8::/64', '2001:DB8:0::5'],
  ])('%s %s would match what is on it: %s', (kind, value, expected) => {
    expect(hit('string', entries, kind, value)).toBe(expected)
  })

  it('takes a net for a text, as MISP does', () => {
    expect(hit('string', ['192.0.2.0/24'], 'ip', '192.0.2.1')).toBeNull()
    expect(hit('string', ['192.0.2.0/24'], 'net', '192.0.2.0/24')).toBe('192.0.2.0/24')
  })
})

describe('hostname', () => {
  const entries = [
    '.dotted.example',
    '*.star.example',
    'www.deep.listed.example',
    'Trail.Example.',
    '192.0.2.7',
  ]
  it.each([
    ['domain', 'dotted.example', 'dotted.example'],
    ['hostname', 'a.b.dotted.example', 'dotted.example'],
    ['hostname', 'star.example', 'star.example'],
    ['hostname', 'x.trail.example', 'trail.example'],
    ['hostname', 'notdotted.example', null],
    ['hostname', 'dotted.example.evil.test', null],
    ['url', 'https://x.dotted.example/', 'dotted.example'],
    ['url', 'https://x.dotted.example/path', null],
    ['url', 'https://evil.test/dotted.example', null],
    ['url', 'https://dotted.example@evil.test/', null],
    ['url', 'https://evil.test@dotted.example:8443/', 'dotted.example'],
    ['email', 'a@dotted.example', null],
    ['ip', '192.0.2.7', '192.0.2.7'],
  ])('%s %s is on it: %s', (kind, value, expected) => {
    expect(hit('hostname', entries, kind, value)).toBe(expected)
  })

  it.each([
    ['domain', 'deep.listed.example', 'www.deep.listed.example'],
    ['domain', 'listed.example', 'www.deep.listed.example'],
    ['hostname', 'listed.example', null],
    ['net', '192.0.2.0/24', '192.0.2.7'],
  ])('%s %s would match what is on it: %s', (kind, value, expected) => {
    expect(hit('hostname', entries, kind, value)).toBe(expected)
  })
})

describe('cidr', () => {
  const entries = [
    '198.51.100.0/24',
    '203.0.113.9',
    '203.0.113.130/31',
    '2001:db8:5::/48',
    '::ffff:192.0.2.0/120',
  ]
  it.each([
    ['ip', '198.51.100.255', '198.51.100.0/24'],
    ['ip', '198.51.101.0', null],
    ['ip-port', '203.0.113.9', '203.0.113.9'],
    ['ip', '203.0.113.131', '203.0.113.130/31'],
    ['net', '198.51.100.128/25', '198.51.100.0/24'],
    ['ip', '2001:db8:5:1::1', '2001:db8:5::/48'],
    ['ip', '2001:db8:6::1', null],
    ['ip', '192.0.2.200', '::ffff:192.0.2.0/120'],
    ['ip', '64:ff9b::c633:6401', '198.51.100.0/24'],
    ['url', 'http://198.51.100.1/', '198.51.100.0/24'],
    ['url', 'http://[2001:db8:5::1]:80/', '2001:db8:5::/48'],
    ['url', 'http://198.51.100.1/evil', null],
    ['domain', 'evil.example', null],
    ['filename', '198.51.100.1', null],
  ])('%s %s is on it: %s', (kind, value, expected) => {
    expect(hit('cidr', entries, kind, value)).toBe(expected)
  })

  it.each([
    ['net', '198.51.0.0/16', '198.51.100.0/24'],
    ['net', '203.0.113.0/28', '203.0.113.9'],
    ['net', '203.0.113.16/28', null],
    ['net', '2001:db8::/32', '2001:db8:5::/48'],
  ])('%s %s would match what is on it: %s', (kind, value, expected) => {
    expect(hit('cidr', entries, kind, value)).toBe(expected)
  })
})

describe('substring', () => {
  const entries = ['Needle', 'x@', 'ab', 'cdn.example']
  it.each([
    ['domain', 'a-needle-b.example', 'needle'],
    ['user-agent', 'Mozilla NEEDLE/1.0', 'needle'],
    ['filename', 'crab.exe', 'ab'],
    ['domain', 'evil.example', null],
    ['url', 'https://evil.test/?to=cdn.example', 'cdn.example'],
    ['url', 'https://cdn.example/evil', null],
    ['url', 'https://cdn.example/evil?cdn.example', 'cdn.example'],
    ['url', 'https://cdn.example/', 'cdn.example'],
    ['email', 'evil@cdn.example', null],
    ['email', 'x@cdn.example', 'x@'],
    ['email', 'needle@evil.example', 'needle'],
  ])('%s %s has an entry inside: %s', (kind, value, expected) => {
    expect(hit('substring', entries, kind, value)).toBe(expected)
  })

  it('finds what a plain search finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'ß', 'é'), maxLength: 12 })
    const needles = fc.array(
      text.filter((needle) => needle !== ''),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(needles, text, fc.nat(6), (texts, value, from) => {
        const found = new Substrings(texts).find(value, ({ start }) => start >= from)
        const expected = texts.some((needle) => value.indexOf(needle, from) >= 0)
        expect(found !== null).toBe(expected)
        if (found) expect(value.slice(found.start, found.end)).toBe(found.text)
      }),
      fuzz(20_000),
    )
  })

  it('looks at the beginning of what is endless', () => {
    const texts = new Substrings(['needle'])
    expect(texts.find(`${' '.repeat(LONGEST_VALUE - 6)}needle`, () => true)).not.toBeNull()
    expect(texts.find(`${' '.repeat(LONGEST_VALUE - 5)}needle`, () => true)).toBeNull()
  })
})

describe('regex', () => {
  it.each([
    ['/^evil\\d+\\.example$/i', 'domain', 'evil42.example', true],
    ['/^evil\\d+\\.example$/i', 'domain', 'evil.example', false],
    ['#^https?://(www\\.)?listed\\.example/#', 'url', 'http://www.listed.example/x', true],
    ['^bare$', 'mutex', 'bare', true],
    ['^bare$', 'mutex', 'BARE', false],
    ['/\\.listed\\.example$/', 'hostname', 'a.listed.example', true],
    ['/listed/', 'email', 'a@listed.example', true],
  ])('%s on %s %s: %s', (pattern, kind, value, expected) => {
    expect(hit('regex', [pattern], kind, value)).toBe(expected ? pattern : null)
  })
})

describe('many lists', () => {
  const lists = [
    list('string', ['a.example', '192.0.2.0/24']),
    list('hostname', ['b.example', '203.0.113.7']),
    list('cidr', ['198.51.100.0/24']),
    list('substring', ['needle']),
    list('regex', ['/rx$/']),
  ]
  const policy = createPolicy(policySettings.parse({ kinds: ['mutex'] }), lists)
  const values = fc.constantFrom(
    ...['a.example', 'x.a.example', 'b.example', 'x.b.example', 'c.example', 'a-needle.example'],
    ...[
      '198.51.100.1',
      '192.0.2.1',
      '192.0.2.0/24',
      '198.51.0.0/16',
      '203.0.113.7',
      '203.0.113.0/24',
    ],
    ...['http://b.example/', 'http://b.example/x', 'http://198.51.100.1/', 'x@b.example', 'x.rx'],
  )
  const kinds = fc.constantFrom('ip', 'net', 'domain', 'hostname', 'url', 'email', 'mutex')

  it('hold together what each would hold alone', () => {
    fc.assert(
      fc.property(kinds, values, (kind, value) => {
        const about = subject(kind, value)
        const alone = lists.some((one) => one.value(probeOf(about)) !== null)
        const { held } = policy.judge(about, NOW)
        if (held === null || held.rule === 'list') expect(held !== null).toBe(alone)
      }),
      fuzz(10_000),
    )
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPolicy } from '../../src/policy/policy.js'
import { RULES } from '../../src/policy/rules.js'
import { legacyPolicySettings, policySettings } from '../../src/policy/settings.js'
import type { Subject } from '../../src/policy/subject.js'
import { parseWarninglist, type WarningList } from '../../src/policy/warninglist.js'
import { fuzz } from '../fuzz.js'
import { DAY, list, NOW, type SettingsInput, subject, verdict } from './subjects.js'

const LISTS = [
  list('hostname', ['listed.example', 'www.deep.listed.test']),
  list('cidr', ['198.51.100.0/24', '2001:db8:5::/48']),
  list('substring', ['needle']),
  list('regex', ['/^bad.*end$/i']),
  list('string', ['192.0.2.7', 'exact.example'], { category: 'known', name: 'only labels' }),
]

const settingsOf = (input: SettingsInput = {}) => policySettings.parse(input)

describe('order', () => {
  it('is that of the design', () => {
    expect(RULES.map(({ name }) => name)).toEqual([
      'allow',
      'wide-net',
      'special-address',
      'single-label',
      'public-suffix',
      'empty-file',
      'own',
      'list',
      'kind',
      'tlp',
      'age',
      'validity',
    ])
  })

  it('the first rule that speaks decides', () => {
    const all = { tags: ['tlp:red'], timestamp: 0, lastSeen: 1 }
    const own = { own: ['127.0.0.0/8', '198.51.100.0/24', '192.0.2.0/24'] }
    const rule = (value: string, extra = all, settings: SettingsInput = own) =>
      verdict(subject('ip', value, extra), settings, LISTS).held?.rule
    expect(rule('127.0.0.1')).toBe('special-address')
    expect(rule('198.51.100.1')).toBe('own')
    expect(rule('198.51.100.1', all, {})).toBe('list')
    expect(rule('203.0.113.1')).toBe('tlp')
    expect(rule('203.0.113.1', { ...all, tags: [] })).toBe('age')
    expect(rule('203.0.113.1', { ...all, tags: [], timestamp: NOW, lastSeen: 1 })).toBe('validity')
    expect(rule('127.0.0.1', all, { ...own, allow: ['127.0.0.1'] })).toBeUndefined()
  })

  it('says what the reference says it says', () => {
    const said = new Map<string, string[]>()
    for (const about of examples()) {
      const { held } = verdict(about, { own: ['203.0.113.0/24'] }, LISTS)
      if (held) said.set(held.rule, [...(said.get(held.rule) ?? []), held.reason])
    }
    for (const { name, effect, says } of RULES.filter((rule) => rule.effect === 'hold')) {
      const literal = says
        .split(/<[^>]*>/)
        .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      const pattern = new RegExp(`^${literal.join('.+')}$`)
      expect(said.get(name), name).toBeDefined()
      for (const reason of said.get(name) ?? [])
        expect(reason, `${name} (${effect})`).toMatch(pattern)
    }
  })
})

function examples(): Subject[] {
  return [
    subject('net', '0.0.0.0/0'),
    subject('ip', '127.0.0.1'),
    subject('domain', 'com'),
    subject('domain', 'co.uk'),
    subject('md5', 'd41d8cd98f00b204e9800998ecf8427e'),
    subject('ip', '203.0.113.1'),
    subject('ip', '198.51.100.1'),
    subject('mutex', 'x'),
    subject('domain', 'evil.example', { tags: ['TLP:RED'] }),
    subject('domain', 'evil.example', { timestamp: 0 }),
    subject('domain', 'evil.example', { lastSeen: 1 }),
  ]
}

describe('labels', () => {
  it('come from lists that only label, and hold nothing', () => {
    const about = subject('ip', '192.0.2.7')
    expect(verdict(about, {}, LISTS)).toMatchObject({ held: null, labels: ['only labels'] })
    expect(verdict(about, { lists: { 'Only Labels': 'hold' } }, LISTS)).toMatchObject({
      held: { rule: 'list' },
      labels: [],
    })
  })

  it('are given for the host of a URL or e-mail address too, and for what is held', () => {
    const lists = [list('hostname', ['listed.example'])]
    const label = { lists: { 'a-list': 'label' } } as const
    const labels = (about: Subject) => verdict(about, label, lists).labels
    expect(labels(subject('url', 'http://www.listed.example/evil'))).toEqual(['a list'])
    expect(labels(subject('email', 'evil@listed.example'))).toEqual(['a list'])
    expect(labels(subject('domain', 'listed.example', { tags: ['tlp:red'] }))).toEqual(['a list'])
    expect(labels(subject('domain', 'evil.example'))).toEqual([])
  })
})

describe('the setting lists', () => {
  const named = (name: string, origin: string) =>
    parseWarninglist({ name, type: 'string', list: ['evil.example'] }, origin)

  it.each([
    'My List',
    'my list',
    'a.json',
    'a',
    'folder/a.json',
    'folder/a',
    '/lists/folder/a.json',
  ])('finds a list as %s', (key) => {
    const lists = [named('My List', '/lists/folder/a.json')]
    const policy = createPolicy(settingsOf({ lists: { [key]: 'label' } }), lists)
    expect(policy.judge(subject('domain', 'evil.example'), NOW).labels).toEqual(['My List'])
    expect(policy.warnings).toEqual([])
  })

  it('says where it names no list', () => {
    const policy = createPolicy(settingsOf({ lists: { nowhere: 'label' } }), LISTS)
    expect(policy.warnings).toEqual([
      'the setting lists names "nowhere", and there is no such list',
    ])
  })

  it('leaves out a list that its MISP has switched off', () => {
    const off = parseWarninglist(
      {
        Warninglist: {
          name: 'off',
          type: 'string',
          enabled: false,
          WarninglistEntry: [{ value: 'evil.example' }],
        },
      },
      'main',
    )
    expect(verdict(subject('domain', 'evil.example'), {}, [off]).held).toBeNull()
  })
})

describe('legacy settings', () => {
  it('serve what is red, old and past, and screen all the same', () => {
    const policy = createPolicy(legacyPolicySettings, LISTS)
    const old = { tags: ['tlp:red', 'tlp:huh'], timestamp: 0, lastSeen: 1 }
    expect(policy.judge(subject('ip', '192.0.2.1', old), NOW)).toEqual({
      held: null,
      labels: [],
      until: null,
    })
    expect(policy.judge(subject('ip', '10.0.0.1', old), NOW).held?.rule).toBe('special-address')
  })
})

describe('fingerprint', () => {
  const print = (input: SettingsInput, lists: readonly WarningList[] = LISTS) =>
    createPolicy(settingsOf(input), lists).fingerprint

  it('is a SHA-256 and the same for the same', () => {
    expect(print({})).toMatch(/^[0-9a-f]{64}$/)
    expect(print({})).toBe(print({}))
    expect(print({ own: ['a.example', 'b.example'] })).toBe(
      print({ own: ['b.example', 'a.example'] }),
    )
    expect(print({ max_age: { ip: '365d' } })).toBe(print({ max_age: { ip: '1y' } }))
  })

  it('stays when nothing that is judged by changes', () => {
    expect(print({ misp_lists: true, shipped_lists: false, lists_folder: 'x' })).toBe(print({}))
    expect(print({ lists: { nowhere: 'label' } })).toBe(print({}))
  })

  it.each<[string, SettingsInput]>([
    ['allow', { allow: ['192.0.2.1'] }],
    ['own', { own: ['192.0.2.1'] }],
    ['max_tlp', { max_tlp: 'red' }],
    ['untagged_as', { untagged_as: 'red' }],
    ['max_age', { max_age: { ip: '2y' } }],
    ['validity', { validity: false }],
    ['kinds', { kinds: ['mutex'] }],
    ['widest_net', { widest_net: { v4: 17 } }],
    ['lists', { lists: { 'only labels': 'hold' } }],
  ])('changes with %s', (_, input) => expect(print(input)).not.toBe(print({})))

  it('changes with the content, type and reach of a list, not with its version', () => {
    const one = (...args: Parameters<typeof list>) => print({}, [list(...args)])
    const before = one('string', ['a.example', 'b.example'])
    expect(one('string', ['a.example', 'c.example'])).not.toBe(before)
    expect(one('string', ['a.exampleb', '.example'])).not.toBe(before)
    expect(one('hostname', ['a.example', 'b.example'])).not.toBe(before)
    expect(one('string', ['a.example', 'b.example'], { matching_attributes: ['url'] })).not.toBe(
      before,
    )
    expect(one('string', ['a.example', 'b.example'], { version: 2 })).toBe(before)
    expect(print({}, [])).not.toBe(before)
  })
})

const spaces = fc.constantFrom(
  'ip',
  'net',
  'domain',
  'hostname',
  'url',
  'email',
  'md5',
  'sha256',
  'mutex',
  'what',
)
const values = fc.oneof(
  fc.constantFrom(
    '192.0.2.1',
    '10.0.0.0/8',
    'evil.example',
    'x.listed.example',
    'http://listed.example/',
    'a@b.example',
    '',
    '.',
    '..',
    '@',
    '://',
    'http://',
    '[',
    'http://[',
    ':::',
    '/',
  ),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('.', ':', '/', '@', '[', ']', '1', 'a', '%', '-'),
    maxLength: 40,
  }),
  fc.ipV4(),
  fc.ipV6(),
  fc.domain(),
  fc.webUrl(),
  fc.emailAddress(),
)
const times = fc.oneof(
  fc.integer({ min: NOW - 800 * DAY, max: NOW + 800 * DAY }),
  fc.constantFrom(0, NOW - 365 * DAY, NOW - 730 * DAY, NOW, NOW - 1, NOW + 1),
)
const tags = fc.array(
  fc.oneof(fc.constantFrom('tlp:red', 'TLP:GREEN', 'tlp:x', 'tlp:ex:chr'), fc.string()),
  { maxLength: 3 },
)
const subjects: fc.Arbitrary<Subject> = fc.record({
  space: spaces,
  value: values,
  port: fc.nat(65_535),
  weak: fc.boolean(),
  kind: fc.oneof(spaces, fc.string()),
  type: fc.constantFrom('ip-dst', 'domain|ip', 'url', 'email-src', 'md5', '', '|', 'toString'),
  timestamp: times,
  lastSeen: fc.option(times),
  tags,
  eventTags: tags,
})

describe('judge, on anything', () => {
  const policy = createPolicy(
    settingsOf({ own: ['203.0.113.0/24', 'uni.example'], allow: ['192.0.2.0/30', 'ok.example'] }),
    LISTS,
  )

  it('never throws, and says the same twice', () => {
    const again = createPolicy(
      settingsOf({ own: ['203.0.113.0/24', 'uni.example'], allow: ['192.0.2.0/30', 'ok.example'] }),
      LISTS,
    )
    fc.assert(
      fc.property(subjects, (about) => {
        expect(again.judge(about, NOW)).toEqual(policy.judge(about, NOW))
      }),
      fuzz(30_000),
    )
  })

  it('says nothing else before `until`', () => {
    fc.assert(
      fc.property(subjects, fc.double({ min: 0, max: 1, noNaN: true }), (about, part) => {
        const now = policy.judge(about, NOW)
        const last = (now.until ?? NOW + 5000 * DAY) - 1
        expect(last).toBeGreaterThanOrEqual(NOW)
        for (const at of [last, Math.floor(NOW + part * (last - NOW))]) {
          expect(policy.judge(about, at)).toEqual({ ...now, until: now.until })
        }
      }),
      fuzz(30_000),
    )
  })

  it('says something else at `until`', () => {
    const served = fc.record({ timestamp: times, lastSeen: fc.option(times) })
    fc.assert(
      fc.property(served, (extra) => {
        const about = subject('ip', '192.0.2.1', extra)
        const before = policy.judge(about, NOW)
        if (before.until === null) return
        expect(policy.judge(about, before.until).held).not.toEqual(before.held)
      }),
      fuzz(10_000),
    )
  })

  it('holds whatever is stricter than before, and more is never served', () => {
    const strict = createPolicy(
      settingsOf({
        own: ['203.0.113.0/24', 'uni.example', '192.0.2.0/24'],
        max_tlp: 'clear',
        max_age: { ip: '1d', domain: '1d' },
      }),
      LISTS,
    )
    const loose = createPolicy(settingsOf({ own: ['203.0.113.0/24', 'uni.example'] }), LISTS)
    fc.assert(
      fc.property(subjects, (about) => {
        if (strict.judge(about, NOW).held === null) expect(loose.judge(about, NOW).held).toBeNull()
      }),
      fuzz(20_000),
    )
  })
})

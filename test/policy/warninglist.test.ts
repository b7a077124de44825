import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { probeOf } from '../../src/policy/subject.js'
import { parseWarninglist, type WarningList } from '../../src/policy/warninglist.js'
import { fuzz } from '../fuzz.js'
import { list, subject } from './subjects.js'

const holds = (one: WarningList, kind: string, value: string) =>
  one.value(probeOf(subject(kind, value))) !== null

describe('the format of the repository', () => {
  const file = {
    name: 'A list',
    version: 20_261_121,
    description: 'What it is',
    type: 'cidr',
    list: ['198.51.100.0/24'],
    matching_attributes: ['ip-src', 'ip-dst', 'domain|ip'],
  }

  it('is read whole', () => {
    expect(parseWarninglist(file, 'lists/a/list.json')).toMatchObject({
      name: 'A list',
      origin: 'lists/a/list.json',
      version: '20261121',
      description: 'What it is',
      type: 'cidr',
      category: 'false_positive',
      enabled: true,
      size: 1,
      warnings: [],
    })
  })

  it('applies to the types it names, and to composites of them', () => {
    const one = parseWarninglist(file, 'x')
    const applies = (type: string) => one.appliesTo(type)
    expect(['ip-src', 'ip-dst', 'domain|ip', 'ip-dst|port'].filter(applies)).toHaveLength(4)
    expect(['url', 'domain', 'ip', 'port', 'ip-dst|', ''].filter(applies)).toEqual(['ip-dst|'])
  })

  it('applies to everything where it names nothing, or ALL', () => {
    const { matching_attributes, ...bare } = file
    expect(matching_attributes).toHaveLength(3)
    expect(parseWarninglist(bare, 'x').appliesTo('url')).toBe(true)
    expect(parseWarninglist({ ...bare, matching_attributes: ['ALL'] }, 'x').appliesTo('url')).toBe(
      true,
    )
    expect(parseWarninglist({ ...bare, matching_attributes: [] }, 'x').appliesTo('url')).toBe(true)
  })

  it('is a list of strings where it names no type', () => {
    const { type, ...bare } = file
    expect(type).toBe('cidr')
    expect(parseWarninglist(bare, 'x').type).toBe('string')
  })

  it('knows the category that only labels', () => {
    expect(parseWarninglist({ ...file, category: 'known' }, 'x').category).toBe('known')
  })
})

describe("the format of MISP's API", () => {
  /** As in the recording warninglists_view, cut short. */
  const answer = {
    Warninglist: {
      id: '97',
      name: 'List of known IPv6 public DNS resolvers',
      type: 'cidr',
      description: 'Event contains one or more public IPv6 DNS resolvers',
      version: '20240615',
      enabled: true,
      default: true,
      category: 'false_positive',
      WarninglistEntry: [
        { id: '423051', value: '2001:db8:fffe::1', warninglist_id: '97', comment: null },
        { id: '423052', value: '2001:db8:ffff::1', warninglist_id: '97', comment: null },
      ],
    },
  }

  it('is read whole', () => {
    const one = parseWarninglist(answer, 'main')
    expect(one).toMatchObject({
      name: 'List of known IPv6 public DNS resolvers',
      version: '20240615',
      category: 'false_positive',
      enabled: true,
      size: 2,
    })
    expect(holds(one, 'ip', '2001:db8:fffe::1')).toBe(true)
    expect(one.appliesTo('anything')).toBe(true)
  })

  it.each([
    ['valid_attributes', 'ip-src, ip-dst, domain|ip'],
    ['WarninglistType', [{ type: 'ip-src' }, { type: 'ip-dst' }, { type: 'domain|ip' }]],
  ])('tells the types in %s', (key, value) => {
    const one = parseWarninglist({ Warninglist: { ...answer.Warninglist, [key]: value } }, 'main')
    expect(one.appliesTo('ip-src')).toBe(true)
    expect(one.appliesTo('url')).toBe(false)
  })

  it('says whether the MISP uses it', () => {
    const off = { Warninglist: { ...answer.Warninglist, enabled: false } }
    expect(parseWarninglist(off, 'main').enabled).toBe(false)
  })
})

describe('what is no list', () => {
  it.each([
    [null, ''],
    [[], ''],
    ['<html>', ''],
    [{}, 'name'],
    [{ name: 'x', type: 'cidr' }, 'list'],
    [{ name: '', type: 'cidr', list: [] }, 'name'],
    [{ name: 'x', type: 'bloom', list: [] }, 'type'],
    [{ name: 'x', type: 'cidr', list: [1] }, 'list.0'],
    [{ name: 'x', type: 'cidr', list: {} }, 'list'],
    [{ Warninglist: null }, 'Warninglist'],
    [{ Warninglist: { name: 'x', type: 'cidr' } }, 'Warninglist.WarninglistEntry'],
    [
      { Warninglist: { name: 'x', WarninglistEntry: [{}] } },
      'Warninglist.WarninglistEntry.0.value',
    ],
  ])('%j is refused, with the place', (json, key) => {
    const parse = () => parseWarninglist(json, 'lists/x.json')
    expect(parse).toThrow(ConfigError)
    expect(parse).toThrow('lists/x.json is no warninglist')
    expect(parse).toThrow(expect.objectContaining({ file: 'lists/x.json', exitStatus: 2 }))
    expect(problemsOf(parse)[0]?.key).toBe(key)
  })

  function problemsOf(parse: () => unknown): ConfigError['problems'] {
    try {
      parse()
    } catch (error) {
      if (error instanceof ConfigError) return error.problems
      throw error
    }
    return []
  }
})

describe('hostile content', () => {
  it('leaves out entries that would match everything, and says so', () => {
    const one = list('substring', ['', '  ', 'needle', 'x'.repeat(3000)])
    expect(one.size).toBe(1)
    expect(one.warnings).toEqual([
      'entry "" is empty',
      'entry "" is empty',
      `entry "${'x'.repeat(80)}" is too long`,
    ])
    expect(holds(one, 'domain', 'evil.example')).toBe(false)
  })

  it('leaves out what is no net and no expression, and keeps the rest', () => {
    const nets = list('cidr', [
      'evil.example',
      '192.0.2.0/99',
      '\r\nflush_all\r\n',
      '198.51.100.0/24',
    ])
    expect(nets.size).toBe(1)
    expect(nets.warnings).toHaveLength(3)
    expect(holds(nets, 'ip', '198.51.100.1')).toBe(true)
    const expressions = list('regex', ['/(/', '(a)\\1', '/good/'])
    expect(expressions.size).toBe(1)
    expect(expressions.warnings[0]).toBe('entry "/(/" has a ( that is not closed')
    expect(holds(expressions, 'mutex', 'so good')).toBe(true)
  })

  it('names five of many', () => {
    const one = list(
      'cidr',
      Array.from({ length: 100 }, (_, i) => `bad ${i}`),
    )
    expect(one.warnings).toHaveLength(6)
    expect(one.warnings[5]).toBe("and 95 more entries that can't be used")
  })

  it.each(['string', 'substring', 'hostname', 'cidr', 'regex'])(
    'a %s list of anything is usable',
    (type) => {
      const entries = fc.array(
        fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.ipV6(), fc.domain()),
      )
      const values = fc.oneof(fc.string(), fc.domain(), fc.ipV4(), fc.webUrl())
      const kinds = fc.constantFrom('ip', 'domain', 'url', 'email', 'mutex', 'net')
      fc.assert(
        fc.property(entries, kinds, values, (texts, kind, value) => {
          const one = list(type, texts)
          const probe = probeOf(subject(kind, value))
          if (one.value(probe) !== null) expect(one.host(probe)).not.toBeNull()
        }),
        fuzz(1_000),
      )
    },
  )

  it('no name of an object property is on a list by itself', () => {
    const one = list('string', ['evil.example'])
    for (const name of ['constructor', '__proto__', 'toString'])
      expect(holds(one, 'mutex', name)).toBe(false)
  })
})

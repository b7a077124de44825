import { describe, expect, it } from 'vitest'
import { formatProblem } from '../../src/config/format.js'
import { parseYaml, type ScalarMode } from '../../src/config/yaml.js'

function data(text: string, scalars?: ScalarMode): unknown {
  const parsed = parseYaml(text, scalars)
  if (!parsed.ok) throw new Error(parsed.problems.map((p) => p.message).join('; '))
  return parsed.tree.data
}

function problems(text: string): string[] {
  const parsed = parseYaml(text)
  return parsed.ok ? [] : parsed.problems.map((problem) => formatProblem('f', problem))
}

describe('reading YAML', () => {
  it('reads scalars as YAML 1.2 does', () => {
    expect(data('{ a: yes, b: true, c: 010, d: 1.5, e: 2024-01-01, f: "1", g: 0x1F }')).toEqual({
      a: 'yes',
      b: true,
      c: 10,
      d: 1.5,
      e: '2024-01-01',
      f: '1',
      g: 31,
    })
  })

  it('keeps scalars as they are written where asked to', () => {
    expect(data('{ a: yes, b: 010, c: "x\\ty", d: 1e3 }', 'text')).toEqual({
      a: 'yes',
      b: '010',
      c: 'x\ty',
      d: '1e3',
    })
  })

  it('takes a key without a value for one that is not there', () => {
    expect(data('a:\nb: 1\n')).toEqual({ a: undefined, b: 1 })
  })

  it('knows where each value and key stands, in a file with CRLF too', () => {
    const parsed = parseYaml('a:\r\n  - b: 1\r\n    c: [x, y]\r\n')
    if (!parsed.ok) throw new Error('not read')
    const { placeOf, keyPlaceOf } = parsed.tree
    expect(keyPlaceOf(['a'])).toEqual({ line: 1, column: 1 })
    expect(placeOf(['a', 0, 'b'])).toEqual({ line: 2, column: 8 })
    expect(keyPlaceOf(['a', 0, 'c'])).toEqual({ line: 3, column: 5 })
    expect(placeOf(['a', 0, 'c', 1])).toEqual({ line: 3, column: 12 })
    expect(placeOf(['a', 0, 'nowhere', 'at', 'all'])).toEqual({ line: 2, column: 5 })
  })

  it('never changes the prototype of what it makes', () => {
    const made = data('__proto__: { polluted: 1 }\n')
    expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
    expect(Object.keys(made as object)).toEqual(['__proto__'])
  })
})

describe('anchors, aliases and merges', () => {
  it('puts the anchored value in the place of the alias', () => {
    expect(data('a: &x [1, 2]\nb: *x\n')).toEqual({ a: [1, 2], b: [1, 2] })
  })

  it('merges one mapping or several; what stands nearer wins', () => {
    const text = 'p: &p { a: 1, b: 1 }\nq: &q { b: 2, c: 2 }\nr: { <<: [*p, *q], a: 0 }\n'
    expect(data(text)).toMatchObject({ r: { a: 0, b: 1, c: 2 } })
    expect(data('p: &p { a: 1 }\nr:\n  <<: *p\n  b: 2\n')).toMatchObject({ r: { a: 1, b: 2 } })
  })

  it('refuses an alias of nothing, of itself, and a merge of no mapping', () => {
    expect(problems('a: *x\n')).toEqual(['f:1:4: a: this alias (*) names no anchor (&) above it'])
    expect(problems('a: &x [*x]\n')).toEqual(['f:1:8: a.0: this alias (*) lies inside its anchor'])
    expect(problems('a: { <<: 3 }\n')).toEqual([
      'f:1:10: a: << takes a mapping or a list of mappings',
    ])
  })
})

describe('what would take all memory or time', () => {
  const levels = Array.from({ length: 20 }, (_, at) => at)

  it('refuses lists of aliases of lists of aliases', () => {
    const bomb = levels.map(
      (at) => `l${at}: &l${at} [${at ? `*l${at - 1}`.concat(`, *l${at - 1}`.repeat(9)) : 'x'}]`,
    )
    expect(problems(bomb.join('\n'))).toEqual([
      expect.stringContaining('more than 50000 values, counting what aliases expand to'),
    ])
  })

  it('refuses the same with merges', () => {
    const bomb = levels.map(
      (at) => `l${at}: &l${at} { k${at}: 1${at ? `, <<: [${`*l${at - 1}, `.repeat(10)}]` : ''} }`,
    )
    expect(problems(bomb.join('\n'))).toEqual([
      expect.stringContaining('more than 50000 values, counting what aliases expand to'),
    ])
  })

  it.each(['[', '{a: ', '- ', '? ', '!x &y '])('refuses to nest for ever: %s', (piece) => {
    expect(problems(piece.repeat(10_000)).length).toBeGreaterThan(0)
  })

  it('refuses block mappings that nest for ever', () => {
    const text = Array.from({ length: 400 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n')
    expect(problems(text)).toEqual([expect.stringContaining('nested too deep')])
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { appendTo } from '../../../src/match/logs/splice.js'
import { fuzz } from '../../fuzz.js'

const ITEMS = ['{"new":1}', '{"new":2}']

function added(line: string): string {
  const lists = [{ child: 'enrichments', items: ITEMS }]
  return appendTo(Buffer.from(line), JSON.parse(line), { parent: 'threat', lists }).toString()
}

describe('adding to a line', () => {
  it('leaves all else as it was, byte for byte (M22)', () => {
    const big = '{ "n": 12345678901234567890, "a":1,"a" : 2 }\r'
    expect(added(big)).toBe(
      '{ "n": 12345678901234567890, "a":1,"a" : 2 ,"threat":{"enrichments":[{"new":1},{"new":2}]}}\r',
    )
    const odd = Buffer.from('{"a":"\xff"}', 'latin1')
    const lists = [{ child: 'enrichments', items: ['1'] }]
    const line = appendTo(odd, { a: '\ufffd' }, { parent: 'threat', lists })
    expect(line.toString('latin1')).toBe('{"a":"\xff","threat":{"enrichments":[1]}}')
  })

  it('keeps what is there already (M23)', () => {
    const list = '[{"new":1},{"new":2}]'
    for (const [line, expected] of [
      ['{}', `{"threat":{"enrichments":${list}}}`],
      ['{"threat":{}}', `{"threat":{"enrichments":${list}}}`],
      ['{"threat":{"framework":"x"}}', `{"threat":{"framework":"x","enrichments":${list}}}`],
      ['{"threat":{"enrichments":[]}}', `{"threat":{"enrichments":${list}}}`],
      [
        '{"threat":{"enrichments":[ {"old":1} ]}}',
        '{"threat":{"enrichments":[ {"old":1} ,{"new":1},{"new":2}]}}',
      ],
      [
        '{"threat":{"enrichments":{"old":"]}"}}}',
        '{"threat":{"enrichments":[{"old":"]}"},{"new":1},{"new":2}]}}',
      ],
      ['{"threat":{"enrichments":null}}', `{"threat":{"enrichments":${list}}}`],
      ['{"threat":null}', `{"threat":{"enrichments":${list}}}`],
      [
        '{"threat.enrichments":[0],"threat":{"x":1}}',
        '{"threat.enrichments":[0,{"new":1},{"new":2}],"threat":{"x":1}}',
      ],
      ['{"threat":"text"}', `{"threat":"text","threat.enrichments":${list}}`],
      [
        '{"thr\\u0065at":{"enrichments":[0]}}',
        '{"thr\\u0065at":{"enrichments":[0,{"new":1},{"new":2}]}}',
      ],
      [
        '{"threat":{"enrichments":[0]},"threat":{"enrichments":[1]}}',
        '{"threat":{"enrichments":[0]},"threat":{"enrichments":[1,{"new":1},{"new":2}]}}',
      ],
    ] as const) {
      expect(added(line)).toBe(expected)
    }
  })

  it('puts two lists side by side, wherever one of them is', () => {
    const lists = [
      { child: 'event_id', items: ['1'] },
      { child: 'type', items: ['"url"'] },
    ]
    for (const [line, expected] of [
      ['{"a":1}', '{"a":1,"misp":{"event_id":[1],"type":["url"]}}'],
      ['{"misp":{"type":"ip"}}', '{"misp":{"type":["ip","url"],"event_id":[1]}}'],
      ['{"misp.type":[]}', '{"misp.type":["url"],"misp":{"event_id":[1]}}'],
    ] as const) {
      const added = appendTo(Buffer.from(line), JSON.parse(line), { parent: 'misp', lists })
      expect(added.toString()).toBe(expected)
    }
  })

  it('means what was meant, for any object', () => {
    const keys = fc.constantFrom('threat', 'enrichments', 'threat.enrichments', 'a', '')
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.jsonValue(),
        tie('object'),
        fc.array(tie('value'), { maxLength: 2 }),
      ),
      object: fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    }))
    const object = fc.dictionary(keys, value, { maxKeys: 4 })
    fc.assert(
      fc.property(object, fc.constantFrom(undefined, 1, '\t'), (before, indent) => {
        const line = JSON.stringify(before, undefined, indent)
        expect(JSON.parse(added(line))).toEqual(expectation(JSON.parse(line)))
      }),
      fuzz(20_000),
    )
  })
})

type Json = Record<string, unknown>

function expectation(before: Json): Json {
  if (Object.hasOwn(before, 'threat.enrichments')) {
    return { ...before, 'threat.enrichments': list(before['threat.enrichments']) }
  }
  const { threat } = before
  const isObject = typeof threat === 'object' && threat !== null && !Array.isArray(threat)
  if (isObject) {
    const { enrichments } = threat as Json
    return { ...before, threat: { ...threat, enrichments: list(enrichments) } }
  }
  if (threat === undefined || threat === null)
    return { ...before, threat: { enrichments: list(null) } }
  return { ...before, 'threat.enrichments': list(null) }
}

function list(value: unknown): unknown[] {
  const items = ITEMS.map((item) => JSON.parse(item))
  if (value === null || value === undefined) return items
  return Array.isArray(value) ? [...value, ...items] : [value, ...items]
}

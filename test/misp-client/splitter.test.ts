import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SourceError, type SourceFault } from '../../src/errors.js'
import { ElementSplitter } from '../../src/misp/splitter.js'
import { fuzz } from '../fuzz.js'

const SUBJECT = { name: 'main', kind: 'MISP', place: 'misp.example', secrets: [] } as const
const SEARCH = ['response', 'Attribute']

/** Feeds the bytes in pieces that end at the cuts. */
function split(
  input: string | Buffer,
  { path = SEARCH, cuts = [] }: { path?: string[]; cuts?: number[] } = {},
): unknown[] {
  const bytes = Buffer.from(input)
  const splitter = new ElementSplitter({ subject: SUBJECT, path })
  const bounds = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  const found: unknown[] = []
  let from = 0
  for (const to of [...bounds, bytes.length]) {
    found.push(...splitter.push(bytes.subarray(from, to)))
    from = to
  }
  splitter.end()
  return found
}

function everyByte(input: string | Buffer, path = SEARCH): unknown[] {
  return split(input, { path, cuts: Array.from(Buffer.from(input), (_, i) => i) })
}

function faultOf(work: () => unknown): SourceFault | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof SourceError) return error.fault
    throw error
  }
}

describe('finding the list', () => {
  it.each([
    ['as MISP writes it', '{"response": {"Attribute": [{"a":1},{"a":2}]}}\n', SEARCH],
    [
      'pretty-printed',
      '{\n "response": {\n  "Attribute": [ {"a": 1} ,\n {"a": 2} ]\n }\n}',
      SEARCH,
    ],
    ['after a byte order mark', '\ufeff[{"a":1},{"a":2}]', []],
    ['at the top', '[{"a":1},{"a":2}]', []],
    [
      'after other keys',
      '{"x":[{"a":9}],"y":"]","response":{"z":{"Attribute":[3]},"Attribute":[{"a":1},{"a":2}]}}',
      SEARCH,
    ],
    [
      'before other keys',
      '{"response":{"Attribute":[{"a":1},{"a":2}],"x":[{"a":9}]},"y":[1,"Attribute"]}',
      SEARCH,
    ],
  ])('%s', (_, input, path) => {
    expect(split(input, { path })).toEqual([{ a: 1 }, { a: 2 }])
    expect(everyByte(input, path)).toEqual([{ a: 1 }, { a: 2 }])
  })

  it.each([
    ['{"response": {"Attribute": []}}', SEARCH],
    ['{"response": {"Attribute": [ \n ]}}', SEARCH],
    ['[]', []],
  ])('finds nothing in %j', (input, path) => {
    expect(split(input, { path })).toEqual([])
    expect(everyByte(input, path)).toEqual([])
  })

  it('hands out whatever the elements are', () => {
    const elements = [
      null,
      1,
      -2.5e3,
      true,
      false,
      'text, ] }',
      [1, [2]],
      {},
      { '': [] },
      '\ud83d\ude00',
    ]
    const input = JSON.stringify(elements)
    expect(split(input, { path: [] })).toEqual(elements)
    expect(everyByte(input, [])).toEqual(elements)
  })

  it('hands out elements as soon as they are whole', () => {
    const splitter = new ElementSplitter({ subject: SUBJECT, path: [] })
    expect(splitter.push(Buffer.from('[{"a":1},{"a"'))).toEqual([{ a: 1 }])
    expect(splitter.push(Buffer.from(':2}'))).toEqual([])
    expect(splitter.push(Buffer.from(']'))).toEqual([{ a: 2 }])
    splitter.end()
  })
})

const FAULTS: [string, string, SourceFault, string[]?][] = [
  ['nothing', '', 'cut'],
  ['space', ' \n', 'cut'],
  ['a page', '<!DOCTYPE html><html></html>', 'not-misp'],
  ['a page after a byte order mark', '\ufeff <html>', 'not-misp'],
  ['an error in JSON', '{"name":"x","message":"no","url":"/"}', 'not-misp'],
  ['errors', '{"errors":["no"]}', 'not-misp'],
  ['a list where an object was due', '{"response": []}', 'not-misp'],
  ['an object where a list was due', '{"response": {"Attribute": {"1": {}}}}', 'not-misp'],
  ['an object where the list was due', '{"a": [1]}', 'not-misp', []],
  ['a list where an object was due', '[{"a":1}]', 'not-misp'],
  ['the list under another key', '{"response": {"attribute": [1]}}', 'not-misp'],
  ['the list deeper than it should be', '{"x": {"response": {"Attribute": [1]}}}', 'not-misp'],
  ['a word', 'null', 'not-misp'],
  ['text', '"Attribute"', 'not-misp'],
  ['a plain word', 'Fatal error', 'cut'],
  ['half a document', '{"response": {"Attribute": [{"a":1}', 'cut'],
  ['half an element', '[{"a":1},{"a":', 'cut', []],
  ['half a string', '[{"a":1},"ab', 'cut', []],
  ['a missing end', '{"response": {"Attribute": [{"a":1}]}', 'cut'],
  ['too many ends', '{"response": {"Attribute": [{"a":1}]}}}', 'cut'],
  ['the wrong end', '[{"a":1]}', 'cut', []],
  ['something after the end', '[1] [2]', 'cut', []],
  ['a missing comma', '[{"a":1}{"a":2}]', 'cut', []],
  ['a missing comma with a space', '[{"a":1} {"a":2}]', 'cut', []],
  ['two commas', '[1,,2]', 'cut', []],
  ['a last comma', '[1,]', 'cut', []],
  ['a missing colon', '[{"a" 1}]', 'cut', []],
  ['a lost quote', '[{"a":"x,"b":"y"},{"a":"z"}]', 'cut', []],
  ['a quote too many', '[{"a":"x"y"},{"a":"z"}]', 'cut', []],
  ['two numbers', '[1 2]', 'cut', []],
  ['a word that is not JSON', '[{"a":undefined}]', 'cut', []],
  ['the same list twice', '{"response":{"Attribute":[1],"Attribute":[2]}}', 'cut'],
  ['too much depth', '['.repeat(65), 'cut', []],
]

describe('what is no such answer', () => {
  it.each(FAULTS.map(([what, input, fault, path = SEARCH]) => ({ what, input, fault, path })))(
    '$what',
    ({ input, fault, path }) => {
      expect(faultOf(() => split(input, { path }))).toBe(fault)
      expect(faultOf(() => everyByte(input, path))).toBe(fault)
    },
  )

  it('an element of absurd size', () => {
    const options = { subject: SUBJECT, path: [], maxElementBytes: 1000 }
    const splitter = new ElementSplitter(options)
    const feed = () => {
      splitter.push(Buffer.from('["'))
      for (let i = 0; i < 200; i++) splitter.push(Buffer.from('0123456789'))
    }
    expect(faultOf(feed)).toBe('cut')
  })

  it('shows what MISP says, made safe', () => {
    const secretive = { ...SUBJECT, secrets: ['s3cr3tkey'] }
    const splitter = new ElementSplitter({ subject: secretive, path: SEARCH })
    splitter.push(Buffer.from('{"message":"bad key s3cr3tkey \\u001b[2J\\u202e"}'))
    const error = catchError(() => splitter.end())
    expect(error).toMatchObject({
      fault: 'not-misp',
      hint: expect.stringContaining('It says: bad key [secret] \\u001b[2J\\u202e'),
    })
  })
})

describe('an element that is balanced but not JSON', () => {
  it.each([
    ['a bad escape', '{"a":"\\x"}'],
    ['a bare control character', '{"a":"\u0001"}'],
    ['a number with a leading zero', '{"a":012}'],
    ['half a word', '{"a":tru}'],
    ['a key without a value', '{"a"}'],
  ])('%s comes as undefined, and the others come', (_, bad) => {
    const input = `[{"a":1},${bad},{"a":2}]`
    expect(split(input, { path: [] })).toEqual([{ a: 1 }, undefined, { a: 2 }])
    expect(everyByte(input, [])).toEqual([{ a: 1 }, undefined, { a: 2 }])
  })
})

describe('bytes that are no UTF-8', () => {
  it('become replacement characters and harm nothing else', () => {
    const input = Buffer.concat([
      Buffer.from('[{"a":"'),
      Buffer.from([0xc3, 0x28, 0xff, 0xe2, 0x82]),
      Buffer.from('"},{"a":2}]'),
    ])
    expect(split(input, { path: [] })).toEqual(JSON.parse(input.toString('utf8')))
    expect(everyByte(input, [])).toEqual(JSON.parse(input.toString('utf8')))
  })
})

const cuts = fc.array(fc.nat(100_000), { maxLength: 30 })

describe('against JSON.parse', () => {
  it('finds the same elements, however the bytes arrive', () => {
    const property = fc.property(
      fc.array(fc.jsonValue({ maxDepth: 5, noUnicodeString: false })),
      fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 }),
      fc.constantFrom(undefined, 1, '\t'),
      cuts,
      (elements, beside, indent, cuts) => {
        const answer = { ...beside, response: { ...beside, Attribute: elements } }
        const text = JSON.stringify(answer, null, indent)
        const expected = (JSON.parse(text) as typeof answer).response.Attribute
        expect(split(text, { cuts })).toEqual(expected)
        expect(split(JSON.stringify(elements, null, indent), { path: [], cuts })).toEqual(expected)
      },
    )
    fc.assert(property, fuzz(20_000))
  })

  it('is never misled by a damaged answer', () => {
    const row = { a: 'x, ] } "', b: [1, { c: '\\' }], d: null, e: 'é😀' }
    const whole = Buffer.from(JSON.stringify([row, row, row, row, 5, 'x']))
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
      minLength: 1,
      maxLength: 4,
    })
    const property = fc.property(damage, cuts, fc.nat(3), (damage, cuts, short) => {
      const bytes = Buffer.from(whole.subarray(0, whole.length - short))
      for (const [at, byte] of damage) bytes[at % bytes.length] = byte
      const truth = parsed(bytes.toString('utf8'))
      const seen = outcome(bytes, cuts)
      if (Array.isArray(truth)) {
        expect(seen).toEqual(truth)
      } else if (Array.isArray(seen)) {
        // Not JSON as a whole, and yet taken: then the damage is inside elements that were refused.
        expect(seen.length).toBeGreaterThan(0)
        expect(seen).toContain(undefined)
      }
    })
    fc.assert(property, fuzz(200_000))
  })

  it('says the same however a damaged answer is cut into chunks', () => {
    const whole = Buffer.from('{"response": {"Attribute": [{"a":"\\"é"},[1,2],null]}}')
    const property = fc.property(fc.nat(whole.length - 1), fc.nat(255), cuts, (at, byte, cuts) => {
      const bytes = Buffer.from(whole)
      bytes[at] = byte
      expect(outcome(bytes, cuts, SEARCH)).toEqual(outcome(bytes, [], SEARCH))
    })
    fc.assert(property, fuzz(50_000))
  })
})

function outcome(bytes: Buffer, cuts: number[], path: string[] = []): unknown[] | SourceFault {
  let elements: unknown[] = []
  const fault = faultOf(() => {
    elements = split(bytes, { path, cuts })
  })
  return fault ?? elements
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    return undefined
  }
}

function catchError(work: () => unknown): unknown {
  try {
    return work()
  } catch (error) {
    return error
  }
}

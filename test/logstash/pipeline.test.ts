/** What `tipline logstash` writes can be read by Logstash, and nothing in the config can change its meaning. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pipelineText } from '../../src/logstash/pipeline.js'
import { fuzz } from '../fuzz.js'
import { written } from './ruby.js'

/** As Logstash's grammar has it: no escapes in strings, comments to the end of the line. */
const TOKEN = /\s+|#[^\r\n]*\n|"([^"]*)"|=>|[{}]|([A-Za-z_][A-Za-z0-9_]*)/y

/** What Logstash fills in from its environment. */
const VARIABLE = '$'.concat('{HOME}')

interface Block {
  readonly name: string
  readonly attributes: Record<string, string | Block>
  readonly blocks: Block[]
}

/** Reads `name { key => value ... name { ... } }`; throws on anything else. */
function read(text: string): Block[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex
    const match = TOKEN.exec(text)
    if (match === null) throw new SyntaxError(`at ${at}: ${text.slice(at, at + 20)}`)
    if (!/^(?:\s|#)/.test(match[0])) tokens.push(match[0])
  }
  const body = (name: string): Block => {
    const block: Block = { name, attributes: {}, blocks: [] }
    if (tokens.shift() !== '{') throw new SyntaxError(`no { behind ${name}`)
    while (tokens[0] !== '}') {
      const key = tokens.shift() ?? ''
      if (tokens.at(0) === '=>') {
        tokens.shift()
        const value = tokens.at(0)
        block.attributes[key] = value === '{' ? body(key) : (tokens.shift() ?? '')
      } else block.blocks.push(body(key))
    }
    tokens.shift()
    return block
  }
  const blocks: Block[] = []
  while (tokens.length > 0) blocks.push(body(tokens.shift() ?? ''))
  return blocks
}

function expectOneFilter(text: string, folder: string): void {
  const [filter, ...others] = read(text)
  expect(others).toEqual([])
  expect(filter).toMatchObject({ name: 'filter', attributes: {} })
  const [ruby, ...more] = filter!.blocks
  expect(more).toEqual([])
  expect(ruby).toEqual({
    name: 'ruby',
    blocks: [],
    attributes: {
      id: '"tipline"',
      path: `"${folder}/tipline.rb"`,
      script_params: {
        name: 'script_params',
        blocks: [],
        attributes: { '"settings"': `"${folder}/tipline.json"` },
      },
      tag_on_exception: '"_tipline_error"',
    },
  })
}

describe('tipline.conf', () => {
  it('is one ruby filter with the script and its settings', () => {
    expectOneFilter(pipelineText('/etc/logstash/tipline'), '/etc/logstash/tipline')
    expectOneFilter(pipelineText('/srv/Überwachung 2'), '/srv/Überwachung 2')
  })

  it('is that, or is refused, whatever the folder is called', () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      '}',
      '{',
      VARIABLE,
      '%{[x]}',
      '\\',
      '\n',
      '#',
      '=>',
      'a',
      ' ',
      '/',
      'ü',
    )
    const folder = fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}x`)
    fc.assert(
      fc.property(folder, (where) => {
        const text = refusedOr(() => pipelineText(where))
        if (text === null) return
        expect(where).toMatch(/^[^"'\\{}$%#\n]+$/)
        expectOneFilter(text, where.replace(/\/{2,}/g, '/'))
      }),
      fuzz(10_000),
    )
  })
})

describe('tipline.json', () => {
  it('keeps whatever the config holds as data, in ASCII', async () => {
    const nasty = `x"}}\n#{exit}%{[a]}${VARIABLE}\u2028é`
    const files = await written(
      {
        servers: ['127.0.0.1:11211'],
        ownFields: JSON.stringify({
          [`[${nasty.replace('\n', '').replaceAll(/[[\]]/g, '').replace('\u2028', '')}]`]:
            'source.ip',
        }),
      },
      '/etc/logstash/tipline',
    )
    const text = files['tipline.json']!
    expect(text).toMatch(/^[\n -~]+$/)
    const [field] = JSON.parse(text).fields
    expect(field.path).toEqual([`x"}}#{exit}%{a}${VARIABLE}é`])
    expect(files['tipline.rb']).not.toContain('HOME')
    expect(files['tipline.conf']).not.toContain('HOME')
  })

  it('has no secret in it, and no user name of a URL', async () => {
    const sources =
      '  - { name: main, url: "https://who:hidden@misp.example.org/misp/", key: topsecret }'
    const text = Object.values(await written({ servers: ['127.0.0.1'], sources }, '/x')).join('\n')
    expect(text).not.toMatch(/hidden|topsecret|who:/)
    expect(text).toContain('"https://misp.example.org/misp/events/view/"')
  })

  it('asks only for what the config serves', async () => {
    const fields = async (more: object) => {
      const files = await written({ servers: ['127.0.0.1'], ...more }, '/x')
      return (JSON.parse(files['tipline.json']!).fields as { name: string }[]).map(
        ({ name }) => name,
      )
    }
    expect(await fields({})).not.toContain('user_agent.original')
    expect(await fields({ more: 'policy: { kinds: [user-agent] }' })).toContain(
      'user_agent.original',
    )
    const sources =
      '  - { name: main, url: "https://misp.example.org", key: k, filters: { types: [md5] } }'
    expect((await fields({ sources })).every((name) => name.endsWith('.hash.md5'))).toBe(true)
  })
})

function refusedOr<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if ((error as Error).name === 'UsageError') return null
    throw error
  }
}

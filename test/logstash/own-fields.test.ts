import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../src/errors.js'
import { readOwnFields } from '../../src/logstash/own-fields.js'

const ALL = { types: undefined, kinds: [] }

function fields(text: string) {
  return readOwnFields(text, 'fields.yml', ALL)
}

function problems(text: string): string[] {
  try {
    fields(text)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(
      ({ line, column, message, hint }) => `${line}:${column} ${message} (${hint ?? ''})`,
    )
  }
  return []
}

describe('a file of own fields', () => {
  it('takes fields of ECS, ports and namespaces', () => {
    expect(
      fields('"[id.orig_h]": source.ip\n"[id.orig_p]": source.port\nssh.hassh: hassh'),
    ).toMatchObject([
      {
        name: '[id.orig_h]',
        path: ['id.orig_h'],
        port: '[id.orig_p]',
        spaces: expect.arrayContaining(['ip', 'net']),
      },
      {
        name: 'ssh.hassh',
        path: ['ssh', 'hassh'],
        spaces: ['hassh'],
        types: ['hassh-md5', 'hasshserver-md5'],
      },
    ])
  })

  it('leaves out what the config does not serve', () => {
    expect(fields('agent: user_agent.original')).toEqual([])
    expect(
      readOwnFields('agent: user-agent', 'f', { types: undefined, kinds: ['user-agent'] }),
    ).toHaveLength(1)
  })

  it('names line, column and what was meant', () => {
    expect(problems('a: source.ip\nb: sorce.ip')).toEqual([
      expect.stringMatching(/^2:4 "sorce.ip" is neither .*did you mean "source.ip"/),
    ])
    expect(problems('"a]b": source.ip')).toEqual([
      expect.stringMatching(/^1:1 not the name of a field/),
    ])
    expect(problems('a: [source.ip]')).toEqual([
      expect.stringMatching(/^1:4 expected a field of ECS/),
    ])
    expect(problems('')).toEqual([expect.stringMatching(/^1:1 expected a field/)])
    expect(problems('a: {')).toHaveLength(1)
    for (const name of ['..', '[a', '[]', 'a..b', '[a]b'])
      expect(problems(`"${name}": md5`)).toHaveLength(1)
  })
})

import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseIni } from '../../src/config/ini.js'
import { loadConfig, parseConfig } from '../../src/config/load.js'
import { migrateConfig } from '../../src/config/migrate.js'
import { findDataDir } from '../../src/config/place.js'
import { ConfigError } from '../../src/errors.js'
import { legacyPolicySettings } from '../../src/policy/settings.js'
import { fuzz } from '../fuzz.js'

const SHIPPED = `[misp]
# domain name of the misp (https:// is assumed)
misp_fqdn = misp.example.org
; Set to false for a self-signed certificate (only for testing!)
verify_tls = True
token = a-token-of-nobody

# returnFormat:json, type:ip-dst|port and to_ids:1 are set automatically
json_req = {"tags": "tlp:green;#1", "last": "3d", "limit": 10}

[clickhouse]
ch_db_iocs = nfsen.iocs
ch_db_hits = nfsen.ioc_hits
ch_db_flows = nfsen.flows
; remove_old = False
`

const read = (text: string) => parseConfig(text, { file: '/etc/misp/misp2ch.conf', env: {} })

async function problemsOf(text: string): Promise<string[]> {
  try {
    await read(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(
      ({ line, key, message, hint }) =>
        `${line} ${key ?? ''} ${message}${hint === undefined ? '' : `; ${hint}`}`,
    )
  }
}

describe("misp2ch's config", () => {
  it('is read as it is', async () => {
    const loaded = await read(SHIPPED)
    expect(loaded).toMatchObject({
      format: 'misp2ch',
      dataDir: '/etc/misp/misp2ch.tipline-data',
      policy: legacyPolicySettings,
      warnings: [],
      secrets: ['a-token-of-nobody'],
      sinks: {
        clickhouse: {
          url: 'http://localhost:8123',
          keep_old: false,
          tables: { iocs: 'nfsen.iocs', hits: 'nfsen.ioc_hits', flows: 'nfsen.flows' },
        },
      },
    })
    expect(loaded.sources).toMatchObject([
      {
        name: 'misp.example.org',
        url: 'https://misp.example.org',
        key: 'a-token-of-nobody',
        ignore_cert_errors: false,
        search: { tags: 'tlp:green;#1', last: '3d', limit: 10, to_ids: 1 },
        filters: { types: ['ip-dst|port'] },
      },
    ])
  })

  it('reads a value that begins on the line below its key', async () => {
    const loaded = await read(SHIPPED.replace('token = a-token', 'token =\n  a-token'))
    expect(loaded.sources).toMatchObject([{ key: 'a-token-of-nobody' }])
    expect(loaded.secrets).toEqual(['a-token-of-nobody'])
  })

  it('takes a port, which is part of the name that rows are known by', async () => {
    const loaded = await read(SHIPPED.replace('misp.example.org', 'misp.example.org:8443'))
    const [source] = loaded.sources
    expect(source).toMatchObject({
      name: 'misp.example.org:8443',
      url: 'https://misp.example.org:8443',
    })
    const env = { MISP_EXAMPLE_ORG_8443_KEY: 'a-token-of-nobody' }
    const again = await parseConfig(migrateConfig(loaded), { file: '/etc/misp/tipline.yml', env })
    expect(again.sources).toEqual(loaded.sources)
  })

  it('stands in the examples, and its data folder is found', async () => {
    const file = 'examples/misp2ch.conf'
    const loaded = await loadConfig(file, {})
    expect(loaded.format).toBe('misp2ch')
    expect(await findDataDir(file, {})).toBe(loaded.dataDir)
  })

  it.each([
    ['Yes', true],
    ['on', true],
    ['1', true],
    ['FALSE', false],
    ['off', false],
    ['0', false],
  ])('takes verify_tls = %s for %s', async (word, verifies) => {
    const loaded = await read(SHIPPED.replace('verify_tls = True', `verify_tls: ${word}`))
    expect(loaded.sources[0]?.ignore_cert_errors).toBe(!verifies)
  })

  it('keeps rows where remove_old is off', async () => {
    const loaded = await read(SHIPPED.replace('; remove_old', 'remove_old'))
    expect(loaded.sinks.clickhouse?.keep_old).toBe(true)
  })

  it('looks back as many days as it did', async () => {
    const loaded = await read(`${SHIPPED}backscan = 7\n`)
    expect(loaded.sinks.clickhouse?.backscan).toBe('7d')
    expect((await read(`${SHIPPED}backscan = 0\n`)).sinks.clickhouse?.backscan).toBeUndefined()
  })

  it('knows the name that its first versions had for the table', async () => {
    const loaded = await read(SHIPPED.replace('ch_db_iocs', 'ch_db_tbl'))
    expect(loaded.sinks.clickhouse?.tables.iocs).toBe('nfsen.iocs')
  })

  it('does with the shortest there can be', async () => {
    const loaded = await read('[misp]\nmisp_fqdn=misp.example\ntoken=t-o-k-e-n\n')
    expect(loaded.sources[0]).toMatchObject({ search: { to_ids: 1 } })
  })

  it.each([
    [
      SHIPPED.replace('misp_fqdn', 'fqdn'),
      '1 misp.misp_fqdn missing; expected the domain name of the MISP\n3 misp.fqdn unknown key',
    ],
    [
      SHIPPED.replace('[misp]', '[msip]'),
      'missing; expected a section [misp] with misp_fqdn and token',
    ],
    [SHIPPED.replace('[misp]', '[msip]'), 'unknown section, ignored; did you mean "misp"?'],
    [SHIPPED.replace('token', 'tokn'), '6 misp.tokn unknown key, ignored; did you mean "token"?'],
    [SHIPPED.replace('misp.example.org', 'https://x/'), '3 misp.misp_fqdn expected a domain name'],
    [SHIPPED.replace('{"tags"', "{'tags'"), '9 misp.json_req expected a JSON object'],
    [
      SHIPPED.replace('nfsen.iocs', 'nfsen.iocs; DROP'),
      '12 clickhouse.ch_db_iocs expected database',
    ],
    [SHIPPED.replace('tlp:green', 'tlp:%'), '9 misp.json_req expected %% for a plain %'],
    [`${SHIPPED}[misp]\n`, 'expected one section of this name (line 1)'],
    [SHIPPED.replace('verify_tls = True', 'token = b'), 'expected one key of this name (line 5)'],
    [SHIPPED.replace('token = a-token', 'token a-token'), 'expected [section] or key = value'],
  ])('tells what is wrong, and where', async (text, problem) => {
    const problems = await problemsOf(text)
    expect(problems.join('\n')).toContain(problem)
    expect(problems.join('\n')).not.toContain('a-token-of-nobody')
  })

  it('is migrated to a config of the same meaning', async () => {
    const loaded = await read(SHIPPED)
    const text = migrateConfig(loaded)
    expect(text).toContain('misp2clickhouse')
    expect(text).not.toContain('a-token-of-nobody')
    const key = 'a-token-of-nobody'
    const env = { MISP_EXAMPLE_ORG_KEY: key }
    const again = await parseConfig(text, { file: '/etc/misp/tipline.yml', env })
    const { sources, sinks, policy, dataDir } = loaded
    expect(again).toMatchObject({ sources, sinks, policy, dataDir })
  })
})

describe("Python's configparser", () => {
  const python = spawnSync('python3', ['--version']).status === 0

  it.skipIf(!python)('reads the same, whatever a file holds', () => {
    const piece = fc.constantFrom(
      '[misp]',
      '[a]',
      '[DEFAULT]',
      'key',
      'Key',
      'other',
      ' = ',
      ':',
      '=',
      ' ',
      '  ',
      '\t',
      '\n',
      '\n',
      '\n  more',
      '#',
      ';',
      ' ; x',
      '%%',
      '%',
      '%(key)s',
      '%(nosuch)s',
      '{"a": "#;"}',
      'é',
      '[',
      ']',
      'v',
    )
    const text = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(fc.array(text, { minLength: 20, maxLength: 20 }), (texts) => {
        const theirs = readByPython(texts)
        for (const [at, each] of texts.entries()) {
          const parsed = parseIni(each)
          const ours = parsed.ok && parsed.problems.length === 0 ? parsed.data : null
          expect([each, ours]).toEqual([each, theirs[at]])
        }
      }),
      fuzz(200),
    )
  })
})

/** null: it refuses the text. */
function readByPython(texts: readonly string[]): unknown[] {
  const script = `
import configparser, json, sys
def read(text):
    try:
        parser = configparser.ConfigParser()
        parser.read_string(text)
        return {name: dict(parser[name]) for name in parser.sections()}
    except configparser.Error:
        return None
print(json.dumps([read(text) for text in json.load(sys.stdin)]))`
  const { stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(texts),
    encoding: 'utf8',
  })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as unknown[]
}

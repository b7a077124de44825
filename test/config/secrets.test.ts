import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatConfigError } from '../../src/config/format.js'
import { parseConfig } from '../../src/config/load.js'
import { migrateConfig } from '../../src/config/migrate.js'
import { showConfig } from '../../src/config/show.js'
import { ConfigError, TiplineError } from '../../src/errors.js'
import { fuzz } from '../fuzz.js'
import { MISP } from './told.js'

const file = 'tipline.yml'

describe('config show', () => {
  it('fills in every default and hides every secret', async () => {
    const text = `sources:
  - { name: a, url: "https://misp.example.org", key: the-key, proxy: "http://me:the-pw@proxy.example:3128" }
  - { name: b, type: feed, url: "https://u:the-pw@feed.example/?x=1&token=the-token", headers: { Authorization: the-header } }
`
    const loaded = await parseConfig(text, { file, env: {} })
    expect(showConfig(loaded)).toMatchObject({
      file,
      format: 'tipline',
      sources: [
        { key: '[secret]', proxy: 'http://me:[secret]@proxy.example:3128', page_size: 10_000 },
        {
          url: 'https://u:[secret]@feed.example/?x=1&token=[secret]',
          headers: { Authorization: '[secret]' },
        },
      ],
      policy: { max_tlp: 'amber' },
    })
    expect([...loaded.secrets].sort()).toEqual(['the-header', 'the-key', 'the-pw', 'the-token'])
  })

  it('hides a secret wherever else it stands', async () => {
    const text = MISP.replace('main', 'a-key-of-nobody')
    const shown = showConfig(await parseConfig(text, { file, env: {} }))
    expect(shown).toMatchObject({ sources: [{ name: '[secret]', key: '[secret]' }] })
  })
})

/** Letters that occur in no message of ours, so that finding one means that it leaked. */
const secret = fc.string({
  unit: fc.constantFrom(...'ÄÖÜ%:@/?#"\'{}$qxz'),
  minLength: 6,
  maxLength: 50,
})
const marked = secret.map((text) => `ß${text}ß`)

/** Where a secret may stand, and what else is wrong around it. */
const PLACES = [
  (s: string) => `sources: [{ name: a, url: "https://misp.example.org", key: ${s} }]`,
  (s: string) => `sources: [{ name: a, url: "htp://misp.example.org", key: ${s}, kee: 1 }]`,
  (s: string) => `sources: [{ name: a b, key: ${s} }]`,
  (s: string) => `sources: [{ name: a, url: ${s}, key: ${s} }]`,
  (s: string) => `sources: [{ name: a, key: { nested: ${s} } }]`,
  (s: string) => `sources: [{ name: a, key: [${s}] }]`,
  (s: string) => `sources: [{ name: a, type: feed, path: x, headers: { A: ${s}, B: [${s}] } }]`,
  (s: string) => `sources:\n  - name: a\n    key: ${s}\n   url: x\n`,
  (s: string) => `sources:\n  - name: a\n    key: ${s} more\n`,
  (s: string) => `sources:\n  - name: a\n    key ${s}\n`,
  (s: string) => `sources:\n  - key: }${s}\n`,
  (s: string) => `sources:\n  - key: |${s}\n`,
  (s: string) => `sources:\n  - key: !${s} x\n`,
  (s: string) => `misp: { url: x, token: ${s} }\nmemcached: { host: ${s} }\n`,
]

describe('a secret', () => {
  it('stands in no error and in nothing that is shown', async () => {
    const cases = fc.record({
      secret: marked,
      place: fc.constantFrom(...PLACES),
      form: fc.constantFrom('quoted', 'plain', 'environment'),
    })
    await fc.assert(
      fc.asyncProperty(cases, async ({ secret, place, form }) => {
        const written = { quoted: JSON.stringify(secret), plain: secret, environment: `\${S}` }[
          form
        ]
        const output = await everythingSaid(place(written), { S: secret })
        expect(output).not.toContain('ß')
      }),
      fuzz(10_000),
    )
  })

  it('stands in no error about a URL that holds it', async () => {
    const word = fc.string({ unit: fc.constantFrom(...'ÄÖÜ%!,*äöq'), minLength: 4, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(word, fc.constantFrom('https', 'htp', 'x'), async (text, scheme) => {
        const password = `ß${text}ß`
        const url = JSON.stringify(
          `${scheme}://user:${password}@misp.example.org/?apikey=${password}`,
        )
        const output = await everythingSaid(
          `sources: [{ name: a, key: k, url: ${url}, link: ${url} }]`,
          {},
        )
        expect(output).not.toContain('ß')
      }),
      fuzz(2000),
    )
  })
})

async function everythingSaid(text: string, env: Record<string, string>): Promise<string> {
  try {
    const loaded = await parseConfig(text, { file, env })
    return JSON.stringify([
      showConfig(loaded),
      migrateConfig(loaded),
      loaded.warnings,
      loaded.notes,
    ])
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return JSON.stringify([formatConfigError(error), error.message, error.hint, error.problems])
  }
}

describe('what came from the environment', () => {
  it('stands in no error, wherever it was used', async () => {
    const text = `sources: [{ name: "\${S}", url: "\${S}", key: k }]\npolicy: { max_tlp: "\${S}" }\n`
    const output = await everythingSaid(text, { S: 'ßsome ßwords' })
    expect(output).toContain('[secret]')
    expect(output).not.toContain('ß')
  })
})

describe('any text at all', () => {
  const line = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.string({
      unit: fc.constantFrom(...'{}[]:,-?&*!|>\'"%@`#\n\t <{$}abc01.\u0000\u00a0\u2028'),
    }),
    fc.constantFrom(
      'sources:',
      '  - name: a',
      '    type: feed',
      '    url: https://misp.example.org',
      '    key: x',
      'misp: {url: x, token: y}',
      'memcached: {host: x}',
      'policy: &p',
      '  <<: *p',
      'a: !!binary eA==',
      '---',
      '...',
      '%YAML 1.1',
      '  max_age: {ip: 1y}',
      '__proto__: 1',
      'constructor: {prototype: 1}',
    ),
  )

  it('is a config or a ConfigError, never anything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const error = await parseConfig(lines.join('\n'), { file, env: {} }).catch(
          (e: unknown) => e,
        )
        if (error instanceof ConfigError) {
          expect(error.problems.length).toBeGreaterThan(0)
          expect(error).toBeInstanceOf(TiplineError)
        } else expect(error).toHaveProperty('dataDir')
      }),
      fuzz(10_000),
    )
  })
})

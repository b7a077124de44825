import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { parseConfig } from '../../src/config/load.js'
import { findDataDir, plainDataDir } from '../../src/config/place.js'
import { ConfigError } from '../../src/errors.js'
import { fuzz } from '../fuzz.js'

const folder = mkdtempSync(join(tmpdir(), 'tipline-place-'))
const ENV = { MISP_KEY: 'k', FOLDER: '/srv/x' }

afterAll(() => rmSync(folder, { recursive: true }))

const SOURCES = 'sources:\n  - { name: main, url: "https://misp.example", key: k }\n'
const LEGACY = readFileSync(
  new URL('../../examples/misp2memcached-config.yml', import.meta.url),
  'utf8',
)
const FULL = readFileSync(new URL('../../examples/tipline-full.yml', import.meta.url), 'utf8')

function write(text: string, name = 'tipline.yml'): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('the data folder, found without the rest of the config', () => {
  it.each([
    ['by default', SOURCES, 'tipline-data'],
    ['as named', `data_dir: ./here/  # or there\n${SOURCES}`, 'here'],
    ['as named at the end', `${SOURCES}data_dir: a/b`, 'a/b'],
    ['in quotes', `data_dir: "a b"\n${SOURCES}`, 'a b'],
    ['on the next line', `data_dir:\n  a/b\n${SOURCES}`, 'a/b'],
    ['over two lines', `data_dir: a/b\n  c\n${SOURCES}`, 'a/b c'],
    ['without a slash', `data_dir: here\n${SOURCES}`, 'here'],
    ['from the environment', `data_dir: $${'{FOLDER}'}\n${SOURCES}`, '/srv/x'],
    ['in JSON', '{"data_dir": "a/b", "sources": [{"name": "m"}]}', 'a/b'],
    ['through an alias', `a: &a a/b\ndata_dir: *a\n${SOURCES}`, 'a/b'],
    ['of every setting', FULL, 'tipline-data'],
    ['of MISP2memcached', LEGACY, 'tipline.tipline-data'],
    [
      'of MISP2memcached with something missing',
      LEGACY.slice(0, LEGACY.indexOf('web:')),
      'tipline.tipline-data',
    ],
  ])('%s', async (_, text, expected) => {
    expect(await findDataDir(write(text), ENV)).toBe(resolve(folder, expected))
  })

  it.each([
    ['is no YAML', 'data_dir: "a\nsources'],
    ['has a list in its place', `data_dir: [a]\n${SOURCES}`],
    ['has a variable that is not set', `data_dir: $${'{NOWHERE}'}\n${SOURCES}`],
  ])('is left to the whole config where it %s', async (_, text) => {
    expect(await findDataDir(write(text), ENV)).toBeUndefined()
  })

  it('needs no YAML parser where the config is written as usual', () => {
    expect(plainDataDir(FULL, 'tipline.yml')).toBe('./tipline-data')
    expect(plainDataDir(LEGACY, 'config.yml')).toBe('./config.tipline-data')
  })

  it('never differs from what the whole config says', async () => {
    const line = fc.constantFrom(
      'data_dir: ./a/b',
      'data_dir: a/b # c',
      'data_dir:',
      '  ./c/d',
      '# data_dir: ./x/y',
      'log: { level: info }',
      'log:',
      '  level: debug',
      '"data_dir": e/f',
      'policy: { own: [] }',
      '---',
      '',
      'guard: |',
      '  data_dir: g/h',
      'data_dir: "i/j"',
      "data_dir: 'k/l",
      "m/n'",
      'data_dir : o/p',
      '- q/r',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.nat(6), async (lines, at) => {
        const text = [...lines.slice(0, at), SOURCES.trimEnd(), ...lines.slice(at)].join('\n')
        const plain = plainDataDir(text, 'tipline.yml')
        if (plain === undefined) return
        expect(resolve(plain), text).toBe((await wholeDataDir(text)) ?? resolve(plain))
      }),
      fuzz(3000),
    )
  })
})

/** Undefined where the config is wrong, which is then told. */
async function wholeDataDir(text: string): Promise<string | undefined> {
  try {
    return (await parseConfig(text, { file: 'tipline.yml', env: {} })).dataDir
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}

import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatConfigError } from '../../src/config/format.js'
import { loadConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/errors.js'
import { MISP } from './told.js'

let folder: string
const here = process.cwd()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tipline-config-'))
  process.chdir(folder)
})

afterEach(async () => {
  process.chdir(here)
  await rm(folder, { recursive: true })
})

async function failure(path: string | undefined, env = {}): Promise<ConfigError> {
  const error = await loadConfig(path, env).catch((caught: unknown) => caught)
  if (error instanceof ConfigError) return error
  throw error
}

async function told(path: string | undefined, env = {}): Promise<string> {
  return formatConfigError(await failure(path, env))
}

describe('finding the config', () => {
  const named = (name: string) => MISP.replace('main', name)

  it('takes -c, then $TIPLINE_CONFIG, then tipline.yml, then tipline.yaml', async () => {
    for (const name of ['given.yml', 'env.yml', 'tipline.yml', 'tipline.yaml']) {
      await writeFile(name, named(name))
    }
    const env = { TIPLINE_CONFIG: 'env.yml' }
    const nameOf = async (path?: string, from = {}) =>
      (await loadConfig(path, from)).sources[0]?.name
    expect(await nameOf('given.yml', env)).toBe('given.yml')
    expect(await nameOf(undefined, env)).toBe('env.yml')
    expect(await nameOf(undefined, { TIPLINE_CONFIG: '' })).toBe('tipline.yml')
    await rm('tipline.yml')
    expect(await nameOf()).toBe('tipline.yaml')
  })

  it('says where it looked', async () => {
    expect(await told(undefined)).toBe(
      'tipline.yml: no config found: -c is not given, $TIPLINE_CONFIG is not set, and neither tipline.yml nor tipline.yaml is in this folder; examples/tipline.yml is the shortest there can be; tipline config --help tells more',
    )
    expect(await told('no.yml')).toMatch(/^no\.yml: -c names a file that does not exist; /)
    expect(await told(undefined, { TIPLINE_CONFIG: 'no.yml' })).toMatch(
      /^no\.yml: \$TIPLINE_CONFIG names a file that does not exist; /,
    )
  })

  it('keeps the reason why a file can not be read', async () => {
    await mkdir('folder.yml')
    expect(await told('folder.yml')).toBe('folder.yml: the file can not be read (EISDIR)')
    expect((await failure('folder.yml')).cause).toBeInstanceOf(Error)
  })
})

describe('files that are no config', () => {
  it('refuses 10 MB', async () => {
    await writeFile('big.yml', '# a comment\n'.repeat(900_000))
    expect(await told('big.yml')).toBe(
      'big.yml: the file is larger than 512000 bytes; is it a config at all? Long lists belong in files of their own',
    )
  })

  it('refuses what is not UTF-8', async () => {
    await writeFile('latin1.yml', Buffer.from('data_dir: caf\xe9\n', 'latin1'))
    await writeFile('utf16.yml', Buffer.from('\ufeffdata_dir: x\n', 'utf16le'))
    expect(await told('latin1.yml')).toBe(
      'latin1.yml: the file is not a text in UTF-8; save it as UTF-8',
    )
    expect(await told('utf16.yml')).toContain('the file is not a text in UTF-8')
  })

  it('refuses binary garbage that happens to be UTF-8', async () => {
    await writeFile('elf.yml', 'a: 1\n\u007fELF\u0002\u0001\u0001\u0000')
    expect(await told('elf.yml')).toBe('elf.yml:2:1: the file holds the control character \\u007f')
  })
})

describe('what a config refers to', () => {
  it('takes values from the environment, once and as they are', async () => {
    await writeFile(
      'tipline.yml',
      MISP.replace('a-key-of-nobody', () => `"a$\${B}\${KEY}"`),
    )
    const loaded = await loadConfig(undefined, { KEY: `\${HOME}`, HOME: 'no' })
    expect(loaded.sources[0]).toMatchObject({ key: `a\${B}\${HOME}` })
    expect(loaded.secrets).toEqual([`a\${B}\${HOME}`])
  })

  it('reads a secret from a file beside the config and trims one newline', async () => {
    await mkdir('etc')
    await writeFile('etc/tipline.yml', MISP.replace('key: a-key-of-nobody', 'key_file: misp.key'))
    await writeFile('etc/misp.key', 'key-from-a-file\r\n', { mode: 0o600 })
    const loaded = await loadConfig('etc/tipline.yml', {})
    expect(loaded.sources[0]).toMatchObject({ key: 'key-from-a-file' })
    expect(loaded.sources[0]).not.toHaveProperty('key_file')
    expect(loaded.secrets).toEqual(['key-from-a-file'])
    expect(loaded.warnings).toEqual([])
  })

  it('warns of a secret that everyone can read', async () => {
    await writeFile('tipline.yml', MISP.replace('key: a-key-of-nobody', 'key_file: misp.key'))
    await writeFile('misp.key', 'key-from-a-file')
    await chmod('misp.key', 0o644)
    expect((await loadConfig(undefined, {})).warnings).toEqual([
      'everyone on this machine can read misp.key: chmod 600',
    ])
  })

  it.each([
    ['is not there', undefined, 'does not exist'],
    ['is empty', '\n', 'is empty; it should hold the secret in one line'],
    ['has two lines', 'a\nb\n', 'has more than one line; it should hold the secret in one line'],
    [
      'is huge',
      'x'.repeat(20_000),
      'is too large for a secret; it should hold the secret in one line',
    ],
  ])('names the file of a secret that %s', async (_, content, why) => {
    await writeFile('tipline.yml', MISP.replace('key: a-key-of-nobody', 'key_file: misp.key'))
    if (content !== undefined) await writeFile('misp.key', content)
    const file = join(process.cwd(), 'misp.key')
    expect(await told(undefined)).toBe(
      `tipline.yml:4:15: sources.0.key_file: the file ${file} ${why}`,
    )
  })

  it('takes paths as relative to the config, not to where tipline was started', async () => {
    await mkdir('etc')
    const feed = '{ name: f, type: feed, path: ../feed, ca_file: ca.pem }'
    await writeFile('etc/redis.secret', 'open-sesame\n', { mode: 0o600 })
    const redis = '{ password_file: redis.secret, ca_file: ca.pem, client_pem_file: /srv/own.pem }'
    const text = `sources: [${feed}]\npolicy: { lists_folder: /srv/lists }\ndata_dir: data\n`
    await writeFile('etc/tipline.yml', `${text}sinks: { redis: ${redis} }\n`)
    const loaded = await loadConfig('etc/tipline.yml', {})
    const top = process.cwd()
    expect(loaded.dataDir).toBe(join(top, 'etc/data'))
    expect(loaded.sources[0]).toMatchObject({
      path: join(top, 'feed'),
      ca_file: join(top, 'etc/ca.pem'),
    })
    expect(loaded.sinks.redis).toMatchObject({
      password: 'open-sesame',
      ca_file: join(top, 'etc/ca.pem'),
      client_pem_file: '/srv/own.pem',
    })
    expect(loaded.secrets).toEqual(['open-sesame'])
    expect(loaded.policy.lists_folder).toBe('/srv/lists')
  })
})

describe('defaults', () => {
  it('need no more than a source', async () => {
    await writeFile('tipline.yml', MISP)
    const loaded = await loadConfig(undefined, {})
    expect(loaded).toMatchObject({
      file: 'tipline.yml',
      format: 'tipline',
      dataDir: join(process.cwd(), 'tipline-data'),
      sinks: {},
      policy: { max_tlp: 'amber', validity: true },
      guard: { revoke_percent: 20, revoke_min: 100, growth_factor: 10, growth_min: 1000 },
      log: { level: 'info' },
    })
    expect(loaded.sources[0]).toMatchObject({ type: 'misp', filters: { published: true } })
  })

  it('hold for a part under which everything is commented out', async () => {
    await writeFile('tipline.yml', `${MISP}policy:\n  # max_tlp: red\nsinks:\n`)
    expect(await loadConfig(undefined, {})).toMatchObject({
      policy: { max_tlp: 'amber' },
      sinks: {},
    })
  })
})

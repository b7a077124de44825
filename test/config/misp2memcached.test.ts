import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from '../../src/config/load.js'
import { legacyPolicySettings } from '../../src/policy/settings.js'
import { told as toldOf } from './told.js'

const SHIPPED = `memcached:
  host: 127.0.0.1
  port: 11211
misp:
  url: https://misp.example.org
  token: "a-token-of-nobody"
  ignore_cert_errors: false
  initial_event_timestamp: 365d
  refresh_event_timestamp: 1h
hash:
  enabled: true
  expires: 0
network:
  enabled: true
  expires: 0
web:
  enabled: true
  expires: 0
`

const read = (text: string) => parseConfig(text, { file: '/etc/misp/config.yml', env: {} })
const told = (text: string) => toldOf(text, { file: 'config.yml' })

describe("MISP2memcached's config", () => {
  it('is read as it is', async () => {
    const loaded = await read(SHIPPED)
    expect(loaded).toMatchObject({
      format: 'misp2memcached',
      dataDir: '/etc/misp/config.tipline-data',
      policy: legacyPolicySettings,
      warnings: [],
      secrets: ['a-token-of-nobody'],
    })
    expect(loaded.sources).toHaveLength(1)
    expect(loaded.sources[0]).toMatchObject({
      name: 'misp',
      type: 'misp',
      url: 'https://misp.example.org',
      key: 'a-token-of-nobody',
      ignore_cert_errors: false,
      filters: { to_ids: true, published: 'any', since: '365d' },
    })
    expect(loaded.sinks.memcached).toMatchObject({
      servers: ['127.0.0.1:11211'],
      value: 'ids',
      expires: { hash: 0, network: 0, web: 0 },
    })
  })

  it('stands in the examples', async () => {
    const loaded = await loadConfig('examples/misp2memcached-config.yml', {})
    expect(loaded.format).toBe('misp2memcached')
    expect(loaded.dataDir).toBe(resolve('examples/misp2memcached-config.tipline-data'))
  })

  it('asks for the types of the groups that are on', async () => {
    const typesOf = async (text: string) => {
      const [source] = (await read(text)).sources
      return source?.type === 'misp' ? source.filters.types : undefined
    }
    const off = (text: string, group: string) =>
      text.replace(`${group}:\n  enabled: true`, `${group}:\n  enabled: false`)
    expect(await typesOf(off(off(SHIPPED, 'hash'), 'network'))).toEqual(['url'])
    expect(await typesOf(off(off(SHIPPED, 'hash'), 'web'))).toEqual([
      'ip-dst',
      'ip-src',
      'domain',
      'ip-dst|port',
      'ip-src|port',
      'domain|ip',
    ])
    expect(await typesOf(off(off(SHIPPED, 'network'), 'web'))).toEqual(
      ['', 'filename|'].flatMap((prefix) =>
        ['md5', 'sha1', 'sha256', 'sha512', 'imphash'].map((hash) => prefix + hash),
      ),
    )
  })

  it('has an expiry for each group', async () => {
    const text = SHIPPED.replace('expires: 0', 'expires: 3600').replace(
      /expires: 0\n$/,
      'expires: "86400"\n',
    )
    const loaded = await read(text)
    expect(loaded.sinks.memcached?.expires).toEqual({ hash: 3600, network: 0, web: 86400 })
    expect(loaded.notes).toContain(
      'each group expires by its own setting; MISP2memcached took that of hash for all',
    )
  })

  it.each(['yes', 'True', 'ON', '"true"', '1'])('takes %s for true', async (word) => {
    const loaded = await read(SHIPPED.replace('errors: false', `errors: ${word}`))
    expect(loaded.sources[0]?.ignore_cert_errors).toBe(true)
  })

  it.each(['no', 'False', 'off', '"no"', '0'])('takes %s for false', async (word) => {
    const loaded = await read(SHIPPED.replace('errors: false', `errors: ${word}`))
    expect(loaded.sources[0]?.ignore_cert_errors).toBe(false)
  })

  it('takes a token of digits as it is written', async () => {
    const digits = '0123456789012345678901234567890123456789'
    const loaded = await read(SHIPPED.replace('"a-token-of-nobody"', digits))
    expect(loaded.sources[0]).toMatchObject({ key: digits })
  })

  it('leaves $ and braces alone: that tool knew no variables', async () => {
    const loaded = await read(SHIPPED.replace('a-token-of-nobody', `\${HOME}`))
    expect(loaded.sources[0]).toMatchObject({ key: `\${HOME}` })
  })

  it.each(['30d', '1h', '5m'])('loads what moved in the last %s', async (since) => {
    const loaded = await read(SHIPPED.replace('365d', since))
    expect(loaded.sources[0]?.filters).toMatchObject({ since })
  })

  it('knows an IPv6 address from a port', async () => {
    const loaded = await read(SHIPPED.replace('127.0.0.1', '"2001:db8::1"'))
    expect(loaded.sinks.memcached?.servers).toEqual(['[2001:db8::1]:11211'])
  })

  it('warns of keys that the tool did not know either, and goes on', async () => {
    const text = `${SHIPPED}  expirs: 1\nother:\n  enabled: false\n`
    expect((await read(text)).warnings).toEqual([
      '/etc/misp/config.yml:19:3: web.expirs: unknown key; did you mean "expires"?',
      '/etc/misp/config.yml:20:1: other: unknown key; known are memcached, misp, hash, network, web',
    ])
  })
})

describe("a broken config of MISP2memcached's", () => {
  it.each([
    [
      'a section is missing',
      SHIPPED.replace(/network:\n.*\n.*\n/, ''),
      'config.yml:1:1: network: missing; expected a mapping',
    ],
    [
      'memcached is missing',
      SHIPPED.replace(/memcached:\n.*\n.*\n/, ''),
      'config.yml:1:1: memcached: missing; expected a mapping',
    ],
    [
      'a key is missing',
      SHIPPED.replace(/ {2}token.*\n/, ''),
      'config.yml:5:3: misp.token: missing; expected a text',
    ],
    [
      'a flag is no flag',
      SHIPPED.replace('enabled: true', 'enabled: perhaps'),
      'config.yml:11:12: hash.enabled: expected true or false, found "perhaps"',
    ],
    [
      'an expiry is no number',
      SHIPPED.replace('expires: 0', 'expires: 1h'),
      'config.yml:12:12: hash.expires: expected seconds, found "1h"',
    ],
    [
      'a port is no port',
      SHIPPED.replace('11211', '"70000"'),
      'config.yml:2:9: memcached.host: expected host, host:port, [IPv6]:port or the path of a unix socket, found "127.0.0.1:70000"',
    ],
    [
      'the URL is none',
      SHIPPED.replace('https://', ''),
      'config.yml:5:8: misp.url: expected a URL that begins with https:// or http://, found "misp.example.org"',
    ],
    [
      'the time is none',
      SHIPPED.replace('365d', 'a year'),
      'config.yml:8:28: misp.initial_event_timestamp: expected a duration such as 365d, 1h or 5m, a date, or epoch seconds, found "a year"',
    ],
    [
      'nothing is on',
      SHIPPED.replaceAll('enabled: true', 'enabled: no'),
      'config.yml:11:12: hash.enabled: hash, network and web are all switched off, so there is nothing to do',
    ],
  ])('%s', async (_, text, line) => {
    expect(await told(text)).toEqual([line])
  })

  it('tells of a mistyped key beside the one that is missing for it', async () => {
    expect(await told(SHIPPED.replace('token', 'tokn'))).toEqual([
      'config.yml:5:3: misp.token: missing; expected a text',
      'config.yml:6:3: misp.tokn: unknown key; did you mean "token"?',
    ])
  })

  it('never shows the token', async () => {
    const lines = await told(SHIPPED.replace('https://', 'a-token-of-nobody'))
    expect(lines.join()).not.toContain('a-token-of-nobody')
  })
})

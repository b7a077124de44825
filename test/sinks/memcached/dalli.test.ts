/** What a Logstash sees: Ruby with Dalli, the client of Logstash's memcached filter. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KeyState } from '../../../src/sinks/sink.js'
import { hasDalli, hasMemcached, Memcached } from '../../servers/memcached.js'
import { carrier, heartbeat, NOW } from '../states.js'
import { make, NEVER, type Settings } from './make.js'

const run = promisify(execFile)

/** One multi-get, as the filter does it. */
const GET = `
  require "dalli"
  require "json"
  values = Dalli::Client.new(ARGV.shift).get_multi(*ARGV)
`
const RAW = `${GET} puts JSON.generate(values)`
/** How MISP2memcached's filter script takes a value apart. */
const LEGACY = `${GET} puts JSON.generate(values.transform_values { |v| v.split(",").map { |i| i.split("#") } })`
const PARSED = `${GET} puts JSON.generate(values.transform_values { |v| JSON.parse(v) })`

const URL_VALUE = 'http://evil.example/a?b=c%20d'
const STATES: readonly KeyState[] = [
  {
    space: 'ip',
    value: '198.51.100.7',
    carriers: [
      carrier({ eventId: '8', type: 'ip-dst|port', port: 443, eventInfo: 'Käse "\r\n\u{1f525}' }),
      carrier({ eventId: '7', type: 'ip-src', timestamp: NOW - 5000 }),
    ],
  },
  { space: 'domain', value: 'evil.example', carriers: [carrier({ type: 'domain' })] },
  { space: 'url', value: URL_VALUE, carriers: [carrier({ type: 'url' })] },
  { space: 'user-agent', value: 'Evil Browser 1.0', carriers: [carrier({ type: 'user-agent' })] },
]

describe.skipIf(!hasMemcached() || !hasDalli())('Dalli', () => {
  let server: Memcached

  beforeAll(async () => {
    server = await Memcached.start()
  })
  afterAll(() => server.stop())

  it('finds what stands there, and only that', async () => {
    await fill({ value: 'ids' })
    const keys = ['misp-ip:198.51.100.7', 'misp-domain:evil.example', `misp-url:${URL_VALUE}`]
    expect(await read(RAW, [...keys, 'misp-ip:198.51.100.8', 'misp-domain:%{[dns]}'])).toEqual({
      [keys[0]!]: '7#ip-src,8#ip-dst|port',
      [keys[1]!]: '1#domain',
      [keys[2]!]: '1#url',
    })
  })

  it('reads ids as the old filter script does, with one source and with several', async () => {
    await fill({ value: 'ids' })
    const key = 'misp-ip:198.51.100.7'
    expect(await read(LEGACY, [key])).toEqual({
      [key]: [
        ['7', 'ip-src'],
        ['8', 'ip-dst|port'],
      ],
    })
    await fill({ value: 'ids' }, ['main', 'other'])
    expect(await read(LEGACY, [key])).toEqual({
      [key]: [
        ['7', 'ip-src', 'main'],
        ['8', 'ip-dst|port', 'main'],
      ],
    })
  })

  it('reads JSON, the heartbeat and the lengths of nets', async () => {
    await fill({ value: 'json' })
    const key = 'misp-ip:198.51.100.7'
    const told = await read(PARSED, [key, 'tipline:heartbeat', 'tipline:net-lengths'])
    expect(told[key]).toMatchObject([
      { event: '8', type: 'ip-dst|port', port: 443, info: 'Käse "\r\n\u{1f525}' },
      { event: '7', type: 'ip-src', tags: ['tlp:green'], source: 'main', timestamp: NOW - 5000 },
    ])
    expect(told['tipline:heartbeat']).toMatchObject({ at: NOW, oldest: NOW - 60 })
    expect(told['tipline:net-lengths']).toEqual({ v4: [24], v6: [] })
  })

  it('finds a long value, or one with blanks, under the hash that Logstash can build', async () => {
    await fill({ value: 'ids' })
    const hashed = `
      require "digest"
      keys = ARGV.drop(1).map { |v| "misp-user-agent-sha256:" + Digest::SHA256.hexdigest(v) }
      ARGV.replace([ARGV[0], *keys])
      ${GET}
      puts JSON.generate(values.values)`
    expect(await read(hashed, ['Evil Browser 1.0'])).toEqual(['1#user-agent'])
  })

  it('reads the counter as a number', async () => {
    await fill({ value: 'ids' })
    expect(await read(RAW, ['misp-stats'])).toEqual({ 'misp-stats': '6' })
  })

  async function fill(settings: Settings, sourceNames = ['main']): Promise<void> {
    const sink = make(server.address, settings, { sourceNames })
    await sink.open(NEVER)
    await sink.apply(STATES, NEVER)
    await sink.beat(heartbeat({ netLengths: { v4: [24], v6: [] } }))
    await sink.close()
  }

  async function read(script: string, keys: readonly string[]) {
    const { stdout } = await run('ruby', ['-e', script, server.address, ...keys])
    return JSON.parse(stdout)
  }
})

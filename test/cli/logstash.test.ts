/** `tipline logstash`, as a process. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Site } from './site.js'

let site: Site
beforeEach(() => {
  site = new Site()
  site.write(
    'tipline.yml',
    `sources:\n${SOURCE}sinks: { memcached: { servers: [mc.example:11211] } }\n`,
  )
})
afterEach(() => site.close())

const SOURCE = '  - { name: main, url: "https://misp.example.org", key: notakeyatall }\n'

function read(file: string): string {
  return readFileSync(join(site.folder, file), 'utf8')
}

describe('tipline logstash', () => {
  it('writes three files, and over them', async () => {
    const { status, stdout } = await site.run(['logstash', '--out', 'out'])
    expect(status).toBe(0)
    expect(stdout).toMatch(
      /wrote .*tipline\.conf\nwrote .*tipline\.rb\nwrote .*tipline\.json\n\d+ fields looked up in mc\.example:11211\n$/,
    )
    expect(read('out/tipline.conf')).toContain(`path => "${site.folder}/out/tipline.rb"`)
    const again = await site.run([
      'logstash',
      '--out',
      'out',
      '--installed-in',
      '/etc/logstash/tipline',
      '--stale-after',
      '90m',
    ])
    expect(again.status).toBe(0)
    expect(read('out/tipline.conf')).toContain('path => "/etc/logstash/tipline/tipline.rb"')
    expect(JSON.parse(read('out/tipline.json'))).toMatchObject({
      stale_after: 5400,
      legacy_fields: false,
      servers: ['mc.example:11211'],
    })
    expect(readdirSync(join(site.folder, 'out')).sort()).toEqual([
      'tipline.conf',
      'tipline.json',
      'tipline.rb',
    ])
  })

  it('takes files of fields, beside those of ECS', async () => {
    site.write('zeek.yml', '"[id.orig_h]": source.ip\n')
    const own = await site.ask(['logstash', '--out', 'out', '--fields', 'zeek.yml'])
    expect(own).toMatchObject({ exit: 0, fields: [{ name: '[id.orig_h]' }] })
    const both = await site.ask(['logstash', '--out', 'out', '--fields', 'ecs', 'zeek.yml'])
    expect((both.fields as unknown[]).length).toBeGreaterThan(50)
  })

  it('reads the config of MISP2memcached, and then leaves what its script left', async () => {
    site.write(
      'config.yml',
      'memcached: { host: 127.0.0.1, port: 11211 }\nmisp: { url: "https://misp.example.org", token: x, ignore_cert_errors: false, initial_event_timestamp: 30d, refresh_event_timestamp: 1h }\nhash: { enabled: true, expires: 60 }\nnetwork: { enabled: false, expires: 60 }\nweb: { enabled: false, expires: 60 }\n',
    )
    expect(await site.ask(['logstash', '-c', 'config.yml', '--out', 'out'])).toMatchObject({
      exit: 0,
    })
    const { legacy_fields, fields } = JSON.parse(read('out/tipline.json'))
    expect(legacy_fields).toBe(true)
    expect(fields.every(({ name }: { name: string }) => /\.(?:hash|pe)\./.test(name))).toBe(true)
    await site.ask(['logstash', '-c', 'config.yml', '--out', 'out', '--no-misp-fields'])
    expect(JSON.parse(read('out/tipline.json')).legacy_fields).toBe(false)
  })

  it.each([
    ['tls: {}', /can not talk TLS/],
    ['auth: ascii, username: me, password: pw', /can not log in .* -Y/],
    ['username: me, password: pw', /MEMCACHE_USERNAME/],
  ])('warns of what Logstash can not do, or needs: %s', async (settings, warning) => {
    site.write(
      'tipline.yml',
      `sources:\n${SOURCE}sinks: { memcached: { servers: [mc.example:11211], ${settings} } }\n`,
    )
    const { status, stdout } = await site.run(['logstash', '--out', 'out'])
    expect(status).toBe(0)
    expect(stdout).toMatch(warning)
    const { warnings } = await site.ask(['logstash', '--out', 'out'])
    expect(warnings).toEqual([expect.stringMatching(warning)])
  })

  it('says what is wrong, and writes nothing', async () => {
    const refused = async (...args: string[]) => {
      const { status, stderr } = await site.run(['logstash', ...args])
      expect(status).toBe(2)
      expect(existsSync(join(site.folder, 'out'))).toBe(false)
      return stderr
    }
    expect(await refused()).toContain('--out')
    expect(await refused('--out', 'out', '--stale-after', 'soon')).toContain(
      '--stale-after soon is no duration',
    )
    expect(await refused('--out', 'out', '--installed-in', '/a"b')).toContain(
      'can not stand in a pipeline',
    )
    expect(await refused('--out', 'out', '--fields', 'gone.yml')).toContain(
      "gone.yml can't be read",
    )
    site.write('bad.yml', 'x: sorce.ip\n')
    expect(await refused('--out', 'out', '--fields', 'bad.yml')).toContain(
      'bad.yml:1:4: "sorce.ip"',
    )
    site.write('tipline.yml', `sources:\n${SOURCE}`)
    expect(await refused('--out', 'out')).toContain('the config has no memcached')
  })

  it('says so where the folder can not be written', async () => {
    site.write('out', 'a file')
    const { status, stderr } = await site.run(['logstash', '--out', 'out'])
    expect(status).toBe(3)
    expect(stderr).toContain("can't be written")
  })
})

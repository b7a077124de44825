/** The commands that say whether all is well: status, doctor, config check, forget. */
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority } from '../misp-client/certs.js'
import { serveTls } from '../misp-client/servers.js'
import { hasMemcached } from '../servers/memcached.js'
import { Site } from './site.js'

let site: Site

beforeEach(async () => {
  site = new Site()
  await site.startMisp()
})

afterEach(() => site.close())

interface Findings {
  readonly findings: readonly { area: string; level: string; message: string; hint?: string }[]
}

async function doctor(): Promise<{ exit: number | null; wrong: string[]; said: string }> {
  const answer = (await site.ask(['doctor'])) as unknown as Findings & { exit: number | null }
  const wrong = answer.findings.filter(({ level }) => level === 'error').map(({ area }) => area)
  return { exit: answer.exit, wrong, said: JSON.stringify(answer.findings) }
}

describe('tipline doctor', () => {
  it('finds all well, and tells what it saw', { skip: !hasMemcached() }, async () => {
    await site.startMemcached()
    site.writeConfig()
    await site.run(['sync'])
    const { exit, wrong, said } = await doctor()
    expect([exit, wrong], said).toEqual([0, []])
    expect(said).toContain('MISP 2.5.1 answers')
    expect(said).toContain('the key is good: role Read Only of READERS')
    expect(said).toContain('whole (SQLite 3.')
    expect(said).toContain('holds the state of ledger')
  })

  it('finds a key that is refused, and one that may do more than it needs', async () => {
    site.writeConfig()
    site.misp.faults.always({ kind: 'forbidden' })
    expect(await doctor()).toMatchObject({ exit: 1, wrong: ['main'] })
    site.misp.faults.clear()
    const { url, keys } = site.misp
    site.write('tipline.yml', `sources:\n  - { name: main, url: "${url}", key: "${keys.admin}" }\n`)
    const { exit, said } = await doctor()
    expect(exit).toBe(0)
    expect(said).toContain('may do more than it needs')
  })

  it('says of an authority that the config names that it is the wrong one, by its path', async () => {
    const tls = await serveTls(createAuthority().issue({ names: ['127.0.0.1'] }), () => undefined)
    const url = `https://127.0.0.1:${tls.port}/`
    const other = site.write('other.pem', createAuthority('Another').cert)
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: x, ca_file: other.pem }
  - { name: osint, type: feed, url: "${url}", ca_file: other.pem }
  - { name: unnamed, url: "${url}", key: x }
`,
    )
    const { findings } = (await site.ask(['doctor'])) as unknown as Findings
    await tls.close()
    const hint = (area: string) =>
      findings.find((each) => each.area === area && each.level === 'error')?.hint
    const wrong = `No authority in ${other}, which ca_file names, signed it: name the one that did. ignore_cert_errors: true takes any certificate and is unsafe.`
    expect([hint('main'), hint('osint')]).toEqual([wrong, wrong])
    expect(hint('unnamed')).toMatch(/^Name the authority that signed it in ca_file\./)
  })

  it('finds a MISP, a feed and a memcached that are not there, without trying again', async () => {
    await site.misp.close()
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${site.misp.url}", key: x }
  - { name: osint, type: feed, path: nowhere }
sinks:
  memcached: { servers: ["127.0.0.1:1"] }
`,
    )
    const ran = await site.run(['doctor'])
    expect(ran.status).toBe(1)
    expect(ran.stdout).toMatch(/^error {2}main .*ECONNREFUSED/m)
    expect(ran.stdout).toMatch(/^error {2}osint /m)
    expect(ran.stdout).toMatch(/^error {2}memcached /m)
    expect(ran.stdout).toContain('hint: ')
  })

  it('finds small nets for which there is no room as addresses', async () => {
    const first = site.misp.store.eventsById()[0]!
    for (let n = 0; n < 785; n += 1) {
      const value = `2001:db8::${(n + 1).toString(16)}:0/120`
      site.misp.store.addAttribute(first.id, { type: 'ip-dst', value })
    }
    site.misp.store.publish(first.id)
    const { url, keys } = site.misp
    site.write(
      'tipline.yml',
      `sources:\n  - { name: main, url: "${url}", key: "${keys.readonly}" }
sinks: { memcached: { servers: ["127.0.0.1:1"], value: ids } }\n`,
    )
    await site.run(['sync'])
    const { said } = await doctor()
    expect(said).toContain(
      'there is no room to spell out 4 more nets as addresses (200,000 in all)',
    )
  })

  it('finds a ledger that others can read', async () => {
    site.writeConfig()
    await site.run(['sync'])
    chmodSync(join(site.folder, 'tipline-data'), 0o755)
    expect((await doctor()).said).toContain('everyone on this machine can read')
  })
})

describe('tipline status', () => {
  it('has a hint for what needs a hand', { skip: !hasMemcached() }, async () => {
    await site.startMemcached()
    site.writeConfig()
    const forsaken = 'is no longer in the config'
    for (const _ of [1, 2]) expect((await site.run(['sync'])).stderr).not.toContain(forsaken)
    expect(await site.ask(['status'])).toMatchObject({
      exit: 0,
      problems: [],
      sources: [{ name: 'main', in_config: true, events: 2, attributes: 7 }],
      live: { ip: 3, domain: 1, url: 1, sha256: 1 },
      sinks: [{ name: 'memcached', lag: 0, set_aside: 0 }],
    })
    const config = readFileSync(join(site.folder, 'tipline.yml'), 'utf8')
    site.write('tipline.yml', config.replace('name: main', 'name: renamed'))
    const renamed = await site.run(['status'])
    expect(renamed.status).toBe(1)
    expect(renamed.stdout).toContain('PROBLEM: renamed has never been read')
    expect(renamed.stdout).toContain('PROBLEM: main is not in the config any more')
    expect(renamed.stdout).toContain('tipline forget main')
    const { stderr } = await site.run(['sync'])
    expect(stderr.split('\n').filter((line) => line.includes(forsaken))).toEqual([
      expect.stringContaining(`main ${forsaken}`),
    ])
  })

  it('lists what is set aside, and why', async () => {
    site.writeConfig()
    await site.run(['sync'])
    expect(await site.ask(['status', '--set-aside'])).toMatchObject({ exit: 1, listed: [] })
    const { store } = site.misp
    store.addAttribute(1, { type: 'ip-dst', value: '198.51.100.300' })
    store.publish(1)
    await site.run(['sync'])
    expect(await site.ask(['status', '--set-aside'])).toMatchObject({
      exit: 0,
      listed: [{ source: 'main', event: '1', type: 'ip-dst', value: '198.51.100.300' }],
    })
    expect(await site.ask(['explain', '198.51.100.300'])).toMatchObject({ state: 'set_aside' })
  })

  it('says where there is no ledger yet', async () => {
    site.writeConfig()
    const { status, stderr } = await site.run(['status'])
    expect(status).toBe(3)
    expect(stderr).toContain('hint: run `tipline sync` first')
  })
})

describe('tipline forget', () => {
  it('takes away what a source brought that is out of the config', {
    skip: !hasMemcached(),
  }, async () => {
    await site.startMemcached()
    site.writeConfig()
    await site.run(['sync'])
    expect((await site.run(['forget', 'main'])).status).toBe(2)
    expect((await site.run(['forget', 'other'])).status).toBe(1)
    const config = readFileSync(join(site.folder, 'tipline.yml'), 'utf8')
    site.write('tipline.yml', config.replace('name: main', 'name: renamed'))
    expect(Object.keys(await site.lookedUp())).toHaveLength(6)
    expect(await site.ask(['forget', 'main'])).toMatchObject({ exit: 0, forgotten: 'main' })
    expect(await site.lookedUp()).toEqual({})
    expect(await site.ask(['lookup', '198.51.100.7'])).toMatchObject({
      exit: 1,
      values: [{ state: 'revoked' }],
    })
  })
})

describe('tipline config', () => {
  it('checks a config and all that it refers to', async () => {
    site.writeConfig()
    expect(await site.ask(['config', 'check'])).toMatchObject({ exit: 0, ok: true, problems: [] })
    site.writeConfig('policy: { lists_folder: nowhere }\n')
    expect((await site.run(['config', 'check'])).status).toBe(2)
    site.writeConfig('polcy: {}\n')
    expect(await site.ask(['config', 'check'])).toMatchObject({
      exit: 2,
      ok: false,
      problems: [{ line: 3, column: 1, key: 'polcy', hint: 'did you mean "policy"?' }],
    })
  })

  it('migrates a config of MISP2memcached to one that means the same', async () => {
    await site.startMemcached()
    site.writeLegacyConfig({ hash: 60, network: 0, web: 0 })
    const args = ['config', 'migrate', '-c', 'config.yml', '-o', 'tipline.yml']
    expect((await site.run(args)).status).toBe(0)
    expect((await site.run(args)).status).toBe(2)
    const text = readFileSync(join(site.folder, 'tipline.yml'), 'utf8')
    expect(text).toContain('MISP_KEY=')
    const env = { MISP_KEY: site.misp.keys.readonly }
    const shown = await site.run(['config', 'show', '--json'], { env })
    const legacy = await site.run(['config', 'show', '--json', '-c', 'config.yml'])
    const { file: _, format: __, notes: ___, ...meaning } = JSON.parse(shown.stdout)
    const { file, format, notes, ...before } = JSON.parse(legacy.stdout)
    expect([file, format]).toEqual(['config.yml', 'misp2memcached'])
    expect(notes.length).toBeGreaterThan(0)
    expect(meaning).toEqual(before)
  })
})

import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeFeed } from '../feeds/make.js'
import { bulkWorld } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'
import { documentOf } from './cli.js'
import { SHA256, Site, until } from './site.js'

let site: Site

beforeEach(() => {
  site = new Site()
})

afterEach(() => site.close())

describe.skipIf(!hasMemcached())('tipline sync', () => {
  it('brings what a MISP shares into memcached, follows what changes, and says so', async () => {
    await site.startMisp()
    await site.startMemcached()
    site.writeConfig()
    const first = await site.run(['sync'])
    expect(first.status, first.stderr).toBe(0)
    expect(first.stdout).toContain('7 added, 0 changed, 0 removed')
    expect(first.stdout).toContain('6 keys written')
    expect(await site.lookedUp()).toEqual({
      'misp-ip:198.51.100.7': '1#ip-dst,2#ip-src',
      'misp-ip:192.0.2.77': '2#ip-src',
      'misp-ip:203.0.113.9': '1#ip-dst|port',
      'misp-domain:evil.example': '1#domain',
      'misp-url:http://evil.example/gate.php?id=1': '1#url',
      [`misp-sha256:${SHA256}`]: '1#filename|sha256',
    })
    const { store } = site.misp
    store.softDelete(store.event(2).attributes()[0]!.id)
    store.addAttribute(2, { type: 'ip-src', value: '192.0.2.78' })
    store.publish(2)
    const second = await site.ask(['sync'])
    expect(second).toMatchObject({
      exit: 0,
      status: 'done',
      sources: [{ name: 'main', ok: true, added: 1, removed: { deleted: 1 } }],
      sinks: [{ name: 'memcached', ok: true, keys: 2, rebuilt: null }],
    })
    expect(await site.lookedUp()).toMatchObject({
      'misp-ip:198.51.100.7': '1#ip-dst',
      'misp-ip:192.0.2.78': '2#ip-src',
    })
  })

  it('takes several sources, a feed among them', async () => {
    const { store } = await site.startMisp()
    await site.startMemcached()
    mkdirSync(join(site.folder, 'feed'))
    const info = 'From a feed'
    makeFeed(join(site.folder, 'feed'), [
      { info, timestamp: store.now - 90, attributes: [{ type: 'ip-dst', value: '192.0.2.5' }] },
    ])
    const { url, keys } = site.misp
    site.write(
      'tipline.yml',
      `sources:
  - { name: main, url: "${url}", key: "${keys.readonly}" }
  - { name: osint, type: feed, path: feed }
sinks:
  memcached: { servers: ["${site.memcached.address}"], value: ids }
`,
    )
    const cycle = await site.ask(['sync'])
    expect(cycle).toMatchObject({ exit: 0, sources: [{ added: 7 }, { name: 'osint', added: 1 }] })
    const values = await site.lookedUp()
    expect(values['misp-ip:192.0.2.5']).toMatch(/#ip-dst#osint$/)
    expect(values['misp-ip:192.0.2.77']).toBe('2#ip-src#main')
  })
})

describe.skipIf(!hasMemcached())('a sink that is down', () => {
  it('is exit status 3; the ledger goes on, and the next sync catches up', async () => {
    await site.startMisp()
    await site.startMemcached()
    site.writeConfig()
    await site.memcached.stop()
    const ran = await site.run(['sync'])
    expect(ran.status).toBe(3)
    expect(ran.stdout).toContain('7 added')
    expect(ran.stdout).toContain('memcached  FAILED; the next sync catches up')
    expect(ran.stdout).toContain('hint: ')
    await site.memcached.restart()
    expect((await site.run(['sync'])).status).toBe(0)
    expect(Object.keys(await site.lookedUp())).toHaveLength(6)
  })
})

describe.skipIf(!hasMemcached())("tipline sync with MISP2memcached's own config", () => {
  it('writes the same keys and values, each group with its own expiry', async () => {
    await site.startMisp()
    await site.startMemcached()
    site.writeLegacyConfig({ hash: 3600, network: 7200, web: 0 })
    const ran = await site.run(['sync', '-c', 'config.yml'])
    expect(ran.status, ran.stderr).toBe(0)
    expect(await site.lookedUp()).toEqual({
      'misp-ip:198.51.100.7': '1#ip-dst,2#ip-src',
      'misp-ip:192.0.2.77': '2#ip-src',
      'misp-ip:203.0.113.9': '1#ip-dst|port',
      'misp-domain:evil.example': '1#domain',
      'misp-url:http://evil.example/gate.php?id=1': '1#url',
      [`misp-sha256:${SHA256}`]: '1#filename|sha256',
    })
    expect(await site.memcached.read('misp-stats')).toBe('6')
    const left = await site.expiryOf(`misp-sha256:${SHA256}`)
    expect(left).toBeGreaterThan(3500)
    expect(left).toBeLessThanOrEqual(3600)
    expect(await site.expiryOf('misp-ip:198.51.100.7')).toBeGreaterThan(7100)
    expect(await site.expiryOf('misp-url:http://evil.example/gate.php?id=1')).toBe(-1)
    expect(readdirSync(site.folder)).toContain('config.tipline-data')
  })
})

describe('a config that is wrong', () => {
  it('is told with its line, and nothing is done', async () => {
    site.write(
      'tipline.yml',
      'sources:\n  - name: main\n    url: https://misp.example\n    kye: x\n',
    )
    const ran = await site.run(['sync'])
    expect(ran.status).toBe(2)
    expect(ran.stdout).toBe('')
    expect(ran.stderr).toContain('tipline.yml:4:5: sources.0.kye: unknown key; did you mean "key"?')
    expect(readdirSync(site.folder)).toEqual(['tipline.yml'])
  })

  it('names a file as the data folder', async () => {
    const file = site.write('a-file', '')
    const source = '{ name: main, url: "https://misp.example", key: x }'
    site.write('tipline.yml', `data_dir: ${file}\nsources: [${source}]\n`)
    const { status, stderr } = await site.run(['sync'])
    expect(status).toBe(3)
    expect(stderr).toContain('is it a file where a folder is to be?')
  })

  it('is missing', async () => {
    const { status, stderr } = await site.run(['sync'])
    expect(status).toBe(2)
    expect(stderr.match(/no config found/g), 'it is said once').toHaveLength(1)
  })
})

describe('a MISP that gives no believable answer', () => {
  beforeEach(async () => {
    await site.startMisp()
    site.writeConfig()
    expect((await site.run(['sync'])).status).toBe(0)
    site.misp.store.deleteEvent(2)
  })

  it.each([
    ['refuses the key', { kind: 'forbidden' }, 'refused us (HTTP 403)', 'Check the key'],
    ['is in maintenance', { kind: 'login-redirect' }, 'maintenance', 'Wait until it is over'],
    ['answers with a page', { kind: 'login-page' }, 'a web page', 'root of the MISP'],
  ] as const)('%s: exit status 3, nothing changed', async (_, fault, what, hint) => {
    site.misp.faults.always(fault)
    const ran = await site.run(['sync'])
    expect(ran.status).toBe(3)
    expect(ran.stdout).toContain(what)
    expect(ran.stdout).toContain(hint)
    const lookup = await site.ask(['lookup', '192.0.2.77'])
    expect(lookup).toMatchObject({ exit: 0, values: [{ found: true }] })
  })
})

describe('an answer that takes too much away', () => {
  it('is withheld with exit status 4, shown, and let through by its id alone', async () => {
    await site.startMisp(() => bulkWorld({ attributes: 600, eventsOf: 20 }))
    site.writeConfig()
    const before = await site.ask(['sync'])
    expect(before.exit).toBe(0)
    site.misp.faults.always({ kind: 'half', path: 'events/index' })
    const ran = await site.run(['sync', '-c', 'tipline.yml'])
    expect(ran.status, ran.stdout).toBe(4)
    const [, id = ''] = /WITHHELD ([0-9a-f]+): revocations of main/.exec(ran.stdout) ?? []
    expect(ran.stdout).toContain(`tipline sync -c tipline.yml --accept ${id}`)
    const status = await site.ask(['status'])
    expect(status).toMatchObject({ exit: 1, ok: false, withheld: [{ id, kind: 'revocations' }] })
    expect(status.live).toEqual(before.live)
    const shown = await site.ask(['status', '--withheld', id])
    expect(shown.exit).toBe(0)
    expect(shown.listed).toContainEqual(
      expect.objectContaining({ source: 'main', value: expect.any(String) }),
    )
    const asked = site.misp.requests.length
    const mistyped = await site.run(['sync', '--accept', id, 'ffffffff'])
    expect([mistyped.status, mistyped.stdout]).toEqual([2, ''])
    expect(mistyped.stderr).toContain('nothing is withheld under the id ffffffff')
    expect(mistyped.stderr).toContain(`what is withheld: ${id}`)
    expect(site.misp.requests).toHaveLength(asked)
    const accepted = await site.ask(['sync', '--accept', id])
    expect(accepted).toMatchObject({ exit: 0, sources: [{ withheld: [] }] })
    expect(await site.ask(['status'])).toMatchObject({ exit: 0, withheld: [], problems: [] })
  })
})

describe('a sync that takes its time', () => {
  beforeEach(async () => {
    await site.startMisp(() => bulkWorld({ attributes: 3000, eventsOf: 100 }))
    site.writeConfig()
  })

  it('lets another one say who is at it, and end well', async () => {
    // It ends when it may, after two more processes have started and ended.
    site.misp.pace = 20
    const running = site.start(['sync', '--json'])
    await until(() => site.misp.requests.some(({ path }) => path.includes('restSearch')))
    const second = await site.ask(['sync'])
    expect(second).toMatchObject({ exit: 0, status: 'busy', pid: running.child.pid })
    const accepting = await site.run(['sync', '--accept', 'ffffffff'])
    expect([accepting.status, accepting.stdout]).toEqual([3, ''])
    expect(accepting.stderr).toContain('with --wait')
    const third = site.start(['sync', '--wait', '--json'])
    site.misp.pace = undefined
    const ended = await running.end()
    expect(ended.status, ended.stderr).toBe(0)
    const waited = await third.end()
    expect(JSON.parse(waited.stdout)).toMatchObject({
      status: 'done',
      sources: [{ unchanged: true }],
    })
  })

  it('ends at SIGINT while the MISP says nothing', async () => {
    site.misp.faults.always({ kind: 'hang', path: 'restSearch' })
    const running = site.start(['sync', '--json'])
    await until(() => site.misp.requests.some(({ path }) => path.includes('restSearch')))
    running.child.kill('SIGINT')
    const stopped = await running.end()
    expect(stopped.status).toBe(130)
    expect(documentOf(stopped)).toMatchObject({ error: { type: 'Interrupted', exit_status: 130 } })
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'ends well at %s, with status %i, and goes on the next time',
    async (signal, status) => {
      // Slow enough that two more processes can start and end meanwhile, on a busy machine too.
      site.misp.pace = 250
      const running = site.start(['sync'])
      await until(() => site.misp.requests.some(({ path }) => path.includes('restSearch')))
      running.child.kill(signal)
      const stopped = await running.end()
      expect(stopped.status).toBe(status)
      expect(stopped.stderr).toContain(`tipline: stopped by ${signal}; nothing half-done was kept`)
      expect(await site.ask(['status'])).toMatchObject({ live: {}, sources: [{ attributes: 0 }] })
      site.misp.pace = undefined
      expect(await site.ask(['sync'])).toMatchObject({ exit: 0, sources: [{ unchanged: false }] })
    },
  )
})

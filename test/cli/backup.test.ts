import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bulkWorld } from '../misp/world.js'
import { hasMemcached } from '../servers/memcached.js'
import { Site, until } from './site.js'

let site: Site

beforeEach(() => {
  site = new Site()
})

afterEach(() => site.close())

describe('tipline backup and restore', () => {
  it('copies while a sync runs, and brings the copy back where there is no ledger', async () => {
    await site.startMisp(() => bulkWorld({ attributes: 2000, eventsOf: 50 }))
    site.writeConfig()
    expect((await site.run(['sync'])).status).toBe(0)
    const before = await site.ask(['status'])
    for (const { id } of site.misp.store.eventsById()) {
      site.misp.store.editEvent(id, { info: 'edited' })
      site.misp.store.publish(id)
    }
    site.misp.pace = 2000
    const running = site.start(['sync'])
    await until(() => site.misp.requests.length > 6)
    const copy = await site.ask(['backup', 'copies/'])
    expect(copy).toMatchObject({
      exit: 0,
      file: expect.stringMatching(/copies\/tipline-\w+Z\.db$/),
    })
    expect((await running.end()).status).toBe(0)
    const elsewhere = join(site.folder, 'elsewhere')
    const restored = await site.ask(['restore', '--data-dir', elsewhere, String(copy.file)])
    expect(restored).toMatchObject({ exit: 0, kept: null })
    site.write(
      'other.yml',
      `data_dir: elsewhere/\nsources:\n  - { name: main, url: "${site.misp.url}", key: x }\n`,
    )
    expect(await site.ask(['status', '-c', 'other.yml'])).toMatchObject({ live: before.live })
  })

  it('replaces a ledger only with --force, keeps it, and the next sync rebuilds the sinks', {
    skip: !hasMemcached(),
  }, async () => {
    await site.startMisp()
    await site.startMemcached()
    site.writeConfig()
    await site.run(['sync'])
    expect((await site.run(['backup', 'copy.db'])).status).toBe(0)
    const { store } = site.misp
    store.addAttribute(2, { type: 'ip-dst', value: '192.0.2.99' })
    store.publish(2)
    await site.run(['sync'])
    const refused = await site.run(['restore', 'copy.db'])
    expect(refused.status).toBe(3)
    expect(refused.stderr).toContain('hint: use --force')
    store.softDelete(store.event(2).attributes()[2]!.id)
    store.publish(2)
    const restored = await site.ask(['restore', '--force', 'copy.db'])
    expect(restored).toMatchObject({ exit: 0, kept: expect.stringContaining('before-restore') })
    expect(await site.ask(['lookup', '192.0.2.99'])).toMatchObject({ exit: 1 })
    expect(await site.memcached.read('misp-ip:192.0.2.99')).not.toBeNull()
    const cycle = await site.ask(['sync'])
    expect(cycle).toMatchObject({ exit: 0, sinks: [{ rebuilt: expect.any(String) }] })
    expect(await site.memcached.read('misp-ip:192.0.2.99')).toBeNull()
  })

  it('refuses what is no ledger, and waits for no sync', async () => {
    await site.startMisp()
    site.writeConfig()
    site.write('text.db', 'not a ledger')
    const ran = await site.run(['restore', 'text.db'])
    expect(ran.status).toBe(3)
    expect(ran.stderr).toContain("can't be read as a ledger")
    expect(readdirSync(join(site.folder, 'tipline-data'))).not.toContain('ledger.db')
    expect((await site.run(['backup', 'copy.db'])).status).toBe(3)
  })

  it('says what the system does not let it do', async () => {
    await site.startMisp()
    site.writeConfig()
    await site.run(['sync'])
    const ran = await site.ask(['backup', 'tipline.yml/copy.db'])
    expect(ran).toMatchObject({
      exit: 3,
      error: { type: 'SystemError', what: expect.stringMatching(/^(ENOTDIR|EEXIST)/) },
    })
  })
})

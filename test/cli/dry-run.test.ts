/** `tipline sync --dry-run --compare`: what taking over would change, and that nothing is changed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasMemcached } from '../servers/memcached.js'
import { Site } from './site.js'

describe.skipIf(!hasMemcached())('a dry run', () => {
  let site: Site

  beforeEach(async () => {
    site = new Site()
    await site.startMisp()
    await site.startMemcached()
    site.writeConfig()
  })
  afterEach(() => site.close())

  it('compares with what another tool filled, and leaves it and the folder alone', async () => {
    const old = {
      'misp-ip:198.51.100.7': '1#ip-dst,2#ip-src',
      'misp-domain:evil.example': '1#domain,7#domain',
      'misp-ip:192.0.2.200': '9#ip-dst',
      'misp-md5:00000000000000000000000000000000': '9#md5',
      'misp-stats': '4',
      canary: 'alive',
    }
    for (const [key, value] of Object.entries(old)) await set(key, value)
    const ran = await site.run(['sync', '--dry-run', '--compare', '--json'])
    expect(ran.status).toBe(0)
    const document = JSON.parse(ran.stdout)
    expect(document).toMatchObject({ dry_run: true, sources: [{ ok: true, added: 7 }] })
    const [{ comparison }] = document.sinks
    expect(comparison).toMatchObject({ changed: 1, removed: 2, same: 1 })
    expect(comparison.examples.changed).toEqual([
      { key: 'misp-domain:evil.example', from: '1#domain,7#domain', to: '1#domain' },
    ])
    const gone = comparison.examples.removed.map(({ key }: { key: string }) => key)
    expect(gone.toSorted()).toEqual([
      'misp-ip:192.0.2.200',
      'misp-md5:00000000000000000000000000000000',
    ])
    expect((await site.memcached.keys()).toSorted()).toEqual(Object.keys(old).toSorted())
    for (const [key, value] of Object.entries(old))
      expect(await site.memcached.read(key)).toBe(value)
    expect(existsSync(join(site.folder, 'tipline-data'))).toBe(false)
    // And a sync then does just that.
    expect((await site.run(['sync'])).status).toBe(0)
    const after = await site.memcached.keys()
    for (const key of gone) expect(after).not.toContain(key)
    const again = JSON.parse((await site.run(['sync', '--dry-run', '--compare', '--json'])).stdout)
    expect(again.sinks[0].comparison).toMatchObject({ added: 0, changed: 0, removed: 0 })
    expect(again.sinks[0].comparison.same).toBe(comparison.added + 2)
    expect(await site.memcached.read('canary')).toBe('alive')
  })

  it('tells it in words, and leaves the ledger that is there as it was', async () => {
    expect((await site.run(['sync'])).status).toBe(0)
    const data = join(site.folder, 'tipline-data')
    const before = readFileSync(join(data, 'ledger.db'))
    await set('misp-ip:192.0.2.200', 'x')
    const { status, stdout } = await site.run(['sync', '--dry-run', '--compare'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/memcached: 0 keys to add, 0 to change, 1 to take away; \d+ right/)
    expect(stdout).toMatch(/- misp-ip:192\.0\.2\.200/)
    expect(stdout).toMatch(/nothing was changed anywhere/)
    expect(readFileSync(join(data, 'ledger.db')).equals(before)).toBe(true)
    expect(readdirSync(data).filter((name) => name.includes('dry'))).toEqual([])
  })

  it('without --compare only asks the sources; --compare alone is refused', async () => {
    await site.memcached.stop()
    expect((await site.run(['sync', '--dry-run'])).status).toBe(0)
    const { status, stderr } = await site.run(['sync', '--compare'])
    expect(status).toBe(2)
    expect(stderr).toMatch(/--dry-run --compare/)
  })

  it('tells of a server that is down', async () => {
    await site.memcached.stop()
    const { status, stdout } = await site.run(['sync', '--dry-run', '--compare'])
    expect(status).toBe(3)
    expect(stdout).toMatch(/refused the connection/)
  })

  async function set(key: string, value: string): Promise<void> {
    await site.memcached.say(`set ${key} 0 0 ${value.length}\r\n${value}\r\n`, 'STORED\r\n')
  }
})

/** The command line with the embedded ClickHouse, as processes. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { Site } from './site.js'

describe.skipIf(!hasEngine())('sync into the embedded ClickHouse', () => {
  let site: Site
  beforeEach(async () => {
    site = new Site()
    await site.startMisp()
    site.writeConfig('sinks: { clickhouse: { embedded: { idle: 2s } } }\n')
  })
  afterEach(() => site.close())

  async function iocs(): Promise<unknown[]> {
    const engine = TestEngine.at(join(site.folder, 'tipline-data'))
    await engine.restart()
    const db = await engine.connect()
    try {
      return await db.rows(
        'SELECT misp, ip, port, type, threat_level AS threat FROM nfsen.iocs ORDER BY ip, type',
      )
    } finally {
      await db.close()
    }
  }

  it('starts the engine, fills iocs, and follows', async () => {
    const ran = await site.run(['sync', '-l', 'sync.log', '--debug'])
    expect(ran).toMatchObject({ status: 0, stderr: '' })
    expect(readFileSync(join(site.folder, 'sync.log'), 'utf8')).toContain(
      'rebuilding the sink: new',
    )
    const shared = { misp: 'main', ip: '198.51.100.7', port: 0 }
    const wanted = [
      { misp: 'main', ip: '192.0.2.77', port: 0, type: 'ip-src', threat: 4 },
      { ...shared, type: 'ip-dst', threat: 2 },
      { ...shared, type: 'ip-src', threat: 4 },
      { misp: 'main', ip: '203.0.113.9', port: 8443, type: 'ip-dst|port', threat: 2 },
    ]
    expect(await iocs()).toEqual(wanted)
    site.misp.store.editEvent(2, { threat_level_id: 1 })
    site.misp.store.publish(2)
    expect((await site.run(['sync'])).status).toBe(0)
    for (const row of wanted) if (row.threat === 4) row.threat = 1
    expect(await iocs()).toEqual(wanted)
    expect((await site.run(['hold', '198.51.100.7', '--why', 'a test'])).status).toBe(0)
    expect(await iocs()).toEqual(wanted.filter(({ ip }) => ip !== '198.51.100.7'))
    expect((await site.run(['doctor'])).stdout).toContain('the embedded ClickHouse answers')
  })

  it('makes the data folder for its owner alone, whoever comes first', async () => {
    await site.run(['doctor'])
    expect(statSync(join(site.folder, 'tipline-data')).mode & 0o777).toBe(0o700)
  })

  it('leaves no engine running', async () => {
    expect((await site.run(['sync'])).status).toBe(0)
    const address = join(site.folder, 'tipline-data/engine.json')
    expect(existsSync(address)).toBe(true)
    await expect.poll(() => existsSync(address), { timeout: 15_000 }).toBe(false)
  })
})

/** What of flows is told where somebody asks: floods, scanners, the past, and stretches unmatched. */
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { Site } from './site.js'

const HOUR = Math.floor(Date.now() / 3_600_000 - 2) * 3600

describe.skipIf(!hasEngine())('what is told of flows', () => {
  let site: Site
  beforeEach(async () => {
    site = new Site()
    await site.startMisp()
    site.writeConfig('sinks: { clickhouse: { max_hits: 10, embedded: { idle: 30s } } }\n')
    expect((await site.run(['sync'])).status).toBe(0)
  })
  afterEach(async () => {
    await TestEngine.at(join(site.folder, 'tipline-data')).kill()
    await site.close()
  })

  async function withEngine<T>(work: (db: ClickHouse) => Promise<T>): Promise<T> {
    const engine = TestEngine.at(join(site.folder, 'tipline-data'))
    await engine.restart()
    const db = await engine.connect()
    try {
      return await work(db)
    } finally {
      await db.close()
    }
  }

  async function insert(sa: string, da: string, { times = 1, flg = '...AP.SF' } = {}) {
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    const rows = Array.from({ length: times }, (_, n) => {
      return [HOUR + n, HOUR + n, sa, da, 1024 + n, 443, 6, flg, 2, 80]
    })
    await withEngine((db) => db.insert({ table: 'nfsen.flows', columns, rows }))
  }

  const counted = async (...args: string[]) =>
    (await site.run(['hits', '--counted', '--json', ...args])).stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as unknown)

  it('floods are said once, and can be read with the scanners', async () => {
    expect((await site.run(['hits', '--counted'])).status).toBe(1)
    await insert('192.0.2.1', '192.0.2.77', { times: 36 })
    await insert('192.0.2.77', '192.0.2.2', { times: 5, flg: '......S.' })
    const first = await site.run(['sync'])
    expect(first.stderr.match(/meets more flows in an hour/g)).toHaveLength(1)
    expect(first.stderr).toMatch(
      /192\.0\.2\.77 \(Scanner\).*26 since .*tipline hold '192\.0\.2\.77'/,
    )
    expect((await site.run(['sync'])).stderr).not.toContain('meets more flows')
    await insert('192.0.2.1', '192.0.2.77', { times: 40 })
    const again = await site.run(['backscan', '--since', '1d'])
    expect(again).toMatchObject({ status: 0 })
    expect(again.stderr).not.toContain('meets more flows')
    expect(await counted()).toMatchObject([
      {
        why: 'flood',
        flows: 66,
        hours: 1,
        indicator: { kind: 'ip', value: '192.0.2.77' },
        event: { source: 'main', info: 'Scanner' },
        tlp: 'green',
        stale: false,
      },
      { why: 'unanswered', flows: 5, packets: 10, bytes: 400 },
    ])
    expect(await counted('--value', '198.51.100.7')).toEqual([])
    const lines = await site.run(['hits', '--counted'])
    expect(lines.stdout).toMatch(/^flood {2}192\.0\.2\.77 {2}66 flows in 1 hour, .*Scanner$/m)
    expect((await site.run(['hits', '--counted', '--label', 'x'])).status).toBe(2)
    expect(await site.ask(['status'])).toMatchObject({
      flows: {
        counted: [
          { why: 'flood', indicators: 1, flows: 66 },
          { why: 'unanswered', indicators: 1, flows: 5 },
        ],
      },
    })
    expect((await site.run(['explain', '192.0.2.77'])).stdout).toMatch(
      /only counted: flood: 66 flows.*\n.*only counted: unanswered: 5 flows/,
    )
  }, 300_000)

  it('how far back each indicator was looked for, and what came unmatched', async () => {
    await insert('192.0.2.1', '198.51.100.7')
    const flows = async () => (await site.ask(['status'])).flows
    const looked = async () => {
      const { in_flows } = await site.ask(['explain', '198.51.100.7'])
      const { looked_for } = in_flows as { looked_for: { back_to: string | null }[] }
      return looked_for.map(({ back_to }) => back_to)
    }
    expect(await flows()).toMatchObject({
      looked_for: { indicators: 4, never: 4, back_to: null },
      gaps: [],
    })
    expect(await looked()).toEqual([null, null])
    await site.run(['backscan', '--since', '7d', '--indicator', '198.51.100.7'])
    const [back] = await looked()
    const days = (Date.now() - Date.parse(back!)) / 86_400_000
    expect(days).toBeGreaterThan(6.9)
    expect(days).toBeLessThan(7.2)
    expect(await flows()).toMatchObject({
      looked_for: { indicators: 4, never: 2, back_to: back },
    })
    expect((await site.run(['explain', '198.51.100.7'])).stdout).toContain(
      `looked for back to ${back!.slice(0, 16).replace('T', ' ')}Z`,
    )
    expect((await site.run(['explain', 'evil.example', '--json'])).stdout).toContain(
      '"in_flows": null',
    )
    await withEngine(async (db) => {
      await db.command('DROP TABLE nfsen.ioc_hits_mv SYNC')
      await db.command(
        "INSERT INTO nfsen.tipline_gaps_iocs (gap, began, ended, why) SELECT 'old', now() - 9000, now() - 7100, 'a test'",
      )
    })
    expect((await site.run(['status'])).stdout).toContain('flows are not matched as they come')
    await site.run(['sync'])
    const told = await site.run(['status'])
    expect(told.stdout).toMatch(/unmatched +.*the view was away; and 1 more/)
    expect(told.stdout).toMatch(/PROBLEM: flows came unmatched from .*\(a test\)/)
    expect(told.stdout).toContain('hint: tipline backscan --since 1d makes up for it')
    expect((await site.run(['backscan', '--since', '1d'])).stdout).toContain('looked at again')
    expect(await flows()).toMatchObject({ gaps: [], looked_for: { never: 0 } })
  }, 300_000)
})

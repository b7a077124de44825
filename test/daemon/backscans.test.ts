/** Backscans beside the daemon's other works, where ClickHouse is away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { LoadedConfig } from '../../src/config/load.js'
import { Backscans } from '../../src/daemon/backscans.js'
import { headSeq } from '../../src/ledger/changes.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { freePort } from '../servers/program.js'
import { openWorks } from './works.js'

it('an outage is forgotten when a reload asks for no backscan any more', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tipline-backscans-'))
  const works = await openWorks(dataDir)
  const { ledger, outages } = works
  await ledger.writer.moveCursor({
    sink: 'clickhouse',
    seq: headSeq(ledger.db),
    settings: '',
    at: 0,
  })
  const url = `http://127.0.0.1:${await freePort()}`
  const asked = (more: object) => {
    const clickhouse = clickhouseSinkSettings.parse({ url, ...more })
    return { dataDir, networks: {}, sinks: { clickhouse } } as unknown as LoadedConfig
  }
  let config = asked({ backscan: '7d' })
  const stop = new AbortController()
  const ended = new Backscans(works, () => config).run(stop.signal)
  const failing = () => outages.current.map(({ part }) => part)
  await expect.poll(failing).toEqual(['backscan'])
  config = asked({})
  await expect.poll(failing).toEqual([])
  stop.abort()
  await ended
  await ledger.close()
  rmSync(dataDir, { recursive: true })
})

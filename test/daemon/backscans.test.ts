/** Backscans beside the daemon's other works, where ClickHouse is away. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { LoadedConfig } from '../../src/config/load.js'
import { Backscans } from '../../src/daemon/backscans.js'
import type { Works } from '../../src/daemon/works.js'
import { headSeq } from '../../src/ledger/changes.js'
import { openLedger } from '../../src/ledger/ledger.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { Outages } from '../../src/outage.js'
import { createPolicy } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { Deriver } from '../../src/sync/derive.js'
import { guardSettings } from '../../src/sync/settings.js'
import { Turns } from '../../src/sync/turns.js'
import { CLOCKS } from '../../src/time.js'
import { freePort } from '../servers/program.js'

it('an outage is forgotten when a reload asks for no backscan any more', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'tipline-backscans-'))
  const ledger = await openLedger(dataDir)
  const log = silentLogger()
  const outages = new Outages(log)
  const works: Works = {
    ledger,
    deriver: new Deriver(createPolicy(policySettings.parse({}), [])),
    turns: new Turns(),
    guard: guardSettings.parse({}),
    clocks: CLOCKS,
    outages,
    log,
    metrics: new Metrics(),
  }
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

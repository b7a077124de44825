/** What only counts and tells must not end the daemon, as where it has no file descriptor left. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { LoadedConfig } from '../../src/config/load.js'
import { keepCounting } from '../../src/daemon/counting.js'
import { tellFloodsOf } from '../../src/hits/floods.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { openWorks } from './works.js'

let folder: string
/** Of which the ledger can't be opened now. */
let dataDir: string
const clickhouse = clickhouseSinkSettings.parse({ url: 'http://127.0.0.1:9' })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tipline-counting-'))
  dataDir = mkdtempSync(join(folder, 'data-'))
  writeFileSync(join(dataDir, 'ledger.db'), 'not now\n'.repeat(1000))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('hits of flows are counted later', async () => {
  const works = await openWorks(join(folder, 'works'))
  const config = { dataDir, networks: {}, sources: [], sinks: { clickhouse } }
  const stop = new AbortController()
  const ended = keepCounting(works, () => config as unknown as LoadedConfig, stop.signal)
  await Promise.race([ended, sleep(1000)])
  stop.abort()
  await expect(ended).resolves.toBeUndefined()
  await works.ledger.close()
})

it('floods are told later', async () => {
  const options = { dataDir, clickhouse, networks: {}, links: {} }
  const telling = { now: Date.now(), log: silentLogger(), metrics: new Metrics() }
  const { signal } = new AbortController()
  await expect(tellFloodsOf(options, telling, signal)).resolves.toBeUndefined()
})

/** What a watcher remembers of files, over many passes. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tablesOf } from '../../src/clickhouse/open.js'
import { clickhouseSettings } from '../../src/clickhouse/settings.js'
import { watchedOf } from '../../src/flows/folders.js'
import { FlowWatcher } from '../../src/flows/watcher.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { Outages } from '../../src/outage.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { hasNfdump, writeCapture } from './capture.js'

const HOUR = Math.floor(Date.now() / 3_600_000 - 2) * 3600
const DAY = 86_400

describe.skipIf(!hasEngine() || !hasNfdump())('a watcher of folders', () => {
  let engine: TestEngine
  let folder: string
  beforeEach(async () => {
    engine = await TestEngine.start()
    folder = mkdtempSync(join(tmpdir(), 'tipline-watcher-'))
  })
  afterEach(async () => {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('forgets files that were taken away, and looks at others that come under their names', async () => {
    const watched = join(folder, 'watched')
    mkdirSync(watched)
    const watcher = new FlowWatcher({
      folders: [watchedOf(watched, 'border')],
      everyMs: 1000,
      connect: () => engine.connect(),
      tables: tablesOf(clickhouseSettings.parse({})),
      log: silentLogger(),
      metrics: new Metrics(),
      outage: new Outages(silentLogger()).of({ part: 'flows' }),
    })
    const { signal } = new AbortController()
    const file = join(watched, 'nfcapd.202611200000')
    /** So old that nobody appends to it any more: where it is known it is not even looked at. */
    const arrive = (flows: number) => {
      const packets = Array.from({ length: flows }, (_, n) => ({
        at: HOUR + n,
        sa: '192.0.2.1',
        da: '203.0.113.9',
        sp: 1000 * flows + n,
        dp: 443,
      }))
      const [made = ''] = writeCapture(join(folder, `capture-${flows}`), packets)
      copyFileSync(made, file)
      utimesSync(file, HOUR - 5 * DAY, HOUR - 5 * DAY)
    }
    try {
      arrive(2)
      expect(await watcher.pass(signal)).toMatchObject([{ outcome: 'imported', flows: 2 }])
      arrive(3)
      expect(await watcher.pass(signal)).toEqual([])
      rmSync(file)
      expect(await watcher.pass(signal)).toEqual([])
      arrive(4)
      expect(await watcher.pass(signal)).toMatchObject([{ outcome: 'imported', flows: 4 }])
    } finally {
      await watcher.close()
    }
  })
})

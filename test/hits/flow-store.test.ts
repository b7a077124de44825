/** The connection to the embedded engine that all of a process share. Compiled, as it starts one itself. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { openStores } from '../../src/hits/stores.js'
import { silentLogger } from '../../src/log.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Compiled {
  readonly openStores: typeof openStores
}

afterEach(() => void vi.restoreAllMocks())

describe.skipIf(!hasEngine())('an engine that has gone', () => {
  it('is started again, for all that ask at once', async () => {
    const engine = await TestEngine.start()
    const { openStores } = (await import(join(root, '.build/src/hits/stores.js'))) as Compiled
    const stores = openStores({
      dataDir: engine.dataDir,
      clickhouse: clickhouseSinkSettings.parse({}),
      networks: {},
      links: {},
      log: silentLogger(),
    })
    try {
      const ask = async () => (await stores.flows!.open()).row<{ a: number }>('SELECT 1 AS a')
      expect(await ask()).toEqual({ a: 1 })
      await engine.kill()
      const later = performance.now() + 5000
      vi.spyOn(performance, 'now').mockImplementation(() => later)
      expect(await Promise.all([ask(), ask(), ask()])).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }])
    } finally {
      await stores.close()
      await engine.restart()
      await engine.close()
    }
  }, 120_000)
})

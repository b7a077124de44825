/** A view that fails while errors of views are ignored: its flows are stored, and a backscan makes up for it. */
import { renameSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { enginePlace } from '../../../src/clickhouse/embedded/place.js'
import { readGaps } from '../../../src/clickhouse/gaps.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { backscan } from '../../../src/match/backscan/backscan.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../../clickhouse/engine.js'
import { Gate } from '../../clickhouse/gate.js'
import { heartbeat } from '../states.js'
import { clickHouseHouse, stateOf } from './house.js'

const tables = tablesOf(clickhouseSinkSettings.parse({}))
const ADDRESS = '198.51.100.7'
/** Attributes with the one address, each of which every flow meets. */
const ATTRIBUTES = 300
const FLOWS = 1000
/** Enough for the flows, and not for what they meet. */
const SCARCE = { max_memory_usage: '40000000' } as const

describe.skipIf(!hasEngine())('a view that fails', () => {
  const house = clickHouseHouse({ max_hits: FLOWS * 2 })
  const { signal } = new AbortController()
  const at = Math.floor(Date.now() / 1000)

  const beat = () => house.sink.beat(heartbeat())
  const gaps = async () => (await readGaps(house.db, tables)).map(({ why }) => why)

  async function insert(count: number, settings: Partial<typeof SCARCE> = {}): Promise<void> {
    const rows = Array.from({ length: count }, (_, n) => {
      return [at - 600, at - 590, '192.0.2.1', ADDRESS, 1024 + n, 443, 6, '...AP.SF', 10, 1000]
    })
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    await house.db.insert({ table: 'nfsen.flows', columns, rows, settings })
  }

  async function know(attributes: number): Promise<void> {
    const carriers = Array.from({ length: attributes }, (_, n) => ({
      attributeUuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    }))
    await house.sink.apply([stateOf(ADDRESS, ...carriers)], signal)
    await beat()
  }

  async function lookBack(): Promise<void> {
    const asked = { db: house.db, tables, since: at - 7200, until: at + 60, value: null, signal }
    await backscan({ ...asked, progress: () => undefined })
  }

  /** A view of somebody else's that fails with each flow. */
  const foreign = async () => {
    await house.db.command('CREATE DATABASE IF NOT EXISTS other')
    await house.db.command('CREATE TABLE IF NOT EXISTS other.t (sa String) ENGINE = Null')
    await house.db.command(
      `CREATE MATERIALIZED VIEW IF NOT EXISTS other.ioc_hits_mv TO other.t AS
       SELECT toString(throwIf(sa != '')) AS sa FROM nfsen.flows`,
    )
  }
  afterEach(() => house.db.command('DROP DATABASE IF EXISTS other SYNC'))

  describe('in the embedded engine', () => {
    it('for want of memory is noticed with the next beat, and a backscan finds what was missed, once', async () => {
      await know(ATTRIBUTES)
      await insert(FLOWS, SCARCE)
      expect(await house.count('flows')).toBe(FLOWS)
      expect(await house.count('ioc_hits')).toBe(0)
      await beat()
      expect(await gaps()).toEqual(['a view failed (code 241)'])
      await beat()
      expect(await gaps()).toHaveLength(1)
      await lookBack()
      expect(await house.count('ioc_hits')).toBe(FLOWS * ATTRIBUTES)
      expect(await gaps()).not.toContain('a view failed (code 241)')
    })

    it('is told from views of others, from what readers do wrong, and each is told', async () => {
      await know(1)
      await foreign()
      await insert(3)
      await expect(house.db.rows('SELECT nothing')).rejects.toThrow()
      await expect(
        house.db.rows('SELECT length(groupArray(toString(number))) FROM numbers(3000000)', {
          settings: SCARCE,
        }),
      ).rejects.toThrow('memory')
      expect(await house.count('ioc_hits')).toBe(3)
      await beat()
      expect(await gaps()).toEqual([])
      for (const n of [1, 2]) {
        await refuseHits()
        await insert(3)
        await house.db.command('ALTER TABLE nfsen.ioc_hits DROP CONSTRAINT full')
        await beat()
        expect(await gaps()).toEqual(Array(n).fill('a view failed (code 395)'))
      }
    })

    it('is noticed though the engine was killed after it, and its log was begun anew', async () => {
      await know(1)
      await refuseHits()
      await insert(3)
      await house.crash()
      const file = enginePlace(house.engine.dataDir).warnings
      renameSync(file, `${file}.0`)
      await house.sink.open(signal)
      await beat()
      expect(await gaps()).toContain('a view failed (code 395)')
    })
  })

  /** Whatever is met, from here on. */
  const refuseHits = () =>
    house.db.command(
      `ALTER TABLE nfsen.ioc_hits ADD CONSTRAINT full CHECK throwIf(source_ip != '') = 0`,
    )

  describe('on a server', () => {
    let gate: Gate
    beforeEach(async () => {
      gate = await Gate.open({ socket: () => house.engine.address.socket })
      await house.begin({ max_hits: FLOWS * 2, url: `http://127.0.0.1:${gate.port}` })
    })
    afterEach(async () => {
      await house.sink.close()
      await gate.close()
      await house.db.command('DROP TABLE IF EXISTS system.query_views_log SYNC')
    })

    /** As a server has it, as far as it is read; of the engine's own kind there is none. */
    const keepLog = () =>
      house.db.command(
        `CREATE TABLE system.query_views_log (event_date Date, event_time DateTime,
           event_time_microseconds DateTime64(6), view_name String, exception_code Int32)
         ENGINE = MergeTree ORDER BY (event_date, event_time)`,
      )
    const log = (view: string, code: number) =>
      house.db.command(
        `INSERT INTO system.query_views_log SELECT today(), now(), now64(6), {view:String}, {code:Int32}`,
        { params: { view, code } },
      )

    it('is noticed by its log of views, told from views of others, and each is told', async () => {
      await keepLog()
      await beat()
      await log('other.view', 241)
      await log('nfsen.ioc_hits_mv', 0)
      await beat()
      expect(await gaps()).toEqual([])
      await log('nfsen.tipline_store_ioc_hits_mv', 243)
      await beat()
      await log('nfsen.ioc_hits_mv', 241)
      await beat()
      expect((await gaps()).sort()).toEqual([
        'a view failed (code 241)',
        'a view failed (code 243)',
      ])
      await beat()
      expect(await gaps()).toHaveLength(2)
    })

    it('is noticed by the text of its error where there is no such log, and told from others', async () => {
      await know(1)
      for (let n = 0; n < 3; n += 1) await expect(house.db.rows('SELECT nothing')).rejects.toThrow()
      await beat()
      expect(await gaps()).toEqual([])
      await refuseHits()
      await insert(3)
      expect(await house.count('flows')).toBe(3)
      expect(await house.count('ioc_hits')).toBe(0)
      await beat()
      expect(await gaps()).toEqual(['a view failed (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)'])
      await beat()
      expect(await gaps()).toHaveLength(1)
      await house.db.command('ALTER TABLE nfsen.ioc_hits DROP CONSTRAINT full')
      await lookBack()
      expect(await house.count('ioc_hits')).toBe(3)
    })
  })
})

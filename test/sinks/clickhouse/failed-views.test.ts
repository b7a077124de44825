/** A view that fails while errors of views are ignored: its flows are stored, and a backscan makes up for it. */
import { afterEach, describe, expect, it } from 'vitest'
import { readGaps } from '../../../src/clickhouse/gaps.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { backscan } from '../../../src/match/backscan/backscan.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { hasEngine } from '../../clickhouse/engine.js'
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

  describe('where ClickHouse keeps a log of views', () => {
    afterEach(() => house.db.command('DROP TABLE IF EXISTS system.query_views_log SYNC'))

    /** The embedded engine keeps none. As a server has it, as far as it is read. */
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

    it('is noticed with the next beat, and a backscan finds what was missed, once', async () => {
      await keepLog()
      await know(ATTRIBUTES)
      // It really fails, for want of memory; the log's entry is what a server writes of that.
      await insert(FLOWS, SCARCE)
      await log('nfsen.ioc_hits_mv', 241)
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

    it('is told from views of others and from those that did their work, and each is told', async () => {
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
    })
  })

  it('is noticed by the text of its error where there is no log, and told from others', async () => {
    await know(1)
    for (let n = 0; n < 3; n += 1) await expect(house.db.rows('SELECT nothing')).rejects.toThrow()
    await beat()
    expect(await gaps()).toEqual([])
    await house.db.command(
      `ALTER TABLE nfsen.ioc_hits ADD CONSTRAINT full CHECK throwIf(source_ip != '') = 0`,
    )
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

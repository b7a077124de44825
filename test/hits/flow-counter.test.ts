/** Hits of flows as a counter, and what ClickHouse fails at, against the real engine. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { prepare } from '../../src/clickhouse/prepare.js'
import { flowTables } from '../../src/clickhouse/schema.js'
import { ClickHouseError } from '../../src/errors.js'
import { FlowHitCounter } from '../../src/hits/flow-counter.js'
import type { FlowStore } from '../../src/hits/stores.js'
import { Metrics } from '../../src/metrics.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'

const NEVER = new AbortController().signal
const TABLES = tablesOf(clickhouseSinkSettings.parse({}))

describe.skipIf(!hasEngine())('hits of flows', () => {
  const metrics = new Metrics()
  let engine: TestEngine
  let db: ClickHouse
  let flows: FlowStore
  let counter: FlowHitCounter

  beforeAll(async () => {
    engine = await TestEngine.start({ metrics })
    db = await engine.connect()
    await prepare(db, [flowTables(TABLES).hits])
    flows = { tables: TABLES, open: async () => db }
  })
  afterAll(async () => {
    await db.close()
    await engine.close()
  })
  beforeEach(async () => {
    await db.command('TRUNCATE TABLE nfsen.ioc_hits')
    counter = new FlowHitCounter(metrics)
  })

  async function met(hits: readonly number[], via: string, writtenAgo = 0): Promise<void> {
    const now = Math.floor(Date.now() / 1000)
    const rows = hits.map((hit) => [now - 600, now - 590, '192.0.2.1', via, hit, now - writtenAgo])
    const columns = ['ts', 'te', 'source_ip', 'via', 'hit', 'insert_ts']
    await db.insert({ table: '`nfsen`.`ioc_hits`', columns, rows })
  }

  const counted = () =>
    (['live', 'backscan'] as const).map((way) => metrics.read('tipline_flow_hits_total', { way }))

  /** What the call adds. */
  async function added(): Promise<number[]> {
    const before = counted()
    await counter.count(flows, NEVER)
    return counted().map((n, at) => n - before[at]!)
  }

  it('are counted once each by way, from the beginning on, also those that show up late', async () => {
    await met([1, 2], 'live')
    expect(await added()).toEqual([0, 0])
    await met([3, 4], 'live')
    await met([5], 'backscan', 1800)
    expect(await added()).toEqual([2, 1])
    expect(await added()).toEqual([0, 0])
    await met([6], 'backscan', 1800)
    expect(await added()).toEqual([0, 1])
  })

  it('that were written twice and are merged are no news, and take nothing back', async () => {
    await counter.count(flows, NEVER)
    await met([7], 'live')
    // In one block with another, or ClickHouse would know the block again.
    await met([7, 8], 'live')
    const [live = 0] = await added()
    expect(live).toBeGreaterThanOrEqual(2)
    await db.command('OPTIMIZE TABLE nfsen.ioc_hits FINAL')
    expect(await added()).toEqual([0, 0])
  })

  it('that came while ClickHouse could not be asked are counted when it can', async () => {
    await counter.count(flows, NEVER)
    await met([9], 'live')
    const gone = new ClickHouseError({ what: 'gone', fault: 'unreachable' })
    const down = { ...flows, open: () => Promise.reject(gone) }
    await expect(counter.count(down, NEVER)).rejects.toBe(gone)
    expect(await added()).toEqual([1, 0])
  })

  it('are counted from the first one on where the table comes after the counter', async () => {
    await db.command('DROP TABLE nfsen.ioc_hits SYNC')
    expect(await added()).toEqual([0, 0])
    await prepare(db, [flowTables(TABLES).hits])
    await met([10], 'live')
    expect(await added()).toEqual([1, 0])
  })

  it('the engine is counted when it starts, and what it fails at by fault', async () => {
    expect(metrics.read('tipline_engine_starts_total', {})).toBe(1)
    await engine.restart()
    expect(metrics.read('tipline_engine_starts_total', {})).toBe(1)
    const faults: string[] = []
    const watched = await engine.connect(30_000, (fault) => faults.push(fault))
    await watched.command('SELECT 1')
    await expect(watched.command('SELECT * FROM nfsen.nothing')).rejects.toThrow('refused')
    await expect(watched.rows('SELECT * FROM nfsen.nothing')).rejects.toThrow('refused')
    expect(faults).toEqual(['missing', 'missing'])
    await engine.kill()
    await expect(watched.command('SELECT 1')).rejects.toThrow('can not be reached')
    expect(faults.at(-1)).toBe('unreachable')
    await watched.close()
    await engine.restart()
    expect(metrics.read('tipline_engine_starts_total', {})).toBe(2)
  })
})

/** What the API tells of flows, from the embedded engine; and where ClickHouse can't be asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../src/clickhouse/client.js'
import { tablesOf } from '../../src/clickhouse/open.js'
import { ClickHouseError } from '../../src/errors.js'
import type { Listening } from '../../src/http/listen.js'
import { clickhouseSinkSettings } from '../../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../../src/sinks/clickhouse/sink.js'
import { hasEngine, TestEngine } from '../clickhouse/engine.js'
import { stateOf } from '../sinks/clickhouse/house.js'
import { sinkDeps } from '../sinks/states.js'
import { ApiHouse, ask, READER, TOKENS } from './house.js'

const AT = Math.floor(Date.now() / 3_600_000 - 2) * 3600

describe.skipIf(!hasEngine())('flows in the API', () => {
  let house: ApiHouse
  let engine: TestEngine
  let db: ClickHouse
  let api: Listening
  let isDown = false

  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
    const settings = clickhouseSinkSettings.parse({ max_hits: 3 })
    const sink = clickhouseSink(settings, sinkDeps({ dataDir: engine.dataDir }))
    const { signal } = new AbortController()
    await sink.open(signal)
    await sink.apply([stateOf('198.51.100.7', {})], signal)
    await sink.close()
    const columns = ['ts', 'te', 'sa', 'da', 'sp', 'dp', 'pr', 'flg', 'ipkt', 'ibyt']
    const rows = Array.from({ length: 8 }, (_, n) => {
      return [AT + n, AT + n, '192.0.2.1', '198.51.100.7', 1024 + n, 443, 6, '...AP.SF', 1, 40]
    })
    await db.insert({ table: 'nfsen.flows', columns, rows })
    house = await ApiHouse.open([{ type: 'ip-dst', value: '198.51.100.7' }], { tokens: TOKENS })
    const open = async () => {
      if (isDown) throw new ClickHouseError({ what: 'it is gone', fault: 'unreachable' })
      return db
    }
    const flows = { open, tables: tablesOf(settings) }
    house.backend = { ...house.backend, hits: { ...house.stores, flows } }
    api = await house.listen({ tokens: TOKENS })
  })
  afterAll(async () => {
    await house.close()
    await db.close()
    await engine.close()
  })

  const read = async (path: string) => (await ask(api.url, path, { token: READER.token })).json

  it('are absent where the config has no ClickHouse', async () => {
    const { json } = await house.ask('/v1/status', { token: READER.token })
    expect(json).not.toHaveProperty('flows')
    const told = await house.ask('/v1/hits/counted', { token: READER.token })
    expect(told.json).toEqual({ counted: [] })
  })

  it('stand in the status, as on the command line', async () => {
    expect((await read('/v1/status')).flows).toMatchObject({
      engine: { name: 'the embedded ClickHouse' },
      live_matching: true,
      live_since: expect.stringMatching(/^20/),
      detached_since: null,
      newest_flow: new Date((AT + 7) * 1000).toISOString(),
      looked_for: { indicators: 1, never: 1, back_to: null },
      gaps: [],
      counted: [{ why: 'flood', indicators: 1, flows: 5 }],
    })
  })

  it('tell what is only counted, and how far back a value was looked for', async () => {
    expect((await read('/v1/hits/counted')).counted).toMatchObject([
      { why: 'flood', flows: 5, indicator: { kind: 'ip', value: '198.51.100.7' } },
    ])
    expect((await read('/v1/hits/counted?why=unanswered')).counted).toEqual([])
    expect((await read('/v1/hits/counted?why=other')).status).toBe(400)
    expect((await read('/v1/explain?value=198.51.100.7')).in_flows).toMatchObject({
      unavailable: null,
      looked_for: [{ value: '198.51.100.7', port: 0, back_to: null }],
    })
  })

  it('are null, and a problem, where ClickHouse can not be asked; the rest is told', async () => {
    isDown = true
    const own = await house.listen({ tokens: TOKENS })
    const { json } = await ask(own.url, '/v1/status', { token: READER.token })
    expect(json).toMatchObject({ ok: false, flows: null, sources: [{ name: 'main' }] })
    expect(json.problems).toContainEqual({ what: 'it is gone', hint: expect.any(String) })
    const { in_flows } = (
      await ask(own.url, '/v1/explain?value=198.51.100.7', { token: READER.token })
    ).json
    expect(in_flows).toMatchObject({ unavailable: 'it is gone' })
    isDown = false
  })
})

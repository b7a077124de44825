import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ClickHouse } from '../../../src/clickhouse/client.js'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { clickhouseSink } from '../../../src/sinks/clickhouse/sink.js'
import type { Carrier, KeyState, Sink } from '../../../src/sinks/sink.js'
import { hasEngine, TestEngine } from '../../clickhouse/engine.js'
import { createMisp2chTables } from '../../clickhouse/misp2ch.js'
import { fuzz } from '../../fuzz.js'
import { POISONS, poison } from '../poisons.js'
import { carrier, inBatches, NOW } from '../states.js'

const MISP = 'misp.example'
const ADDRESS = '198.51.100.7'

describe.skipIf(!hasEngine())('rows of iocs', () => {
  let engine: TestEngine
  let db: ClickHouse
  let sink: Sink
  const { signal } = new AbortController()

  beforeAll(async () => {
    engine = await TestEngine.start()
    db = await engine.connect()
  })
  afterAll(async () => {
    await sink?.close()
    await db?.close()
    await engine?.close()
  })
  beforeEach(async () => {
    await sink?.close()
    await db.command('DROP DATABASE IF EXISTS nfsen SYNC')
    sink = make({})
    await sink.open(signal)
  })

  function make(settings: object, sourceNames = [MISP]): Sink {
    return clickhouseSink(clickhouseSinkSettings.parse(settings), {
      log: silentLogger(),
      metrics: new Metrics(),
      sourceCount: sourceNames.length,
      sourceNames,
      dataDir: engine.dataDir,
      clock: () => NOW,
    })
  }

  const state = (value: string, ...carriers: Partial<Carrier>[]): KeyState => ({
    space: value.includes('/') ? 'net' : 'ip',
    value,
    carriers: carriers.map((of) => carrier({ source: MISP, ...of })),
  })

  const rows = () =>
    db.rows<Record<string, unknown>>(
      `SELECT misp, uuid, ip, port, info, kind, type, prefix, tags, toUnixTimestamp(ts) AS ts,
         event_id, event_uuid FROM nfsen.iocs ORDER BY ip, port, uuid`,
    )

  it('tell all of an attribute', async () => {
    const attribute = { uuid: 'u-1', port: 8443, type: 'ip-dst|port', tags: ['tlp:green', "it's"] }
    const { uuid: attributeUuid, ...of } = attribute
    await sink.apply([state(ADDRESS, { attributeUuid, ...of, eventId: '12' })], signal)
    expect(await rows()).toEqual([
      {
        misp: MISP,
        uuid: 'u-1',
        ip: ADDRESS,
        port: 8443,
        info: 'Scans of the example network',
        kind: 'ip-port',
        type: 'ip-dst|port',
        prefix: 0,
        tags: ['tlp:green', "it's"],
        ts: NOW - 1000,
        event_id: 12,
        event_uuid: '00000000-0000-4000-8000-000000000001',
      },
    ])
  })

  it('know nets', async () => {
    await sink.apply([state('203.0.113.0/24', {}), state('2001:db8::/32', {})], signal)
    expect((await rows()).map(({ kind, ip, prefix }) => [kind, ip, prefix])).toEqual([
      ['net', '2001:db8::/32', 32],
      ['net', '203.0.113.0/24', 24],
    ])
  })

  it('follow an attribute to another value, whatever comes first', async () => {
    const attributeUuid = 'moved'
    await sink.apply([state(ADDRESS, { attributeUuid })], signal)
    await sink.apply([state('192.0.2.1', { attributeUuid })], signal)
    await sink.apply([state(ADDRESS)], signal)
    expect((await rows()).map(({ ip }) => ip)).toEqual(['192.0.2.1'])
  })

  it('leave out weak halves and what has no address', async () => {
    await sink.apply([state(ADDRESS, { type: 'domain|ip' })], signal)
    await sink.apply([{ ...state('x.example', {}), space: 'domain' }], signal)
    expect(await rows()).toEqual([])
    sink = make({ weak: true })
    await sink.open(signal)
    await sink.apply([state(ADDRESS, { type: 'domain|ip' })], signal)
    expect(await rows()).toHaveLength(1)
  })

  it('stay when they are revoked, where that is wanted, but are replaced', async () => {
    sink = make({ keep_old: true })
    await sink.open(signal)
    await sink.apply([state(ADDRESS, { attributeUuid: 'a', eventInfo: 'old' })], signal)
    await sink.apply([state(ADDRESS)], signal)
    expect((await rows()).map(({ info }) => info)).toEqual(['old'])
    await sink.apply([state(ADDRESS, { attributeUuid: 'a', eventInfo: 'new' })], signal)
    await sink.rebuild(inBatches([state('192.0.2.1', { attributeUuid: 'b' })]), signal)
    expect((await rows()).map(({ info, uuid }) => [uuid, info])).toEqual([
      ['b', 'Scans of the example network'],
      ['a', 'new'],
    ])
  })

  it('are put right where a write came through twice', async () => {
    await sink.apply([state(ADDRESS, {})], signal)
    await db.command('INSERT INTO nfsen.iocs SELECT * FROM nfsen.iocs')
    expect(await rows()).toHaveLength(2)
    await sink.apply([state(ADDRESS, {})], signal)
    expect(await rows()).toHaveLength(1)
  })

  it('of misp2ch are adopted, those of another MISP are left alone', async () => {
    await db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(db)
    const known = { attributeUuid: 'known', port: 443, type: 'ip-dst|port' }
    await db.insert({
      table: 'nfsen.iocs',
      columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port', 'info'],
      rows: [
        [NOW, MISP, 'known', 'e', 1, ADDRESS, 443, 'as misp2ch wrote it'],
        [NOW, MISP, 'gone', 'e', 1, '192.0.2.9', 443, ''],
        [NOW, 'other.example', 'theirs', 'e', 1, ADDRESS, 443, ''],
      ],
    })
    expect(await sink.open(signal)).toBeNull()
    await sink.rebuild(inBatches([state(ADDRESS, known)]), signal)
    expect((await rows()).map(({ uuid, info }) => [uuid, info])).toEqual([
      ['known', 'Scans of the example network'],
      ['theirs', ''],
    ])
    // misp2ch names its columns, so it can still write beside ours.
    expect((await sink.check()).findings.map(({ message }) => message).join()).not.toContain(
      'another tool',
    )
    await db.insert({
      table: 'nfsen.iocs',
      columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port', 'info'],
      rows: [[NOW, MISP, 'second writer', 'e', 1, '192.0.2.10', 443, '']],
    })
    expect((await sink.check()).findings.map(({ message }) => message).join()).toContain(
      'another tool',
    )
  })

  it('keep two ledgers in one table apart', async () => {
    await sink.apply([state(ADDRESS, {})], signal)
    const other = make({}, ['misp-b'])
    await other.open(signal)
    await other.rebuild(inBatches([state(ADDRESS, { source: 'misp-b' })]), signal)
    await other.remember({ ledger: 'b', seq: 1, settings: 's' })
    expect((await rows()).map(({ misp }) => misp).sort()).toEqual(['misp-b', MISP].sort())
    expect(await sink.open(signal)).toBeNull()
    await other.close()
  })

  it('hold whatever text an event is called by', async () => {
    const infos = POISONS.filter((text) => Buffer.from(text).toString() === text)
    const states = infos.map((eventInfo, n) =>
      state(`10.1.${n >> 8}.${n & 255}`, {
        attributeUuid: String(n),
        eventInfo,
        tags: [eventInfo],
      }),
    )
    await sink.apply(states, signal)
    const found = new Map((await rows()).map(({ uuid, info }) => [uuid, info]))
    expect(infos.map((_, n) => found.get(String(n)))).toEqual(infos)
  })

  it('are verified as they were written, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(poison(), { minLength: 1, maxLength: 20 }), async (texts) => {
        await sink.open(signal)
        const states = texts.map((text, n) =>
          state(`10.2.0.${n}`, {
            attributeUuid: text,
            eventUuid: text,
            eventId: text,
            eventInfo: text,
            tags: [text],
            type: text,
          }),
        )
        // One attribute in several places is moved, not copied.
        const once = [...new Map(states.map((each) => [wellFormed(each), each])).values()]
        await sink.rebuild(inBatches(once), signal)
        expect(await sink.verify(once)).toEqual({ checked: once.length, missing: 0, different: 0 })
      }),
      fuzz(200),
    )
  })
})

function wellFormed({ carriers }: KeyState): string {
  return Buffer.from(carriers[0]?.attributeUuid ?? '').toString()
}

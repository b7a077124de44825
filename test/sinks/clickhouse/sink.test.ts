import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Carrier, KeyState } from '../../../src/sinks/sink.js'
import { hasEngine } from '../../clickhouse/engine.js'
import { createMisp2chTables } from '../../clickhouse/misp2ch.js'
import { fuzz } from '../../fuzz.js'
import { POISONS, poison } from '../poisons.js'
import { carrier, inBatches, NOW } from '../states.js'
import { clickHouseHouse, stateOf } from './house.js'

const MISP = 'misp.example'
const ADDRESS = '198.51.100.7'

describe.skipIf(!hasEngine())('rows of iocs', () => {
  const sourceNames = [MISP]
  const house = clickHouseHouse({}, { sourceNames })
  const { signal } = new AbortController()

  /** One attribute of our MISP for each, unless they say otherwise. */
  const state = (value: string, ...carriers: Partial<Carrier>[]) =>
    stateOf(value, ...carriers.map((of) => carrier({ source: MISP, ...of })))

  async function reopen(settings: object): Promise<void> {
    house.sink = house.makeSink(settings, { sourceNames })
    await house.sink.open(signal)
  }

  const rows = () =>
    house.db.rows<Record<string, unknown>>(
      `SELECT misp, uuid, ip, port, info, kind, type, prefix, tags, toUnixTimestamp(ts) AS ts,
         event_id, event_uuid, threat_level FROM nfsen.iocs ORDER BY ip, port, uuid`,
    )

  it('tell all of an attribute', async () => {
    const attribute = { uuid: 'u-1', port: 8443, type: 'ip-dst|port', tags: ['tlp:green', "it's"] }
    const { uuid: attributeUuid, ...of } = attribute
    await house.sink.apply([state(ADDRESS, { attributeUuid, ...of, eventId: '12' })], signal)
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
        threat_level: 2,
        ts: NOW - 1000,
        event_id: 12,
        event_uuid: '00000000-0000-4000-8000-000000000001',
      },
    ])
  })

  it('know nets', async () => {
    await house.sink.apply([state('203.0.113.0/24', {}), state('2001:db8::/32', {})], signal)
    expect((await rows()).map(({ kind, ip, prefix }) => [kind, ip, prefix])).toEqual([
      ['net', '2001:db8::/32', 32],
      ['net', '203.0.113.0/24', 24],
    ])
  })

  it('follow an attribute to another value, whatever comes first', async () => {
    const attributeUuid = 'moved'
    await house.sink.apply([state(ADDRESS, { attributeUuid })], signal)
    await house.sink.apply([state('192.0.2.1', { attributeUuid })], signal)
    await house.sink.apply([state(ADDRESS)], signal)
    expect((await rows()).map(({ ip }) => ip)).toEqual(['192.0.2.1'])
  })

  it('leave out weak halves and what has no address', async () => {
    await house.sink.apply([state(ADDRESS, { type: 'domain|ip' })], signal)
    await house.sink.apply([{ ...state('x.example', {}), space: 'domain' }], signal)
    expect(await rows()).toEqual([])
    await reopen({ weak: true })
    await house.sink.apply([state(ADDRESS, { type: 'domain|ip' })], signal)
    expect(await rows()).toHaveLength(1)
  })

  it('stay when they are revoked, where that is wanted, but are replaced', async () => {
    await reopen({ keep_old: true })
    await house.sink.apply([state(ADDRESS, { attributeUuid: 'a', eventInfo: 'old' })], signal)
    await house.sink.apply([state(ADDRESS)], signal)
    expect((await rows()).map(({ info }) => info)).toEqual(['old'])
    await house.sink.apply([state(ADDRESS, { attributeUuid: 'a', eventInfo: 'new' })], signal)
    await house.sink.rebuild(inBatches([state('192.0.2.1', { attributeUuid: 'b' })]), signal)
    expect((await rows()).map(({ info, uuid }) => [uuid, info])).toEqual([
      ['b', 'Scans of the example network'],
      ['a', 'new'],
    ])
  })

  it('are put right where a write came through twice', async () => {
    await house.sink.apply([state(ADDRESS, {})], signal)
    await house.db.command('INSERT INTO nfsen.iocs SELECT * FROM nfsen.iocs')
    expect(await rows()).toHaveLength(2)
    await house.sink.apply([state(ADDRESS, {})], signal)
    expect(await rows()).toHaveLength(1)
  })

  it('of misp2ch are adopted, those of another MISP are left alone', async () => {
    await house.db.command('DROP DATABASE nfsen SYNC')
    await createMisp2chTables(house.db)
    const known = { attributeUuid: 'known', port: 443, type: 'ip-dst|port' }
    await house.db.insert({
      table: 'nfsen.iocs',
      columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port', 'info'],
      rows: [
        [NOW, MISP, 'known', 'e', 1, ADDRESS, 443, 'as misp2ch wrote it'],
        [NOW, MISP, 'gone', 'e', 1, '192.0.2.9', 443, ''],
        [NOW, 'other.example', 'theirs', 'e', 1, ADDRESS, 443, ''],
      ],
    })
    expect(await house.sink.open(signal)).toBeNull()
    await house.sink.rebuild(inBatches([state(ADDRESS, known)]), signal)
    expect((await rows()).map(({ uuid, info }) => [uuid, info])).toEqual([
      ['known', 'Scans of the example network'],
      ['theirs', ''],
    ])
    // misp2ch names its columns, so it can still write beside ours.
    expect((await house.sink.check()).findings.map(({ message }) => message).join()).not.toContain(
      'another tool',
    )
    await house.db.insert({
      table: 'nfsen.iocs',
      columns: ['ts', 'misp', 'uuid', 'event_uuid', 'event_id', 'ip', 'port', 'info'],
      rows: [[NOW, MISP, 'second writer', 'e', 1, '192.0.2.10', 443, '']],
    })
    expect((await house.sink.check()).findings.map(({ message }) => message).join()).toContain(
      'another tool',
    )
  })

  it('keep two ledgers in one table apart', async () => {
    await house.sink.apply([state(ADDRESS, {})], signal)
    const other = house.makeSink({}, { sourceNames: ['misp-b'] })
    await other.open(signal)
    await other.rebuild(inBatches([state(ADDRESS, { source: 'misp-b' })]), signal)
    await other.remember({ ledger: 'b', seq: 1, settings: 's' })
    expect((await rows()).map(({ misp }) => misp).sort()).toEqual(['misp-b', MISP].sort())
    expect(await house.sink.open(signal)).toBeNull()
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
    await house.sink.apply(states, signal)
    const found = new Map((await rows()).map(({ uuid, info }) => [uuid, info]))
    expect(infos.map((_, n) => found.get(String(n)))).toEqual(infos)
  })

  it('are verified as they were written, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(poison(), { minLength: 1, maxLength: 20 }), async (texts) => {
        await house.sink.open(signal)
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
        await house.sink.rebuild(inBatches(once), signal)
        expect(await house.sink.verify(once)).toEqual({
          checked: once.length,
          missing: 0,
          different: 0,
        })
      }),
      fuzz(200),
    )
  })
})

function wellFormed({ carriers }: KeyState): string {
  return Buffer.from(carriers[0]?.attributeUuid ?? '').toString()
}

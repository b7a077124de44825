/** Small nets spelled out as addresses: against a naive model, and at the cap. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addressesOf, smallNetsAround } from '../../src/indicators/small-nets.js'
import { openForReading } from '../../src/ledger/database.js'
import { unspelledNets } from '../../src/ledger/spelled.js'
import { StateReader } from '../../src/ledger/states.js'
import { LedgerWriter } from '../../src/ledger/writer.js'
import { fuzz } from '../fuzz.js'
import { attribute, event, meaning, pullInto } from './rows.js'

describe('a small net', () => {
  it.each([
    ['198.51.100.0/30', ['198.51.100.0', '198.51.100.1', '198.51.100.2', '198.51.100.3']],
    ['198.51.100.254/31', ['198.51.100.254', '198.51.100.255']],
    ['2001:db8::fffe/127', ['2001:db8::fffe', '2001:db8::ffff']],
    ['2001:db8::/126', ['2001:db8::', '2001:db8::1', '2001:db8::2', '2001:db8::3']],
    ['198.51.100.0/23', null],
    ['2001:db8::/119', null],
    ['0.0.0.0/0', null],
  ])('%s has these addresses', (net, addresses) => {
    expect(addressesOf(net)).toEqual(addresses)
  })

  it('is found round each of its addresses, and round no other', () => {
    const low = fc.integer({ min: 0, max: 255 })
    const place = fc.constantFrom(
      ['198.51.100.', 24, 32] as const,
      ['2001:db8::ab', 120, 128] as const,
    )
    fc.assert(
      fc.property(place, low, low, fc.integer({ min: 0, max: 7 }), ([prefix, from], a, b, more) => {
        const length = from + more
        const text = (byte: number) =>
          prefix.includes(':')
            ? `${prefix}${byte.toString(16).padStart(2, '0')}`
            : `${prefix}${byte}`
        const base = a & (0xff << (8 - more)) & 0xff
        const net = `${text(base)}/${length}`
        const inside = (b & (0xff << (8 - more)) & 0xff) === base
        expect([...smallNetsAround(text(b))].includes(net)).toBe(inside)
        expect(addressesOf(net)!.includes(text(b))).toBe(inside)
      }),
      fuzz(5000),
    )
  })
})

describe('the ledger', () => {
  let folder: string
  let writer: LedgerWriter
  let source: number

  beforeEach(() => begin())
  afterEach(() => end())

  function begin(): void {
    folder = mkdtempSync(join(tmpdir(), 'tipline-spelled-'))
    writer = new LedgerWriter(folder)
    source = writer.registerSources(['main'])[0]!.id
  }

  function end(): void {
    writer.close()
    rmSync(folder, { recursive: true, force: true })
  }

  function pull(now: number, uuid: string, values: readonly string[]): void {
    pullInto(writer, {
      source,
      now,
      events: [event(uuid, { timestamp: now })],
      attributes: values.map((value) =>
        attribute(uuid, `${uuid}-${value}`, value, {
          type: 'ip-dst',
          timestamp: 1000,
          meanings: [meaning(value, { space: value.includes('/') ? 'net' : 'ip' })],
        }),
      ),
    })
  }

  it('gives each address what carries it and the nets around it, after any history', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), (steps) => {
        end()
        begin()
        const states = new StateReader(openForReading(folder), { spelled: true })
        const events = new Map<string, readonly string[]>()
        const sink = new Map<string, string>()
        let cursor = 0
        for (const [n, { uuid, values, follow }] of steps.entries()) {
          events.set(uuid, values)
          pull(1000 + n, uuid, values)
          const model = modelOf(events)
          expect(contents(states)).toEqual(model)
          if (!follow) continue
          cursor = followInto(sink, { states, cursor })
          expect(Object.fromEntries([...sink].sort())).toEqual(model)
          writer.moveCursor({ sink: 's', seq: cursor, settings: '', at: 1000 })
          writer.prune({ sinks: ['s'], historyBefore: 0 })
        }
        const keys = Object.keys(modelOf(events)).filter((key) => key.startsWith('ip:'))
        const own = new Set([...events.values()].flat().filter((value) => !value.includes('/')))
        expect(states.spelledAddresses()).toBe(keys.length - own.size)
        states.close()
      }),
      fuzz(400),
    )
  }, 300_000)

  it('spells out the oldest up to 200,000 addresses, and the next when there is room', () => {
    const nets = Array.from({ length: 800 }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`)
    const states = new StateReader(openForReading(folder), { spelled: true })
    pull(1000, 'e1', nets.slice(0, 400))
    pull(1001, 'e2', nets.slice(400))
    // 781 times 256 is the most that fits.
    expect(addressesIn(states)).toBe(781 * 256)
    expect(unspelledNets(openForReading(folder))).toBe(19)
    const sink = new Map<string, string>()
    const cursor = followInto(sink, { states, cursor: 0 })
    pull(1002, 'e1', nets.slice(5, 400))
    expect(unspelledNets(openForReading(folder))).toBe(14)
    followInto(sink, { states, cursor })
    const keys = [...sink.keys()].filter((key) => key.startsWith('ip:'))
    expect(keys).toHaveLength(781 * 256)
    expect(sink.has('ip:10.0.0.1')).toBe(false)
    expect(sink.has('ip:10.3.17.255')).toBe(true)
    expect(sink.has('ip:10.3.18.0')).toBe(false)
    expect(states.spelledAddresses()).toBe(781 * 256)
    states.close()
  }, 60_000)

  it('does not spell out for those who do not ask', () => {
    pull(1000, 'e1', ['198.51.100.0/24'])
    const states = new StateReader(openForReading(folder))
    expect(Object.keys(contents(states))).toEqual(['net:198.51.100.0/24'])
    expect(states.spelledAddresses()).toBe(0)
    states.close()
  })
})

const VALUES = [
  ...['198.51.100.0', '198.51.100.3', '198.51.100.255', '192.0.2.1', '2001:db8::1'],
  ...['198.51.100.0/24', '198.51.100.0/30', '198.51.100.2/31', '198.51.100.254/31'],
  ...['192.0.2.0/31', '192.0.0.0/16', '2001:db8::/126', '2001:db8::/32'],
]

const step = fc.record({
  uuid: fc.constantFrom('e1', 'e2', 'e3'),
  values: fc.uniqueArray(fc.constantFrom(...VALUES), { maxLength: 6 }),
  follow: fc.boolean(),
})

/** By hand: what stands under each key is every attribute whose address, or net around it, it is. */
function modelOf(events: ReadonlyMap<string, readonly string[]>): Record<string, string> {
  const model = new Map<string, string[]>()
  const add = (key: string, attribute: string) => {
    model.set(key, [...(model.get(key) ?? []), attribute])
  }
  for (const [uuid, values] of events) {
    for (const value of values) {
      const attribute = `${uuid}-${value}`
      if (!value.includes('/')) add(`ip:${value}`, attribute)
      else add(`net:${value}`, attribute)
      if (value.includes('/')) for (const ip of addressesOf(value) ?? []) add(`ip:${ip}`, attribute)
    }
  }
  return Object.fromEntries(
    [...model].map(([key, of]) => [key, of.sort().join(' ')] as const).sort(),
  )
}

function contents(states: StateReader): Record<string, string> {
  const found = new Map<string, string>()
  for (const batch of states.everything(3)) put(found, batch.states)
  return Object.fromEntries([...found].sort())
}

function followInto(
  sink: Map<string, string>,
  { states, cursor }: { states: StateReader; cursor: number },
): number {
  for (let seq = cursor; ; ) {
    const batch = states.touchedAfter(seq, 7)
    if (!batch) return seq
    put(sink, batch.states)
    seq = batch.seq
  }
}

function put(
  into: Map<string, string>,
  states: readonly {
    space: string
    value: string
    carriers: readonly { attributeUuid: string }[]
  }[],
): void {
  for (const { space, value, carriers } of states) {
    const key = `${space}:${value}`
    const uuids = carriers.map(({ attributeUuid }) => attributeUuid).sort()
    if (uuids.length === 0) into.delete(key)
    else into.set(key, uuids.join(' '))
  }
}

function addressesIn(states: StateReader): number {
  return Object.keys(contents(states)).filter((key) => key.startsWith('ip:')).length
}

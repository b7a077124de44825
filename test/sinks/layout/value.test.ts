import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatValue, type ValueOptions } from '../../../src/sinks/layout/value.js'
import type { Carrier } from '../../../src/sinks/sink.js'
import { fuzz } from '../../fuzz.js'
import { poison } from '../poisons.js'
import { carrier, NOW } from '../states.js'

const IDS: ValueOptions = { form: 'ids', nameSource: false, largest: 1_000_000 }
const NAMED: ValueOptions = { ...IDS, nameSource: true }
const JSON_FORM: ValueOptions = { ...IDS, form: 'json' }
const UUID = '00000000-0000-4000-8000-000000000001'

function ids(carriers: readonly Partial<Carrier>[], options = IDS): string {
  return formatValue(carriers.map(carrier), options).text
}

function json(carriers: readonly Partial<Carrier>[], options = JSON_FORM) {
  return JSON.parse(formatValue(carriers.map(carrier), options).text)
}

describe('ids', () => {
  it('is event and type, as MISP2memcached writes it', () => {
    expect(ids([{ eventId: '42', type: 'ip-dst|port' }])).toBe('42#ip-dst|port')
  })

  it('lists plain types before composite ones, each by rising event', () => {
    const carriers = [
      { eventId: '9', type: 'ip-src' },
      { eventId: '10', type: 'ip-dst' },
      { eventId: '2', type: 'domain|ip' },
      { eventId: '9', type: 'ip-dst' },
      { eventId: '1', type: 'ip-dst|port' },
    ]
    expect(ids(carriers)).toBe('9#ip-dst,9#ip-src,10#ip-dst,1#ip-dst|port,2#domain|ip')
    expect(ids(carriers.toReversed())).toBe(ids(carriers))
  })

  it('tells a thing once', () => {
    const same = { eventId: '7', type: 'ip-dst' }
    expect(ids([same, { ...same, attributeUuid: 'another' }, same])).toBe('7#ip-dst')
  })

  it('names the event of a feed by its uuid, behind the numbers', () => {
    expect(ids([{ eventId: '' }, { eventId: '7' }])).toBe(`7#ip-dst,${UUID}#ip-dst`)
  })

  it('names the source where there are several', () => {
    const carriers = [{ eventId: '7' }, { eventId: '7', source: 'a,b#c ü' }]
    expect(ids(carriers, NAMED)).toBe('7#ip-dst#abc ,7#ip-dst#main')
  })

  it('keeps the newest where not all have room', () => {
    const carriers = Array.from({ length: 100 }, (_, n) => carrier({ eventId: String(200 - n) }))
    const value = formatValue(carriers, { ...IDS, largest: 32 })
    expect(value).toEqual({ text: '198#ip-dst,199#ip-dst,200#ip-dst', cut: true })
    expect(formatValue(carriers, { ...IDS, largest: 31 }).text).toBe('199#ip-dst,200#ip-dst')
  })

  it('is printable ASCII whatever MISP sent, and splits into what was put together', () => {
    fc.assert(
      fc.property(fc.array(hostileCarrier(), { minLength: 1, maxLength: 5 }), (carriers) => {
        const { text } = formatValue(carriers, NAMED)
        expect(text).toMatch(/^[ -~]*$/)
        const pieces = text.split(',').map((piece) => piece.split('#'))
        expect(pieces.every((piece) => piece.length === 3)).toBe(true)
        const wanted = carriers.map((c) => [c.eventId || c.eventUuid, c.type, c.source].map(clean))
        expect(new Set(pieces.map(String))).toEqual(new Set(wanted.map(String)))
      }),
      fuzz(5000),
    )
  })

  function clean(text: string): string {
    return [...text].filter((char) => /[ -~]/.test(char) && char !== ',' && char !== '#').join('')
  }
})

describe('json', () => {
  it('tells what is known of an attribute', () => {
    const known = {
      eventId: '42',
      type: 'ip-dst|port',
      port: 443,
      firstSeen: NOW - 9,
      lastSeen: NOW,
    }
    expect(json([known])).toEqual([
      {
        event: '42',
        event_uuid: UUID,
        attribute: '00000000-0000-4000-9000-000000000001',
        type: 'ip-dst|port',
        port: 443,
        info: 'Scans of the example network',
        tags: ['tlp:green'],
        source: 'main',
        timestamp: NOW - 1000,
        first_seen: NOW - 9,
        last_seen: NOW,
      },
    ])
  })

  it('leaves out what is not there, and names the event of a feed by its uuid', () => {
    const [told] = json([{ eventId: '' }])
    expect(told.event).toBe(UUID)
    expect(Object.keys(told)).not.toEqual(expect.arrayContaining(['port']))
    expect(told).not.toHaveProperty('first_seen')
    expect(told).not.toHaveProperty('last_seen')
  })

  it('tells of the 20 newest, and how many more there are', () => {
    const told = json(Array.from({ length: 32 }, (_, n) => ({ eventId: String(n) })))
    expect(told).toHaveLength(21)
    expect(told[0].event).toBe('0')
    expect(told[19].event).toBe('19')
    expect(told[20]).toEqual({ more: 12 })
    expect(json(Array.from({ length: 20 }, () => ({})))).toHaveLength(20)
  })

  it('keeps long texts short', () => {
    const tags = Array.from({ length: 500 }, (_, n) => `${n}${'t'.repeat(1000)}`)
    const [told] = json([{ eventInfo: 'i'.repeat(10_000), tags }])
    expect(told.info).toHaveLength(256)
    expect(told.tags).toHaveLength(50)
    expect(told.tags[0]).toHaveLength(255)
  })

  it('leaves out the oldest where not all have room, then tags and info', () => {
    const carriers = Array.from({ length: 10 }, (_, n) => carrier({ eventId: String(n) }))
    const some = formatValue(carriers, { ...JSON_FORM, largest: 1000 })
    expect(some.cut).toBe(true)
    expect(some.text.length).toBeLessThanOrEqual(1000)
    const told = JSON.parse(some.text)
    expect(told.at(-1)).toEqual({ more: 10 - (told.length - 1) })
    const bare = JSON.parse(formatValue(carriers, { ...JSON_FORM, largest: 10 }).text)
    expect(bare).toMatchObject([{ event: '0', info: '', tags: [] }, { more: 9 }])
  })

  it('has no half characters', () => {
    const [told] = json([{ eventInfo: `\udc00${'i'.repeat(254)}\u{1f525}` }])
    expect(told.info).toBe(`\ufffd${'i'.repeat(254)}\ufffd`)
    expect(json([{ eventInfo: 'a \u{1f525} and \\ud83d' }])[0].info).toBe('a \u{1f525} and \\ud83d')
  })

  it('is printable ASCII whatever MISP sent, and gives it back', () => {
    fc.assert(
      fc.property(fc.array(hostileCarrier(), { minLength: 1, maxLength: 5 }), (carriers) => {
        const { text } = formatValue(carriers, JSON_FORM)
        expect(text).toMatch(/^[ -~]*$/)
        const told = JSON.parse(text)
        for (const [n, { type, source, tags }] of carriers.entries()) {
          const whole = [type, source, ...tags.map((tag) => tag.slice(0, 255))].map(wellFormed)
          expect([told[n].type, told[n].source, ...told[n].tags]).toEqual(whole)
        }
      }),
      fuzz(5000),
    )
  })

  function wellFormed(text: string): string {
    return text.replace(/\p{Surrogate}/gu, '\ufffd')
  }
})

function hostileCarrier(): fc.Arbitrary<Carrier> {
  const record = {
    eventId: fc.oneof(fc.constant(''), fc.nat().map(String), poison()),
    eventInfo: poison(),
    type: poison(),
    source: poison(),
    tags: fc.array(poison(), { maxLength: 3 }),
    port: fc.nat(65_535),
  }
  return fc.record(record).map((of) => carrier(of))
}

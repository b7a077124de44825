import { isIP } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ascii } from '../../../src/ascii.js'
import { indicatorOf, KINDS } from '../../../src/indicators/indicator.js'
import { normalise } from '../../../src/indicators/normalise.js'
import { MATCHABLE_TYPES } from '../../../src/indicators/types.js'
import { enrichmentsOf, eventLink } from '../../../src/match/logs/enrichment.js'
import type { Hit, StateCarrier } from '../../../src/match/logs/hit.js'
import { fuzz } from '../../fuzz.js'
import {
  CONFIDENCES,
  type EcsType,
  ENRICHMENT_FIELDS,
  INDICATOR_TYPES,
  MARKINGS,
} from './ecs-fields.js'

const CARRIER: StateCarrier = {
  eventId: '42',
  eventUuid: '5aaf1e18-3f1f-4f12-8327-dc2fb8c22302',
  eventInfo: 'Phishing',
  attributeUuid: 'f17e3c46-2e27-46e8-8a9b-6aedf7188b7a',
  type: 'ip-dst',
  port: 0,
  tags: ['tlp:amber', 'misp:confidence-level="fairly-confident"'],
  threatLevel: 2,
  source: 'main',
  timestamp: 1_790_000_000,
  firstSeen: 1_780_000_000,
  lastSeen: null,
  liveSince: 1_790_000_000,
}

const OPTIONS = {
  occurred: '2026-11-22T01:02:03.004Z',
  link: eventLink({ main: 'https://misp.example.org/' }),
}

function hit(kind: string, value: string, carrier: Partial<StateCarrier> = {}): Hit {
  const carriers = [{ ...CARRIER, ...carrier }]
  return { field: 'a.b', observable: 'seen', indicator: { kind, value }, via: 'exact', carriers }
}

/** As it is written. */
function told(kind: string, value: string, carrier: Partial<StateCarrier> = {}): unknown {
  return JSON.parse(JSON.stringify(enrichmentsOf([hit(kind, value, carrier)], OPTIONS)[0]))
}

describe('an enrichment', () => {
  it('tells the indicator, where it comes from, and what it met', () => {
    expect(told('ip-port', '192.0.2.9|8443')).toEqual({
      indicator: {
        type: 'ipv4-addr',
        ip: '192.0.2.9',
        port: 8443,
        name: '192.0.2.9|8443',
        description: 'Phishing',
        provider: 'main',
        reference: 'https://misp.example.org/events/view/42',
        confidence: 'Medium',
        marking: { tlp: 'AMBER' },
        first_seen: '2026-05-28T20:26:40.000Z',
        modified_at: '2026-09-21T14:13:20.000Z',
      },
      matched: {
        atomic: 'seen',
        field: 'a.b',
        id: CARRIER.attributeUuid,
        index: 'main',
        occurred: '2026-11-22T01:02:03.004Z',
        type: 'indicator_match_rule',
      },
    })
  })

  it('a net never lands in a field for addresses; IPv6 is ipv6-addr', () => {
    expect(told('net', '198.51.100.0/24')).toMatchObject({
      indicator: { type: 'ipv4-addr', name: '198.51.100.0/24' },
    })
    expect(told('net', '198.51.100.0/24')).not.toHaveProperty('indicator.ip')
    expect(told('net', '2001:db8::/32')).toMatchObject({ indicator: { type: 'ipv6-addr' } })
    expect(told('ip', '2001:db8::1')).toMatchObject({
      indicator: { type: 'ipv6-addr', ip: '2001:db8::1' },
    })
  })

  it('links to the event by its uuid where a feed has no number, and not where nobody knows where', () => {
    expect(told('ip', '192.0.2.1', { eventId: '' })).toMatchObject({
      indicator: { reference: `https://misp.example.org/events/view/${CARRIER.eventUuid}` },
    })
    expect(told('ip', '192.0.2.1', { source: 'feed' })).not.toHaveProperty('indicator.reference')
    expect(told('ip', '192.0.2.1', { source: 'constructor' })).not.toHaveProperty(
      'indicator.reference',
    )
  })

  it('tells no TLP where no tag says one', () => {
    expect(told('ip', '192.0.2.1', { tags: [] })).not.toHaveProperty('indicator.marking')
    expect(told('ip', '192.0.2.1', { tags: ['TLP:White', 'tlp:red'] })).toMatchObject({
      indicator: { marking: { tlp: 'RED' }, confidence: 'Not Specified' },
    })
  })

  it('holds nothing that ECS has no field for, whatever the indicator and its event (M21)', () => {
    const carrier = fc.record({
      eventInfo: fc.string({ unit: 'binary' }),
      tags: fc.array(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('tlp:green', 'TLP:x')),
      ),
      timestamp: fc.integer(),
      firstSeen: fc.option(fc.maxSafeInteger()),
      source: fc.string(),
      eventId: fc.string(),
    })
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...VALUES))
    fc.assert(
      fc.property(fc.constantFrom(...MATCHABLE_TYPES), value, carrier, (type, value, more) => {
        const normal = normalise(type, value)
        const indicators = normal.ok ? normal.meanings.map(indicatorOf) : [{ kind: 'mutex', value }]
        for (const { kind, value } of indicators) {
          const text = ascii(told(kind, value, more as Partial<StateCarrier>))
          expect(text).toMatch(/^[ -~]*$/)
          checkFields(JSON.parse(text), '')
        }
      }),
      fuzz(20_000),
    )
  })

  it('knows a type of ECS for every kind', () => {
    for (const kind of KINDS) {
      expect(INDICATOR_TYPES).toContain(
        (
          told(kind, kind === 'ip-port' ? '192.0.2.1|1' : '192.0.2.1') as {
            indicator: { type: string }
          }
        ).indicator.type,
      )
    }
  })
})

const VALUES = [
  ...['192.0.2.1', '2001:db8::/32', '198.51.100.0/24', '192.0.2.1|443', 'evil.example'],
  ...['https://evil.example:8443/a/b?c=d', 'http://[2001:db8::1]/', 'tcp://evil.example:99/'],
  ...['d41d8cd98f00b204e9800998ecf84270', 'a'.repeat(64), 'x|'.concat('b'.repeat(40))],
  ...['eve@evil.example', 'HKLM\\Software\\Evil', '00:00:5e:00:53:01', 'evil.example/x'],
]

function checkFields(value: unknown, name: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    for (const [key, inner] of Object.entries(value)) {
      checkFields(inner, name === '' ? key : `${name}.${key}`)
    }
    return
  }
  const type = ENRICHMENT_FIELDS.get(name)
  if (type === undefined) throw new Error(`${name} is no field of ECS`)
  expect(CHECKS[type](value), `${name}: ${JSON.stringify(value)}`).toBe(true)
  if (name === 'indicator.type') expect(INDICATOR_TYPES).toContain(value)
  if (name === 'indicator.confidence') expect(CONFIDENCES).toContain(value)
  if (name === 'indicator.marking.tlp') expect(MARKINGS).toContain(value)
}

const CHECKS: Readonly<Record<EcsType, (value: unknown) => boolean>> = {
  ip: (value) => typeof value === 'string' && isIP(value) > 0,
  long: (value) => Number.isSafeInteger(value),
  date: (value) => typeof value === 'string' && /^[+-]?\d{4,6}-\d\d-\d\dT[\d:.]+Z$/.test(value),
  keyword: (value) => typeof value === 'string',
  wildcard: (value) => typeof value === 'string',
}

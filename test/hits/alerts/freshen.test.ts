/** What a message still tells when it is sent, against a real ledger. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Meeting, Sight, SightEvent } from '../../../src/hits/alerts/alert.js'
import { freshened } from '../../../src/hits/alerts/freshen.js'
import { AttributeReader } from '../../../src/ledger/attributes.js'
import { attribute, event, meaning, pullInto } from '../../ledger/rows.js'
import { KnownLedger } from '../../match/ledger.js'
import { alertOf, eventOf, sightOf } from './facts.js'

let ledger: KnownLedger
let marked: Set<string>
let now = 1000

beforeEach(() => {
  ledger = new KnownLedger()
  marked = new Set()
  now = 1000
})
afterEach(() => ledger.close())

/** The event with these attributes, and no others. */
function pull(attributes: readonly { uuid: string; tags?: string[]; held?: boolean }[], tags = []) {
  now += 1000
  pullInto(ledger.writer, {
    source: 1,
    now,
    events: [event('e', { timestamp: now, tags })],
    attributes: attributes.map(({ uuid, tags = [], held }) =>
      attribute('e', uuid, `${uuid}.example`, {
        tags,
        meanings: [meaning(`${uuid}.example`, held ? { heldRule: 'tlp', heldWhy: 'is held' } : {})],
      }),
    ),
  })
}

const of = (uuid: string, facts: Partial<SightEvent> = {}) =>
  eventOf({ uuid: 'e', attribute: { uuid, type: 'domain' }, hit: `log-${uuid}`, ...facts })

function present(...sights: Sight[]) {
  const isFalse = (hit: string) => marked.has(hit)
  return freshened(alertOf({ sights }), { ledger: new AttributeReader(ledger.db), isFalse })
}

/** What is left of each sight. */
const left = (...sights: Sight[]) =>
  present(...sights)?.sights.map(({ events }) => events.map(({ attribute: { uuid } }) => uuid))

describe('a message that was waiting', () => {
  it('tells no more of what was revoked or is held by now, and is none when nothing is left', () => {
    pull([{ uuid: 'a' }, { uuid: 'b' }, { uuid: 'c', held: true }])
    const all = [sightOf({ events: [of('a'), of('b')] }), sightOf({ events: [of('c')] })]
    expect(left(...all)).toEqual([['a', 'b']])
    pull([{ uuid: 'b' }])
    expect(left(...all)).toEqual([['b']])
    pull([{ uuid: 'd' }])
    expect(present(...all)).toBeNull()
  })

  it('tells on of what a source brought that the ledger has nothing to say about', () => {
    pull([{ uuid: 'a' }])
    expect(left(sightOf({ events: [of('x', { source: 'other.example' })] }))).toEqual([['x']])
    expect(left(sightOf({ events: [of('x')] }))).toBeUndefined()
  })

  it('has the stricter TLP of what was known and what is', () => {
    const tlpOf = (before: SightEvent['tlp'], ...tags: string[]) => {
      pull([{ uuid: 'a', tags }])
      return present(sightOf({ events: [of('a', { tlp: before })] }))?.sights[0]?.events[0]?.tlp
    }
    expect(tlpOf('green', 'tlp:red')).toBe('red')
    expect(tlpOf('red', 'tlp:green')).toBe('red')
    expect(tlpOf('amber')).toBe('amber')
    expect(tlpOf(null, 'tlp:amber')).toBe('amber')
    expect(tlpOf(null)).toBeNull()
  })

  it('tells no more of a hit that was called false, unless there are others behind it', () => {
    pull([{ uuid: 'a' }, { uuid: 'b' }])
    marked.add('log-a')
    expect(left(sightOf({ events: [of('a'), of('b')] }))).toEqual([['b']])
    expect(present(sightOf({ events: [of('a')] }))).toBeNull()
    expect(left(sightOf({ events: [of('a')], count: 2 }))).toEqual([['a']])
  })

  it('of several meetings tells those that were not called false, and is none when all were', () => {
    pull([{ uuid: 'a' }, { uuid: 'b' }])
    const met = (label: string, hits: Record<string, string>): Meeting => ({
      ...{
        inside: '192.0.2.40',
        network: 'campus',
        field: 'dns.rrname',
        observable: `${label}.example`,
      },
      ...{ label, first: 1, last: 2 },
      hits: Object.entries(hits).map(([attribute, id]) => ({ id, attribute })),
    })
    const events = [of('a', { hit: 'log-3' }), of('b', { hit: 'log-4' })]
    const meetings = [
      met('newest', { a: 'log-3', b: 'log-4' }),
      met('older', { a: 'log-2' }),
      met('oldest', { a: 'log-1' }),
    ]
    const sight = sightOf({ events, meetings, count: 3, hit: 'log-3', label: 'newest' })
    const told = () => present(sight)?.sights[0]
    marked.add('log-2')
    expect(told()).toMatchObject({ count: 2, label: 'newest', hit: 'log-3', events })
    for (const hit of ['log-3', 'log-4']) marked.add(hit)
    expect(told()).toMatchObject({
      ...{ count: 1, label: 'oldest', observable: 'oldest.example', hit: 'log-1' },
      events: [{ attribute: { uuid: 'a' }, hit: 'log-1' }],
    })
    expect(told()?.events).toHaveLength(1)
    marked.add('log-1')
    expect(told()).toBeUndefined()
    // A fourth, that is only counted, may be real.
    expect(present({ ...sight, count: 4 })?.sights[0]).toMatchObject({ count: 1, label: 'newest' })
  })

  it('of a digest stays while there are sights that are only counted', () => {
    pull([{ uuid: 'b' }])
    const alert = alertOf({ kind: 'digest', sights: [sightOf({ events: [of('a')] })], more: 3 })
    const reader = new AttributeReader(ledger.db)
    const here = { ledger: reader, isFalse: () => false }
    expect(freshened(alert, here)).toMatchObject({ sights: [], more: 3 })
  })

  it('without indicators, and before there is a ledger, stays as it was', () => {
    const none = { ledger: null, isFalse: () => false }
    expect(freshened(alertOf(), none)).toEqual(alertOf())
    const flood = alertOf({ kind: 'flood', sights: [], limit: 60 })
    expect(freshened(flood, none)).toEqual(flood)
  })
})

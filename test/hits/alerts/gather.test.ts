/** Which hits concern a channel, and which are one sight. */
import { describe, expect, it } from 'vitest'
import { pairOf } from '../../../src/hits/alerts/alert.js'
import { gather, merged, type Route } from '../../../src/hits/alerts/gather.js'
import type { Hit } from '../../../src/hits/hit.js'
import { eventOf, hitOf, NOW, sightOf } from './facts.js'

const AROUND = {
  networkOf: (address: string) => (address.startsWith('192.0.2.') ? 'campus' : ''),
  tagsOf: ({ event }: Hit) => (event.id === '1' ? ['APT:one', 'tlp:green'] : ['phishing']),
}

function gathered(hits: readonly Hit[], route: Partial<Route> = {}) {
  return [...gather(hits, { per: 'inside', ...route }, AROUND).values()]
}

/** Each is another hit. */
function hitsOf(...facts: readonly Partial<Hit>[]): Hit[] {
  return facts.map((each, n) => hitOf({ id: `log-${String(n).padStart(16, '0')}`, ...each }))
}

const host = (address: string, network: string | null = null) => ({ inside: { address, network } })

describe('a channel hears', () => {
  it('of nothing stale, and of nothing that was called false', () => {
    const falsePositive = { at: NOW, by: 'kim', why: '' }
    expect(gathered(hitsOf({ stale: true }, { falsePositive }))).toEqual([])
    expect(gathered(hitsOf({ stale: true }, {}, { falsePositive }))).toMatchObject([{ count: 1 }])
  })

  it('of its networks, by name, whether hit or config told it', () => {
    const hits = hitsOf(host('192.0.2.1'), host('198.51.100.1'), host('x', 'lab'), { inside: null })
    const told = (...networks: string[]) =>
      gathered(hits, { networks }).map(({ inside, network }) => `${inside} in ${network}`)
    expect(told('campus')).toEqual(['192.0.2.1 in campus'])
    expect(told('lab', 'campus')).toEqual(['192.0.2.1 in campus', 'x in lab'])
    expect(told('nowhere')).toEqual([])
  })

  it('of its kinds', () => {
    const hits = hitsOf({}, { indicator: { kind: 'ip', value: '198.51.100.1' } })
    expect(gathered(hits, { kinds: ['ip', 'url'] })).toMatchObject([{ indicator: { kind: 'ip' } }])
  })

  it('of its tags, of attribute or event, without regard to case, `%` at the end for the rest', () => {
    const hits = hitsOf({ event: { ...hitOf().event, id: '1' } })
    const isTold = (...tags: string[]) => gathered(hits, { tags }).length === 1
    for (const tag of ['apt:one', 'APT:%', 'apt:ONE%', '%']) expect(isTold(tag), tag).toBe(true)
    for (const tag of ['apt', 'apt:two', 'pt:%', 'a%e', 'phishing']) {
      expect(isTold(tag), tag).toBe(false)
    }
    expect(isTold('apt:two', 'tlp:green')).toBe(true)
  })
})

describe('one sight', () => {
  it('is an indicator and an address, or a network where the channel says so', () => {
    const hits = hitsOf(
      { ...host('192.0.2.1'), label: 'a' },
      { ...host('192.0.2.2'), label: 'b' },
      { ...host('192.0.2.1'), label: 'c', indicator: { kind: 'domain', value: 'other.example' } },
    )
    expect(gathered(hits).map(({ count }) => count)).toEqual([1, 1, 1])
    const perNetwork = gathered(hits, { per: 'network' })
    expect(perNetwork.map(({ indicator, count }) => [indicator.value, count])).toEqual([
      ['webmail-update.example', 2],
      ['other.example', 1],
    ])
  })

  it('counts a meeting once, however many attributes it is a hit on, and names them all', () => {
    const attribute = (uuid: string) => ({ attribute: { uuid, type: 'domain' } })
    const [sight, ...none] = gathered(hitsOf(attribute('a'), attribute('b'), attribute('c')))
    expect(none).toEqual([])
    expect(sight).toMatchObject({ count: 1, events: { length: 3 } })
    expect(new Set(sight?.events.map(({ hit }) => hit)).size).toBe(3)
  })

  it('counts a hit once that came twice', () => {
    const [hit] = hitsOf({})
    expect(gathered([hit!, hit!])).toMatchObject([{ count: 1 }])
  })

  it('tells of the newest hit, from the first to the last, and is of the past only if all are', () => {
    const at = (ms: number, way: Hit['way'], label: string) => ({ first: ms, last: ms, way, label })
    const hits = hitsOf(at(3, 'backscan', 'c'), at(9, 'live', 'i'), at(5, 'backscan', 'e'))
    const [sight] = gathered(hits)
    expect(sight).toMatchObject({ first: 3, last: 9, label: 'i', count: 3, backscan: false })
    expect(sight?.hit).toBe(hits[1]?.id)
    expect(gathered(hitsOf(at(3, 'backscan', 'c')))).toMatchObject([{ backscan: true }])
  })

  it('keeps the newest of very many attributes', () => {
    const many = (from: number) =>
      Array.from({ length: 40 }, (_, n) =>
        eventOf({ attribute: { uuid: `a${from + n}`, type: 'domain' } }),
      )
    const one = sightOf({ last: 1, events: many(0) })
    const other = sightOf({ last: 2, events: many(40) })
    for (const both of [merged(one, other), merged(other, one)]) {
      expect(both.events).toHaveLength(50)
      expect(both.events.slice(0, 40)).toEqual(other.events)
    }
  })
})

describe('a pair', () => {
  it('is another one for whatever differs, however its texts are put together', () => {
    const pairs = [
      sightOf(),
      sightOf({ indicator: { kind: 'ip', value: 'webmail-update.example' } }),
      sightOf({ inside: '192.0.2.41' }),
      sightOf({ inside: '' }),
      sightOf({ inside: '', network: 'lab' }),
      sightOf({ indicator: { kind: 'domain', value: 'webmail-update.example","inside' } }),
    ].map((sight) => pairOf(sight, 'inside'))
    expect(new Set(pairs).size).toBe(pairs.length)
    expect(pairOf(sightOf({ inside: 'a' }), 'network')).toBe(
      pairOf(sightOf({ inside: 'b' }), 'network'),
    )
  })
})

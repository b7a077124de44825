import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { explain } from '../../src/match/explain.js'
import { ALL_NET_LENGTHS, liveNetLengths, lookup } from '../../src/match/lookup.js'
import { KnownLedger } from './ledger.js'

let ledger: KnownLedger

beforeEach(() => {
  ledger = new KnownLedger()
})

afterEach(() => ledger.close())

/** `via kind-of-key:value state` of all that is found. */
function found(value: string, lengths = liveNetLengths(ledger.db)): string[] {
  return lookup(ledger.db, value, lengths).found.map(
    ({ via, state, indicator }) => `${via} ${indicator.space}:${indicator.value} ${state}`,
  )
}

describe('lookup', () => {
  it('finds an address itself and the nets around it, the narrowest first', () => {
    ledger.pull('e1', [
      { type: 'ip-dst', value: '198.51.100.77' },
      { type: 'ip-dst', value: '198.51.0.0/16' },
      { type: 'ip-dst', value: '198.51.100.64/28' },
      { type: 'ip-dst', value: '198.51.100.0/28' },
      { type: 'ip-dst', value: '2001:db8::/32' },
    ])
    expect(found('198.51.100.77')).toEqual([
      'exact ip:198.51.100.77 live',
      'net net:198.51.100.64/28 live',
      'net net:198.51.0.0/16 live',
    ])
    expect(found('2001:DB8:1::7')).toEqual(['net net:2001:db8::/32 live'])
    expect(found('198.51.100.64/28')).toEqual([
      'exact net:198.51.100.64/28 live',
      'net net:198.51.0.0/16 live',
    ])
    expect(found('203.0.113.1')).toEqual([])
  })

  it('finds a name, the domains above it, and not the host names there', () => {
    ledger.pull('e1', [
      { type: 'domain', value: 'evil.example' },
      { type: 'hostname', value: 'a.evil.example' },
    ])
    expect(found('b.a.evil.example')).toEqual(['name domain:evil.example live'])
    expect(found('A.Evil[.]example')).toEqual([
      'exact hostname:a.evil.example live',
      'name domain:evil.example live',
    ])
  })

  it('finds a URL, and the host it is on', () => {
    ledger.pull('e1', [
      { type: 'url', value: 'http://evil.example/gate' },
      { type: 'domain', value: 'evil.example' },
      { type: 'ip-dst', value: '192.0.2.1' },
    ])
    expect(found('hxxp://evil.example/gate')).toEqual([
      'exact url:http://evil.example/gate live',
      'name domain:evil.example live',
    ])
    expect(found('http://192.0.2.1:8080/x')).toEqual(['name ip:192.0.2.1 live'])
  })

  it('drops an indicator whose port is another one', () => {
    ledger.pull('e1', [{ type: 'ip-dst|port', value: '192.0.2.1|443' }])
    expect(found('192.0.2.1:443')).toHaveLength(1)
    expect(found('192.0.2.1')).toHaveLength(1)
    expect(found('192.0.2.1:80')).toEqual([])
  })

  it('tells the best state of all that is found', () => {
    ledger.pull('e1', [
      { type: 'ip-dst', value: '10.0.0.0/8', held: 'wide-net' },
      { type: 'ip-dst', value: '10.0.0.1', held: 'special-address' },
      { type: 'domain', value: 'evil.example', held: 'tlp' },
      { type: 'hostname', value: 'a.evil.example' },
    ])
    const state = (value: string) => lookup(ledger.db, value, ALL_NET_LENGTHS).state
    expect(state('10.0.0.1')).toBe('held')
    expect(found('10.0.0.1', ALL_NET_LENGTHS)).toEqual([
      'exact ip:10.0.0.1 held',
      'net net:10.0.0.0/8 held',
    ])
    expect(state('a.evil.example')).toBe('live')
    expect(state('b.evil.example')).toBe('held')
    expect(state('other.example')).toBe('unknown')
  })
})

describe('explain', () => {
  it('remembers what was live, since when and why not any more', () => {
    ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }], 2000)
    ledger.pull('e1', [], 3000)
    ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }], 4000)
    expect(explain(ledger.db, '192.0.2.1')).toMatchObject({
      state: 'live',
      found: [
        { indicator: { liveSince: 4000, history: [{ from: 2000, until: 3000, why: 'absent' }] } },
      ],
    })
    ledger.pull('e1', [], 5000)
    expect(explain(ledger.db, '192.0.2.1')).toMatchObject({
      state: 'revoked',
      found: [{ indicator: { carriers: [], history: [{}, { from: 4000, until: 5000 }] } }],
    })
  })

  it('tells what was set aside, by its raw value', () => {
    ledger.pull('e1', [{ type: 'ip-dst', value: '198.51.100.300' }])
    expect(explain(ledger.db, '198.51.100.300')).toMatchObject({
      state: 'set_aside',
      setAside: [{ type: 'ip-dst', reason: expect.any(String) }],
    })
  })

  it('tells the holds on the value itself', () => {
    const targets = [{ space: 'domain', value: 'evil.example', port: 0 }]
    const hold = { target: 'x', targets, event: null, author: 'alice', why: 'y', until: null }
    ledger.writer.addHold({ hold, now: 2000 })
    expect(explain(ledger.db, 'evil.example').holds).toMatchObject([{ author: 'alice' }])
    expect(explain(ledger.db, 'a.evil.example').holds).toEqual([])
  })
})

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { KnownLedger } from '../ledger.js'
import { matcherOf, type TestMatcher } from './logs.js'

let ledger: KnownLedger
let open: TestMatcher

beforeEach(() => {
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
  open = matcherOf(ledger)
})

afterEach(() => {
  open.close()
  ledger.close()
})

const meets = (ip: string) => open.hits({ source: { ip } }).length > 0

describe('following the ledger', () => {
  it('a new indicator takes effect, also the first of its space (M17)', () => {
    ledger.pull('e2', [
      { type: 'ip-dst', value: '192.0.2.2' },
      { type: 'domain', value: 'evil.example' },
      { type: 'ip-dst', value: '198.51.100.0/24' },
      { type: 'sha1', value: 'b'.repeat(40) },
    ])
    expect(meets('192.0.2.2')).toBe(false)
    open.follow()
    expect(meets('192.0.2.2')).toBe(true)
    expect(meets('198.51.100.77')).toBe(true)
    expect(open.hits({ file: { hash: { sha1: 'B'.repeat(40) } } })).toHaveLength(1)
    expect(open.hits({ dns: { question: { name: 'a.evil.example' } } })).toHaveLength(1)
  })

  it('a revoked one stops, and one that comes back starts (M18)', () => {
    expect(meets('192.0.2.1')).toBe(true)
    ledger.pull('e1', [])
    open.follow()
    expect(open.enrich('{"source":{"ip":"192.0.2.1"}}')).toEqual(['{"source":{"ip":"192.0.2.1"}}'])
    ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
    open.follow()
    expect(meets('192.0.2.1')).toBe(true)
  })

  it('where the log was pruned it reads all anew (M19)', () => {
    ledger.pull('e2', [{ type: 'ip-dst', value: '192.0.2.2' }])
    ledger.writer.prune({ sinks: [], historyBefore: 0 })
    const before = open.index.shared
    open.follow()
    expect(open.index.shared).not.toBe(before)
    expect(meets('192.0.2.2')).toBe(true)
  })

  it('grows beyond the room it began with (M20)', () => {
    const many = Array.from({ length: 3000 }, (_, n) => ({
      type: 'ip-dst',
      value: `2001:db8::${n.toString(16)}`,
    }))
    ledger.pull('e2', many)
    open.follow()
    const missing = many.filter(({ value }) => !meets(value))
    expect(missing).toEqual([])
  })
})

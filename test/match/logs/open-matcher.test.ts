import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LedgerError, type Matcher, openMatcher } from '../../../src/index.js'
import { KnownLedger } from '../ledger.js'

let ledger: KnownLedger
let matcher: Matcher

beforeEach(() => {
  ledger = new KnownLedger()
  ledger.pull('e1', [{ type: 'ip-dst', value: '192.0.2.1' }])
  matcher = openMatcher({ dataDir: ledger.folder, references: { main: 'https://misp.example' } })
})

afterEach(() => {
  matcher.close()
  ledger.close()
})

describe('openMatcher', () => {
  it('tells what a document hits', () => {
    expect(matcher.match({ source: { ip: '192.0.2.1' } })).toMatchObject([
      {
        field: 'source.ip',
        observable: '192.0.2.1',
        indicator: { kind: 'ip', value: '192.0.2.1' },
        via: 'exact',
        carriers: [{ eventInfo: 'about e1', type: 'ip-dst', source: 'main' }],
      },
    ])
    expect(matcher.match({ source: { ip: '192.0.2.2' } })).toEqual([])
  })

  it('enriches a line, and only one that hits', () => {
    const line = matcher.enrich('{"source.ip":"192.0.2.1"}')!.toString()
    expect(JSON.parse(line)).toMatchObject({
      'source.ip': '192.0.2.1',
      threat: { enrichments: [{ indicator: { reference: 'https://misp.example/events/view/1' } }] },
    })
    for (const line of [
      '{"source.ip":"192.0.2.2"}',
      'no JSON',
      '',
      '[]',
      '{"a":1}\n{"source.ip":"192.0.2.1"}',
    ]) {
      expect(matcher.enrich(line)).toBeNull()
      expect(matcher.enrich(Buffer.from(line))).toBeNull()
    }
    expect(matcher.enrich(`{"source.ip":"192.0.2.1","a":"${'x'.repeat(1 << 20)}"}`)).toBeNull()
  })

  it('follows the ledger once it can, also when nothing more is written to it', async () => {
    // The first domain: all keys are loaded anew.
    ledger.pull('e2', [{ type: 'domain', value: 'evil.example' }])
    await sleep(1100)
    const memory = vi.spyOn(WebAssembly, 'Memory').mockImplementationOnce(() => {
      throw new RangeError('could not allocate memory')
    })
    const line = { url: { domain: 'evil.example' } }
    expect(() => matcher.match(line)).toThrow('could not allocate memory')
    memory.mockRestore()
    await sleep(1100)
    expect(matcher.match(line)).toHaveLength(1)
  })

  it('follows the ledger by itself', async () => {
    const before = matcher.seq
    ledger.pull('e2', [{ type: 'ip-dst', value: '192.0.2.2' }])
    ledger.pull('e1', [])
    await sleep(1100)
    expect(matcher.match({ source: { ip: '192.0.2.2' } })).toHaveLength(1)
    expect(matcher.match({ source: { ip: '192.0.2.1' } })).toEqual([])
    expect(matcher.seq).toBeGreaterThan(before)
  })

  it('says so where there is no ledger', () => {
    expect(() => openMatcher({ dataDir: `${ledger.folder}/none` })).toThrow(LedgerError)
  })
})

/**
 * Many lookups on one connection, which ask the ledger only of what it may know, against `lookup`, which
 * asks it of everything: whatever is asked, and whatever happens to the ledger meanwhile.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lookupDocument } from '../../src/match/documents.js'
import { Lookups, liveNetLengths, lookup } from '../../src/match/lookup.js'
import { fuzz } from '../fuzz.js'
import { hostileText } from '../indicators/hostile.js'
import { type Given, KnownLedger } from './ledger.js'

const GIVEN: readonly Given[] = [
  { type: 'ip-dst', value: '198.51.100.7' },
  { type: 'ip-dst|port', value: '198.51.100.7|443' },
  { type: 'ip-dst|port', value: '198.51.100.7|8443' },
  { type: 'ip-dst', value: '198.51.100.0/24' },
  { type: 'ip-dst', value: '198.51.0.0/16' },
  { type: 'ip-dst', value: '2001:db8::7' },
  { type: 'ip-dst', value: '2001:db8::/32' },
  { type: 'domain', value: 'evil.example' },
  { type: 'domain', value: 'b.evil.example', held: 'tlp' },
  { type: 'hostname', value: 'a.evil.example' },
  { type: 'hostname', value: 'bücher.example' },
  { type: 'url', value: 'http://evil.example/gate.php?id=1' },
  { type: 'url', value: 'http://evil.example/é#x' },
  { type: 'email-src', value: 'bad@evil.example' },
  { type: 'sha256', value: 'ab'.repeat(32) },
  { type: 'filename|md5', value: `drop per.exe|${'cd'.repeat(16)}` },
  { type: 'user-agent', value: 'Mozilla/4.0 (évil)' },
  { type: 'mutex', value: 'Global\\evil' },
]

const ASKED: readonly string[] = [
  ...GIVEN.map(({ value }) => value),
  ...['198.51.100.8', '198.51.7.7', '203.0.113.1', '198.51.100.7:443', '198.51.100.7:80'],
  ...['198.51.100.64/28', '2001:db8:1::1', '::ffff:198.51.100.9', '2001:db9::1'],
  ...['x.a.evil.example', 'x.b.evil.example', 'www.good.example', 'hxxp://www.evil[.]example/x'],
  ...['http://198.51.100.9:8080/x', 'BAD[at]evil.example', 'C:\\temp\\drop per.exe', '\ud800'],
]

let ledger: KnownLedger
let lookups: Lookups
/** Milliseconds. */
let now: number

beforeEach(() => {
  ledger = new KnownLedger()
  now = 0
  lookups = new Lookups(ledger.db, () => now)
})
afterEach(() => {
  lookups.close()
  ledger.close()
})

/** As somebody who asks a second later. */
function follow(): void {
  now += 1000
  lookups.follow()
}

function expectSame(values: readonly string[]): void {
  const lengths = liveNetLengths(ledger.db)
  for (const value of values) {
    const one = lookup(ledger.db, value, lengths)
    expect(lookupDocument(lookups.of(value))).toEqual(lookupDocument(one))
  }
}

describe('lookups', () => {
  it('answer as a single one does, whatever is asked', () => {
    ledger.pull('e1', GIVEN)
    follow()
    expectSame(ASKED)
    fc.assert(
      fc.property(hostileText, (text) => expectSame([text])),
      fuzz(2000),
    )
  })

  type Step = (ledger: KnownLedger, at: number) => void
  const some = fc.subarray([...GIVEN])
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(fc.constantFrom('e1', 'e2', 'e3'), some).map(pulled) },
    some.map((given) => (to: KnownLedger) => to.stage(given)),
    some.map(
      ([first]) =>
        (to: KnownLedger, at: number) =>
          first && hold(to, first, at),
    ),
    fc.constant(
      (to: KnownLedger, at: number) => void to.writer.prune({ sinks: [], historyBefore: at }),
    ),
  )

  function pulled([name, given]: [string, Given[]]): Step {
    return (to, at) => to.pull(name, given, at)
  }

  function hold(to: KnownLedger, { value }: Given, at: number): void {
    const targets = [{ space: 'ip', value, port: 0 }]
    const hold = { target: value, targets, event: null, author: 'alice', why: 'y', until: null }
    to.writer.addHold({ hold, now: at })
  }

  it('answer as a single one does, whatever has happened to the ledger', () => {
    const steps = fc.array(step, { maxLength: 12 })
    fc.assert(
      fc.property(steps, (steps) => {
        const ledger = new KnownLedger()
        const lookups = new Lookups(ledger.db, () => now)
        try {
          for (const [n, step] of steps.entries()) {
            step(ledger, 2000 + n)
            now += 1000
            lookups.follow()
            const lengths = liveNetLengths(ledger.db)
            for (const value of ASKED) {
              const one = lookup(ledger.db, value, lengths)
              expect(lookupDocument(lookups.of(value))).toEqual(lookupDocument(one))
            }
          }
        } finally {
          lookups.close()
          ledger.close()
        }
      }),
      fuzz(100),
    )
  })

  it('answer from the first moment on, while the keys of a large ledger are still being read', async () => {
    const many = Array.from({ length: 6000 }, (_, n) => ({
      type: 'domain',
      value: `d${n}.example`,
    }))
    ledger.pull('e1', many)
    const asked = ['d0.example', 'x.d5999.example', 'd6000.example']
    follow()
    expectSame(asked)
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    expectSame(asked)
    ledger.pull('e2', [
      ...GIVEN,
      ...many.map(({ value }) => ({ type: 'url', value: `http://${value}/` })),
    ])
    follow()
    expectSame([...asked, ...ASKED, 'http://d5999.example/'])
  })

  it('see what another process has written', async () => {
    const main = fileURLToPath(new URL('../../.build/test/match/pull-main.js', import.meta.url))
    const child = spawn(process.execPath, [main, ledger.folder], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    try {
      for (const [n, each] of GIVEN.entries()) {
        follow()
        child.stdin.write(`${JSON.stringify({ event: `e${n % 3}`, given: [each] })}\n`)
        await once(child.stdout, 'data')
        follow()
        expectSame(ASKED)
      }
      expect(lookups.of('Global\\evil').state).toBe('live')
      expect(lookups.of('198.51.100.7').state).not.toBe('unknown')
    } finally {
      child.kill()
      await once(child, 'close')
    }
  })
})

/** States of every kind of indicator, as many as wanted, each another. */
import { createHash } from 'node:crypto'
import type { Space } from '../../../src/indicators/indicator.js'
import { MATCHABLE } from '../../../src/indicators/matchable.js'
import type { KeyState } from '../../../src/sinks/sink.js'
import { carrier, NOW } from '../states.js'

const SPACES: readonly Space[] = [
  ...new Set(MATCHABLE.flatMap(({ halves }) => halves.map(({ space }) => space))),
]

const HEX: Readonly<Record<string, number>> = { md5: 32, sha1: 40, sha256: 64, sha512: 128 }

const VALUES: Readonly<Record<string, (n: number) => string>> = {
  ip: (n) => (n % 3 === 0 ? `2001:db8::${n.toString(16)}` : `11.${octets(n)}`),
  net: (n) =>
    n % 2 === 0
      ? `10.${octets(n * 256).replace(/\d+$/, '0')}/24`
      : `2001:db8:${n.toString(16)}::/48`,
  domain: (n) => `d${n}.evil.example`,
  hostname: (n) => `h${n}.evil.example`,
  email: (n) => `a${n}@evil.example`,
  url: (n) => `http://evil.example/${'a'.repeat(n % 7 === 0 ? 300 : n % 90)}/${n}?q=%20`,
  'user-agent': (n) => `Evil Browser ${n}.0 (X11; ${'x'.repeat(n % 120)})`,
  regkey: (n) => `HKLM\\Software\\Evil ${n}`,
}

/** The state number `n`; `events` carry it. */
export function stateOf(n: number, events: readonly string[] = [String(1 + (n % 500))]): KeyState {
  const space = SPACES[n % SPACES.length]!
  const value = (VALUES[space] ?? ((id) => `${space}-${id}`))(n)
  const sized = HEX[space]
  const carriers = events.map((eventId, at) =>
    carrier({ eventId, type: space, timestamp: NOW - 1000 - at }),
  )
  return {
    space,
    value:
      sized === undefined
        ? value
        : createHash('sha512').update(value).digest('hex').slice(0, sized),
    carriers,
  }
}

export function statesOf(count: number, from = 0): KeyState[] {
  return Array.from({ length: count }, (_, n) => stateOf(from + n))
}

function octets(n: number): string {
  return `${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
}

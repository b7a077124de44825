import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import type { Meaning } from '../../src/indicators/indicator.js'
import { normalise } from '../../src/indicators/normalise.js'
import { candidates } from '../../src/indicators/observable.js'
import { REASONS } from '../../src/indicators/outcome.js'
import { TYPE_TABLE } from '../../src/indicators/types.js'
import { fuzz } from '../fuzz.js'
import { hostileText, pathOf } from './hostile.js'
import { shown } from './shown.js'

const anyType = fc.constantFrom(...TYPE_TABLE.map(({ type }) => type))
const CONSTANT_REASONS = new Set<string>([
  ...Object.values(REASONS),
  ...TYPE_TABLE.flatMap((entry) => (entry.matchable ? [] : [entry.reason])),
])

/** A type that reads the normal form of a space. */
const TYPE_OF_SPACE: Record<string, string> = {
  ip: 'ip-dst',
  net: 'ip-dst',
  ja3: 'ja3-fingerprint-md5',
  hassh: 'hassh-md5',
  jarm: 'jarm-fingerprint',
  'message-id': 'email-message-id',
  mac: 'mac-address',
  'named-pipe': 'named pipe',
  'sha512-224': 'sha512/224',
  'sha512-256': 'sha512/256',
}

describe('normalise, whatever the text', () => {
  it('never throws, and answers with meanings or a constant reason', () => {
    fc.assert(
      fc.property(anyType, hostileText, (type, text) => {
        const found = normalise(type, text)
        return found.ok ? found.meanings.length > 0 : CONSTANT_REASONS.has(found.reason)
      }),
      fuzz(300_000),
    )
  })

  it('is idempotent: the normal form means itself', () => {
    fc.assert(
      fc.property(anyType, hostileText, (type, text) => {
        return meaningsOf(type, text).every(isStable)
      }),
      fuzz(300_000),
    )
  })

  it('reads structured values back from their normal form', () => {
    fc.assert(
      fc.property(plausible, ([type, text]) => {
        const meanings = meaningsOf(type, text)
        return meanings.length > 0 && meanings.every(isStable)
      }),
      fuzz(100_000),
    )
  })

  // No time is asserted: a reader that takes quadratic time runs into the test's timeout.
  it('comes to an end on very long text, for every type', () => {
    const longs = ['a', '.', '[.]', '1.', ':', '(.', '@', '|', '/', '%{', 'é', '\ud800', '*.']
    for (const long of longs.map((piece) => piece.repeat(200_000))) {
      for (const { type } of TYPE_TABLE) expect(normalise(type, long)).toHaveProperty('ok')
      for (const text of [`http://${long}`, `hxxp://x.example/${long}`, `x.example${long}`]) {
        expect(normalise('url', text).ok).toBe(false)
        expect(normalise('email', `a@${text}`).ok).toBe(false)
      }
      expect(candidates(long)).toBeInstanceOf(Array)
    }
  })
})

describe('normalise, against other readers', () => {
  it('reads IPv6 like ipaddr.js', () => {
    fc.assert(
      fc.property(ipv6WithoutDots, (text) => {
        const other = ipaddr.IPv6.parse(text)
        const expected = other.isIPv4MappedAddress()
          ? other.toIPv4Address().toString()
          : other.toRFC5952String()
        expect(shown(normalise('ip-dst', text))).toBe(`ip:${expected}`)
      }),
      fuzz(50_000),
    )
  })

  it('makes of an address and a length the network that holds it', () => {
    fc.assert(fc.property(fc.ipV4(), fc.integer({ min: 0, max: 31 }), isNetworkOf), fuzz(50_000))
    const unmapped = ipv6WithoutDots.filter(
      (text) => !ipaddr.IPv6.parse(text).isIPv4MappedAddress(),
    )
    fc.assert(fc.property(unmapped, fc.integer({ min: 0, max: 127 }), isNetworkOf), fuzz(50_000))
  })

  it('reads a name like the host of a URL', () => {
    fc.assert(
      fc.property(fc.domain(), (name) => {
        const host = new URL(`http://${name}/`).hostname
        expect(shown(normalise('domain', name.toUpperCase()))).toBe(`domain:${host}`)
      }),
      fuzz(20_000),
    )
  })

  it('gives a URL that parses to itself, in ASCII, without user info and fragment', () => {
    fc.assert(
      fc.property(urlText, (text) => {
        const [normal] = meaningsOf('url', text)
        const parsed = new URL(normal!.value)
        expect(normal!.value).toMatch(/^[\x21-\x7e]+$/)
        expect(parsed.href).toBe(normal!.value)
        expect([parsed.username, parsed.password, parsed.hash]).toEqual(['', '', ''])
      }),
      fuzz(50_000),
    )
  })

  it('means the same defanged', () => {
    fc.assert(
      fc.property(
        defangable,
        fc.constantFrom('[.]', '(.)', '{.}', '[dot]'),
        ([type, text], dot) => {
          const defanged = text.replace(/^http/, 'hxxp').replaceAll('.', dot).replace('@', '[at]')
          expect(shown(normalise(type, defanged))).toBe(shown(normalise(type, text)))
        },
      ),
      fuzz(50_000),
    )
  })
})

const ipv6WithoutDots = fc.ipV6().filter((text) => !text.includes('.'))
const port = fc.integer({ min: 1, max: 65_535 })
const hexOf = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'0123456789abcdefABCDEF'),
    minLength: length,
    maxLength: length,
  })

const urlText = fc
  .tuple(
    fc.constantFrom('http', 'https', 'ftp', 'HTTP', 'ws'),
    fc.constantFrom('', 'user@', 'u:p@'),
    fc.oneof(
      fc.domain(),
      fc.ipV4(),
      fc.ipV6().map((address) => `[${address}]`),
    ),
    fc.option(
      port.map((number) => `:${number}`),
      { nil: '' },
    ),
    pathOf,
  )
  .map((parts) => `${parts[0]}://${parts.slice(1).join('')}`)

const plausible: fc.Arbitrary<[type: string, value: string]> = fc.oneof(
  typed('ip-dst', fc.oneof(fc.ipV4(), fc.ipV6())),
  typed(
    'ip-src',
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map((of) => of.join('/')),
  ),
  typed(
    'ip-src',
    fc.tuple(ipv6WithoutDots, fc.integer({ min: 0, max: 128 })).map((of) => of.join('/')),
  ),
  typed(
    'ip-dst|port',
    fc.tuple(fc.oneof(fc.ipV4(), fc.ipV6()), port).map((of) => of.join('|')),
  ),
  typed('domain', fc.domain()),
  typed(
    'hostname|port',
    fc.tuple(fc.domain(), port).map((of) => of.join(':')),
  ),
  typed(
    'domain|ip',
    fc.tuple(fc.domain(), fc.ipV6()).map((of) => of.join('|')),
  ),
  typed('url', urlText),
  typed(
    'email',
    fc.tuple(fc.stringMatching(/^[A-Za-z0-9.+_-]{1,20}$/), fc.domain()).map((of) => of.join('@')),
  ),
  typed('sha256', hexOf(64)),
  typed(
    'filename|md5',
    hexOf(32).map((hash) => `a|b|${hash}`),
  ),
  typed(
    'x509-fingerprint-sha1',
    hexOf(40).map((hash) => hash.replace(/(..)(?!$)/g, '$1:')),
  ),
  typed('ssh-fingerprint', hexOf(32)),
  typed('mac-address', hexOf(12)),
)

const defangable: fc.Arbitrary<[type: string, value: string]> = fc.oneof(
  typed('ip-dst', fc.ipV4()),
  typed('domain', fc.domain()),
  typed('hostname', fc.domain()),
  typed(
    'email',
    fc.domain().map((name) => `bad.guy@${name}`),
  ),
  typed(
    'url',
    fc
      .tuple(fc.domain(), fc.constantFrom('/', '/a.php', '/a?b=c.d'))
      .map(([name, path]) => `http://${name}${path}`),
  ),
)

function typed(type: string, values: fc.Arbitrary<string>): fc.Arbitrary<[string, string]> {
  return values.map((value) => [type, value])
}

function meaningsOf(type: string, text: string): readonly Meaning[] {
  const found = normalise(type, text)
  return found.ok ? found.meanings : []
}

/** An alias leads to the indicator it stands for; anything else means itself and nothing more. */
function isStable(meaning: Meaning): boolean {
  const { space, value, port, alias } = meaning
  const again = meaningsOf(typeThatReads(space, value), value)
  if (alias) return again.some((other) => other.alias && other.value === value)
  const isSelf = again.length === 1 && isEqual(again[0], { ...meaning, port: 0, weak: false })
  return isSelf && (port === 0 || isStableWithPort(meaning))
}

function isStableWithPort({ space, value, port }: Meaning): boolean {
  const type = space === 'ip' ? 'ip-dst|port' : 'hostname|port'
  return shown(normalise(type, `${value}|${port}`)) === `${space}:${value}|${port}`
}

function isEqual(one: Meaning | undefined, other: Meaning): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function typeThatReads(space: string, value: string): string {
  if (space !== 'x509') return TYPE_OF_SPACE[space] ?? space
  return `x509-fingerprint-${{ 32: 'md5', 40: 'sha1', 64: 'sha256' }[value.length]}`
}

function isNetworkOf(address: string, length: number): boolean {
  const [meaning] = meaningsOf('ip-src', `${address}/${length}`)
  const [network, found] = ipaddr.parseCIDR(meaning!.value)
  const family = network.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6
  const isMasked = family.networkAddressFromCIDR(meaning!.value).toString() === network.toString()
  const holds = ipaddr.parse(address).match(network as ipaddr.IPv4, length)
  return meaning!.space === 'net' && found === length && isMasked && holds
}

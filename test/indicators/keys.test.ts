import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KINDS, type Meaning } from '../../src/indicators/indicator.js'
import { HASHED_SPACES, isPlainKey, lookupKeys, needsBase64 } from '../../src/indicators/keys.js'
import { normalise } from '../../src/indicators/normalise.js'
import { fuzz } from '../fuzz.js'
import { hostileText } from './hostile.js'

describe('lookup keys', () => {
  it('are namespace and value', () => {
    expect(lookupKeys('ip', '192.0.2.1')).toEqual(['misp-ip:192.0.2.1'])
    expect(lookupKeys('net', '2001:db8::/32')).toEqual(['misp-net:2001:db8::/32'])
    expect(lookupKeys('md5', 'ab'.repeat(16))).toEqual([`misp-md5:${'ab'.repeat(16)}`])
  })

  it.each([...HASHED_SPACES])('are hashed too for %s', (space) => {
    expect(lookupKeys(space, 'evil')).toEqual([`misp-${space}:evil`, hashed(space, 'evil')])
  })

  it('hold blanks as they are, as far as base64 leaves room', () => {
    const room = 186 - 'misp-user-agent:'.length
    const fitting = `Evil 1.0 ${'x'.repeat(room - 9)}`
    expect(lookupKeys('user-agent', fitting)).toEqual([
      `misp-user-agent:${fitting}`,
      hashed('user-agent', fitting),
    ])
    expect(lookupKeys('user-agent', `${fitting}x`)).toEqual([hashed('user-agent', `${fitting}x`)])
  })

  it('are 250 bytes at most without blanks', () => {
    const fitting = `http://evil.example/${'a'.repeat(250 - 'misp-url:http://evil.example/'.length)}`
    expect(lookupKeys('url', fitting)[0]).toHaveLength(250)
    expect(lookupKeys('url', `${fitting}a`)).toEqual([hashed('url', `${fitting}a`)])
  })

  it.each([
    ['mutex', 'évil'],
    ['mutex', '😀'],
    ['mutex', 'a\r\nflush_all\r\n'],
    ['mutex', 'a\tb'],
    ['mutex', 'a\0b'],
    ['filename', 'a\u007fb'],
    ['filename', '%{[file][name]}'],
    ['user-agent', 'a %{[b]}'],
  ])('are only hashed for %s %j', (space, value) => {
    expect(lookupKeys(space, value)).toEqual([hashed(space, value)])
  })

  it.each([
    ['email', 'bäd@evil.example'],
    ['email', '%{[email]}@evil.example'],
    ['message-id', `${'a'.repeat(250)}@evil.example`],
    ['ip', '192.0.2.1 '],
    ['ip', ''.padEnd(251, '1')],
  ])('are none for what can neither be a key nor is hashed: %s %j', (space, value) => {
    expect(lookupKeys(space, value)).toEqual([])
  })

  it('fit the protocol, whatever the value', () => {
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), hostileText, (space, value) => {
        return lookupKeys(space, value).every(isSafe)
      }),
      fuzz(300_000),
    )
  })

  it('differ where values differ', () => {
    fc.assert(
      fc.property(fc.constantFrom(...HASHED_SPACES), wellFormed, wellFormed, (space, a, b) => {
        fc.pre(a !== b)
        const others = lookupKeys(space, b)
        return !lookupKeys(space, a).some((key) => others.includes(key))
      }),
      fuzz(100_000),
    )
  })
})

describe('isPlainKey', () => {
  it.each([
    ['misp-ip:192.0.2.1', true],
    ['!~', true],
    ['', false],
    ['a b', false],
    ['a\n', false],
    ['a\u007f', false],
    ['é', false],
    ['a'.repeat(250), true],
    ['a'.repeat(251), false],
  ])('%j %s', (key, plain) => {
    expect(isPlainKey(key)).toBe(plain)
  })
})

interface Row {
  readonly type: string
  readonly value: string
  /** The key that MISP2memcached writes; null where it writes none, fails, or writes a useless one. */
  readonly legacyKey: string | null
}

describe('values of a real MISP', () => {
  const rows: Row[] = JSON.parse(
    readFileSync(new URL('../fixtures/indicators/m2m-values.json', import.meta.url), 'utf8'),
  )

  it.each(rows)(
    '$type $value stands where MISP2memcached puts it',
    ({ type, value, legacyKey }) => {
      const keys = meaningsOf(type, value).flatMap((meaning) => [
        ...lookupKeys(meaning.space, meaning.value),
      ])
      expect(keys.length).toBeGreaterThan(0)
      if (legacyKey !== null) expect(keys).toContain(legacyKey)
    },
  )
})

const wellFormed = hostileText.filter((text) => !/\p{Surrogate}/u.test(text))

function isSafe(key: string): boolean {
  const written = needsBase64(key) ? Buffer.from(key).toString('base64') : key
  const isNamespaced = /^misp-[a-z0-9-]+:[\x20-\x7e]*$/.test(key)
  return isPlainKey(written) && isNamespaced && !key.includes('%{')
}

function hashed(space: string, value: string): string {
  return `misp-${space}-sha256:${createHash('sha256').update(value, 'utf8').digest('hex')}`
}

function meaningsOf(type: string, value: string): readonly Meaning[] {
  const found = normalise(type, value)
  return found.ok ? found.meanings : []
}

/** The script makes the keys that our own normalisers make: compared over thousands of values. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Normalisation } from '../../src/indicators/indicator.js'
import { ip, readIp } from '../../src/indicators/ip.js'
import { HASHED_SPACES, lookupKeys } from '../../src/indicators/keys.js'
import { hostname, selfAndParents } from '../../src/indicators/names.js'
import { NORMALISERS, type NormaliserName } from '../../src/indicators/normalisers.js'
import { refang, refangUrl } from '../../src/indicators/refang.js'
import { hostOf, url } from '../../src/indicators/url.js'
import { parseRange } from '../../src/policy/address.js'
import { specialNet } from '../../src/policy/special.js'
import { fuzzRuns, fuzzSeed } from '../fuzz.js'
import { hasDalli } from '../servers/memcached.js'
import { OBSERVED } from './observed.js'
import { Ruby } from './ruby.js'

const V4 = [8, 16, 24, 25, 31]
const V6 = [0, 32, 48, 64, 127]

describe.skipIf(!hasDalli())('the keys that the script asks for', () => {
  let ruby: Ruby
  let settings: string
  beforeAll(async () => {
    ruby = new Ruby()
    settings = await ruby.load({ servers: ['127.0.0.1:1'] })
  })
  afterAll(() => ruby.close())

  it.each(OBSERVED.map(({ spaces, values }) => [spaces.join(', '), spaces, values] as const))(
    'are ours: %s',
    async (_, spaces, values) => {
      const texts = fc
        .sample(values, { numRuns: fuzzRuns(20_000), seed: fuzzSeed() })
        .filter((text) => isAsLogged(text, spaces))
      for (let start = 0; start < texts.length; start += 1000) {
        const some = texts.slice(start, start + 1000)
        const theirs = await asked(some, spaces)
        const wrong = some.flatMap((text, n) => difference(text, spaces, theirs[n] ?? []))
        expect(wrong.slice(0, 5)).toEqual([])
      }
    },
  )

  async function asked(texts: readonly string[], spaces: readonly string[]): Promise<string[][]> {
    const items = texts.map((text) => [text, spaces])
    const triples = await ruby.ask<string[][][]>('keys', { settings, items, v4: V4, v6: V6 })
    return triples.map((found) => found.map(([, , key]) => key ?? ''))
  }
})

/** Logs are not defanged and hold punycode: the script refangs nothing, and Ruby has no punycode. */
function isAsLogged(text: string, spaces: readonly string[]): boolean {
  const trimmed = text.trim()
  if (refang(trimmed) !== trimmed || refangUrl(trimmed) !== trimmed) return false
  // Broken Unicode is no indicator; the script may ask for it, and finds nothing.
  if (/[\p{Surrogate}\ufffd]/u.test(text)) return false
  const [meaning] = spaces.includes('url') ? found(url(trimmed)) : []
  const names = meaning === undefined ? trimmed : hostOf(meaning.value)
  if (meaning !== undefined) return !names.includes('xn--') || isAscii(trimmed)
  return isAscii(trimmed) || !NAMED.some((space) => spaces.includes(space))
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text)
}

const NAMED = ['domain', 'email', 'eppn']

function difference(text: string, spaces: readonly string[], theirs: readonly string[]): object[] {
  const ours = new Set(
    spaces.includes('ip') ? hostKeys(text, spaces) : spaces.flatMap((space) => keysOf(text, space)),
  )
  const missing = [...ours].filter((key) => !theirs.includes(key))
  // A URL whose host Ruby can't normalise, or check the punycode of, is asked for even if it is none.
  const isUnread = spaces.includes('url') && !/^(?!.*xn--)[\x00-\x7f]*$/is.test(text)
  const more = isUnread ? [] : theirs.filter((key) => !ours.has(key))
  return missing.length + more.length === 0 ? [] : [{ text, spaces, missing, more }]
}

function hostKeys(text: string, spaces: readonly string[]): string[] {
  const address = readIp(text.trim())
  if (address !== null) return isPrivate(address) ? [] : addressKeys(address, spaces)
  const [meaning] = found(hostname(text))
  if (meaning === undefined || meaning.space === 'ip') return []
  const domains = selfAndParents(meaning.value).flatMap((value) => lookupKeys('domain', value))
  const exact = meaning.space === 'hostname' ? lookupKeys('hostname', meaning.value) : []
  return [...exact, ...domains]
}

function addressKeys(address: string, spaces: readonly string[]): string[] {
  const lengths = !spaces.includes('net') ? [] : address.includes(':') ? V6 : V4
  const nets = lengths.flatMap((length) => found(ip(`${address}/${length}`)))
  const inner = translated(address)
  const more = inner === null || isPrivate(inner) ? [] : addressKeys(inner, spaces)
  return [
    ...lookupKeys('ip', address),
    ...nets.flatMap(({ value, space }) => lookupKeys(space, value)),
    ...more,
  ]
}

/** The IPv4 address in `64:ff9b::/96`. */
function translated(address: string): string | null {
  if (!address.startsWith('64:ff9b:')) return null
  const [, , c, d] = parseRange(address)?.from ?? []
  if (
    parseRange('64:ff9b::')!.from.slice(0, 3).join() !==
    parseRange(address)!.from.slice(0, 3).join()
  )
    return null
  return c === 0 && d !== undefined
    ? [24, 16, 8, 0].map((bits) => (d >>> bits) & 255).join('.')
    : null
}

function keysOf(text: string, space: string): string[] {
  const texts =
    space === 'filename'
      ? [
          text,
          text
            .trim()
            .slice(Math.max(text.trim().lastIndexOf('/'), text.trim().lastIndexOf('\\')) + 1),
        ]
      : [text]
  const names = (
    space === 'x509' ? ['x509-md5', 'x509-sha1', 'x509-sha256'] : [space]
  ) as NormaliserName[]
  const values = texts.flatMap((each) => names.flatMap((name) => found(NORMALISERS[name](each))))
  return values.flatMap(({ value }) =>
    lookupKeys(space, value).slice(HASHED_SPACES.has(space) ? -1 : 0),
  )
}

function found(normalisation: Normalisation) {
  return normalisation.ok ? normalisation.meanings : []
}

/** What the script is told to skip. */
function isPrivate(address: string): boolean {
  const range = parseRange(address)
  return range !== null && specialNet(range) !== null
}

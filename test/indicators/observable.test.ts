import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normalise } from '../../src/indicators/normalise.js'
import { NORMALISERS, type NormaliserName } from '../../src/indicators/normalisers.js'
import { candidates } from '../../src/indicators/observable.js'
import { MATCHABLE_TYPES } from '../../src/indicators/types.js'
import { fuzz } from '../fuzz.js'
import { hostileText } from './hostile.js'

const TEXT_SPACES = ['filename', 'user-agent', 'regkey', 'mutex', 'named-pipe']

describe('candidates of what can be one thing only', () => {
  it.each([
    ['192.0.2[.]1', ['ip:192.0.2.1']],
    ['::FFFF:192.0.2.1', ['ip:192.0.2.1']],
    ['[2001:DB8::1]', ['ip:2001:db8::1']],
    ['192.0.2.9/24', ['net:192.0.2.0/24']],
    ['192.0.2.9/32', ['ip:192.0.2.9']],
    ['203.0.113.20:443', ['ip:203.0.113.20|443']],
    ['203.0.113.20|443', ['ip:203.0.113.20|443']],
    ['[2001:db8::20]:443', ['ip:2001:db8::20|443']],
    [
      'http://203.0.113.9:8080',
      ['url:http://203.0.113.9:8080/', 'url:http://203.0.113.9:8080', 'ip:203.0.113.9'],
    ],
    ['https://[2001:db8::9]:8080/', ['url:https://[2001:db8::9]:8080/', 'ip:2001:db8::9']],
    [
      'hxxp://a.Evil[.]example/x#y',
      [
        'url:http://a.evil.example/x',
        'url:http://a.Evil.example/x#y',
        'hostname:a.evil.example',
        'domain:a.evil.example',
        'domain:evil.example',
        'domain:example',
      ],
    ],
    [
      'Bad[at]evil[.]example',
      [
        'email:bad@evil.example',
        'eppn:bad@evil.example',
        'hostname:evil.example',
        'domain:evil.example',
        'domain:example',
      ],
    ],
    ['', []],
    [' \n', []],
  ])('%j', (text, expected) => {
    expect(candidates(text).map(shown)).toEqual(expected)
  })
})

describe('candidates of what can be several things', () => {
  it('reads a name, and each parent of it', () => {
    expect(withoutText('a.b.evil.example.')).toEqual([
      'hostname:a.b.evil.example',
      'domain:a.b.evil.example',
      'domain:b.evil.example',
      'domain:evil.example',
      'domain:example',
    ])
    expect(withoutText('evil.example:8080')[0]).toBe('hostname:evil.example|8080')
    expect(withoutText('*.evil.example')).toEqual(['domain:evil.example', 'domain:example'])
  })

  it('reads a digest as every hash of its length', () => {
    expect(spacesOf('AB'.repeat(16))).toEqual(
      expect.arrayContaining(['md5', 'imphash', 'ja3', 'hassh', 'x509']),
    )
    expect(spacesOf('ab'.repeat(20))).toEqual(expect.arrayContaining(['sha1', 'pehash', 'x509']))
    expect(spacesOf('ab'.repeat(32))).toEqual(expect.arrayContaining(['sha256', 'x509']))
    expect(spacesOf('ab'.repeat(64))).toEqual(expect.arrayContaining(['sha512', 'sha3-512']))
    expect(spacesOf('ab'.repeat(31))[0]).toBe('jarm')
  })

  it('reads a path also by its last part', () => {
    for (const path of ['C:\\Temp\\evil.exe', '/tmp/evil.exe', 'dir/evil.exe']) {
      expect(candidates(path).map(shown)).toEqual(
        expect.arrayContaining([`filename:${path}`, 'filename:evil.exe']),
      )
    }
  })

  it('reads a file name as a name and as text', () => {
    expect(spacesOf('dropper.exe')).toEqual(expect.arrayContaining(['hostname', ...TEXT_SPACES]))
  })

  it('reads a URL without scheme also as text', () => {
    expect(spacesOf('evil.example/1.0')).toEqual(expect.arrayContaining(['url', ...TEXT_SPACES]))
  })

  it('reads anything else as text, as it is', () => {
    expect(candidates(' Global\\MUTEX {A-B} é').map(shown)).toContain('mutex:Global\\MUTEX {A-B} é')
    expect(spacesOf('Mozilla/5.0 (Evil)')).toEqual(expect.arrayContaining(TEXT_SPACES))
  })
})

describe('candidates of identifiers with a grammar of their own', () => {
  const pairs = '00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff'
  it.each([
    ['00:00:5E:00:53:01', 'mac:00:00:5e:00:53:01'],
    ['00:00:5e:ff:fe:00:53:01', 'mac:00:00:5e:ff:fe:00:53:01'],
    ['00:00:5e:ff:fe:00:53:01', 'ip:::5e:ff:fe:0:53:1'],
    ['0000.5e00.5301', 'mac:00:00:5e:00:53:01'],
    ['00005e005301', 'mac:00:00:5e:00:53:01'],
    [`md5:${pairs}`, `ssh-fingerprint:MD5:${pairs}`],
    [pairs.replaceAll(':', ''), `ssh-fingerprint:MD5:${pairs}`],
    [pairs, `x509:${pairs.replaceAll(':', '')}`],
    [
      `SHA256:${'aB+/'.repeat(11).slice(1)}`,
      `ssh-fingerprint:SHA256:${'aB+/'.repeat(11).slice(1)}`,
    ],
    [`1:${'a'.repeat(27)}=`, `community-id:1:${'a'.repeat(27)}=`],
    [
      '{0A1B2C3D-0000-4000-8000-000000000001}',
      'azure-application-id:0a1b2c3d-0000-4000-8000-000000000001',
    ],
    ['ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP', 'chrome-extension-id:abcdefghijklmnopabcdefghijklmnop'],
    ['a'.repeat(32), `chrome-extension-id:${'a'.repeat(32)}`],
  ])('%s', (text, expected) => {
    expect(candidates(text).map(shown)).toContain(expected)
  })
})

describe('candidates of any text', () => {
  it('never throw, and name none twice', () => {
    fc.assert(
      fc.property(hostileText, (text) => {
        const all = candidates(text).map(({ space, value }) => `${space} ${value}`)
        return new Set(all).size === all.length
      }),
      fuzz(100_000),
    )
  })

  it('find every indicator but free text that the same text as a MISP value gives', () => {
    const types = MATCHABLE_TYPES.filter((type) => !/\||^malware-sample$/.test(type))
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.oneof(hostileText, digest, shaped),
        (type, text) => {
          // A bare host counts as a URL only under the type `url`.
          fc.pre(type !== 'url' || text.includes('://'))
          return missed(type, text).length === 0
        },
      ),
      fuzz(100_000),
    )
  })

  it('name exactly what some normaliser reads in it, and all free text or none', () => {
    fc.assert(
      fc.property(fc.oneof(hostileText, digest, shaped, path), (text) => {
        const base = text.trim().split(/[/\\]/).at(-1) ?? ''
        const read = new Set([...readBy(ALL, text), ...readBy(['filename'], base)])
        const exact = candidates(text).filter(({ exact }) => exact)
        const odd = exact.filter(({ space }) => space !== 'domain').map(shown)
        expect(odd.filter((one) => !read.has(one))).toEqual([])
        const loose = exact.filter(({ space }) => LOOSE.has(space)).map(shown)
        const wanted = [...readBy([...LOOSE], text), ...readBy(['filename'], base)]
        if (loose.length > 0) expect(new Set(loose)).toEqual(new Set(wanted))
        else expect(wanted.length === 0 || exact.some(({ space }) => PLAIN.has(space))).toBe(true)
      }),
      fuzz(100_000),
    )
  })

  it('read an address, however it was defanged', () => {
    const dot = fc.constantFrom('.', '[.]', '(.)', '{.}', '[dot]', '(DOT)', '{Dot}')
    const colon = fc.constantFrom(':', '[:]')
    const end = fc.constantFrom('', '|443', ' | 443', '/24', '[/]24')
    const ipv4 = fc.tuple(dot, dot, dot).map(([a, b, c]) => `192${a}0${b}2${c}1`)
    const ipv6 = fc.tuple(colon, colon).map(([a, b]) => `2001${a}DB8${b}${b}f`)
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), end, (address, end) => {
        const [first] = candidates(`\t${address}${end}\u00a0`)
        expect(first?.space).toBe(end.includes('24') ? 'net' : 'ip')
        expect(first?.port).toBe(end.includes('443') ? 443 : 0)
      }),
      fuzz(2000),
    )
  })
})

const ALL = Object.keys(NORMALISERS) as NormaliserName[]

/** What is one of these is nothing else: no free text, in particular. */
const PLAIN: ReadonlySet<string> = new Set(['ip', 'net', 'url', 'email', 'eppn', 'message-id'])

function readBy(names: readonly string[], text: string): string[] {
  return names.flatMap((name) => {
    const read = NORMALISERS[name as NormaliserName](text)
    return read.ok ? read.meanings.map(shown) : []
  })
}

const path = fc
  .array(fc.oneof(hostileText, fc.constantFrom('/', '\\', 'evil.exe', 'C:')), { maxLength: 5 })
  .map((parts) => parts.join(''))

function missed(type: string, text: string): string[] {
  const found = normalise(type, text)
  const meanings = found.ok ? found.meanings.filter(({ space }) => !LOOSE.has(space)) : []
  const all = new Set(candidates(text).map(({ space, value }) => `${space}:${value}`))
  return meanings.map(({ space, value }) => `${space}:${value}`).filter((one) => !all.has(one))
}

/** Looked for only where the text is nothing more particular. */
const LOOSE = new Set([...TEXT_SPACES, 'mobile-application-id'])

const digest = fc
  .tuple(
    fc.constantFrom(6, 8, 16, 20, 28, 31, 32, 48, 64),
    fc.uint8Array({ minLength: 64, maxLength: 64 }),
  )
  .map(([bytes, from]) => Buffer.from(from).toString('hex', 0, bytes))

/** Digits with what stands before and between them, in either case. */
const shaped = fc
  .tuple(
    digest,
    fc.constantFrom('', 'MD5:', 'SHA256:', '1:', '{'),
    fc.constantFrom(/(..)(?!$)/g, /(....)(?!$)/g, /^(.{8})(.{4})(.{4})(.{4})/),
    fc.constantFrom('$1:', '$1-', '$1.', '$1 ', '$1-$2-$3-$4-'),
    fc.boolean(),
  )
  .map(([digits, before, groups, separated, upper]) => {
    const text = digits.replace(groups, separated)
    const cased = upper ? text.toUpperCase() : text
    return `${before}${cased}${before === '{' ? '}' : ''}`
  })

function shown({ space, value, port }: { space: string; value: string; port: number }): string {
  return `${space}:${value}${port > 0 ? `|${port}` : ''}`
}

function spacesOf(text: string): string[] {
  return candidates(text).map(({ space }) => space)
}

function withoutText(text: string): string[] {
  return candidates(text)
    .filter(({ space }) => !LOOSE.has(space))
    .map(shown)
}

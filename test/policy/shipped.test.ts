import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parseRange } from '../../src/policy/address.js'
import { createPolicy } from '../../src/policy/policy.js'
import { policySettings } from '../../src/policy/settings.js'
import { SHIPPED_LIST_FILES } from '../../src/policy/shipped.js'
import { parseWarninglist } from '../../src/policy/warninglist.js'
import { NOW, subject } from './subjects.js'

const FOLDER = new URL('../../lists/', import.meta.url)

interface ListFile {
  readonly name: string
  readonly version: number
  readonly type: string
  readonly matching_attributes: readonly string[]
  readonly list: readonly string[]
}

const read = (file: string): ListFile => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'))
const LISTS = SHIPPED_LIST_FILES.map((file) => parseWarninglist(read(file), file))

describe('the shipped lists', () => {
  it('are the files in lists/', () => {
    expect(
      readdirSync(FOLDER)
        .filter((file) => file.endsWith('.json'))
        .sort(),
    ).toEqual([...SHIPPED_LIST_FILES])
  })

  it.each(SHIPPED_LIST_FILES)('%s is in order', (file) => {
    const { list, version, name, matching_attributes } = read(file)
    expect(parseWarninglist(read(file), file).warnings).toEqual([])
    expect(version).toBe(20_261_121)
    expect(name).toMatch(/^tipline: /)
    expect(matching_attributes.length).toBeGreaterThan(0)
    expect(list).toEqual([...new Set(list)].sort(byCode))
    expect(list.length).toBeLessThan(500)
  })

  it.each(SHIPPED_LIST_FILES)('%s has its entries in normal form', (file) => {
    const { type, list } = read(file)
    for (const entry of list) {
      if (type === 'cidr') expect(parseRange(entry), entry).not.toBeNull()
      else expect(entry).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)*$/)
    }
  })

  it('has only hashes of contents that are known', () => {
    const known = new Set(HARMLESS_CONTENTS.flatMap(hashesOf).concat(IMPHASHES.map(md5)))
    expect(read('common-hashes.json').list.filter((hash) => !known.has(hash))).toEqual([])
  })
})

const byCode = (a: string, b: string) => (a < b ? -1 : 1)
const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const IMPHASHES = ['mscoree._corexemain', 'mscoree._cordllmain']
const TEXTS = [
  '',
  '\n',
  '\r\n',
  ' ',
  '0',
  '1',
  'a',
  '{}',
  '[]',
  'null',
  'true',
  'false',
  'test',
  'test\n',
  'foo',
  'foo\n',
  'hello',
  'hello\n',
  'hello world',
  'hello world\n',
  'Hello World',
  'Hello, World!',
  'Hello World!',
  'password',
  '123456',
  '\ufeff',
  'MZ',
]
const ZEROS = [1, ...Array.from({ length: 16 }, (_, i) => 2 ** (i + 1)), 2 ** 20]
const HARMLESS_CONTENTS: readonly Buffer[] = [
  ...TEXTS.map((text) => Buffer.from(text)),
  Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)]),
  ...ZEROS.map((size) => Buffer.alloc(size)),
  ...[512, 1024, 4096, 65_536].map((size) => Buffer.alloc(size, 0xff)),
]

function hashesOf(content: Buffer): string[] {
  return ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'].map((algorithm) =>
    createHash(algorithm).update(content).digest('hex'),
  )
}

describe('with the shipped lists', () => {
  const policy = createPolicy(policySettings.parse({}), LISTS)
  const judged = (kind: string, value: string, type = kind) => {
    const { held, labels } = policy.judge(subject(kind, value, { type }), NOW)
    return held?.rule ?? (labels.length > 0 ? 'labelled' : 'served')
  }

  it.each([
    ['ip', '8.8.8.8', 'ip-dst', 'list'],
    ['ip-port', '1.1.1.1', 'ip-dst|port', 'list'],
    ['ip', '2606:4700:4700::1111', 'ip-src', 'list'],
    ['net', '8.8.8.0/24', 'ip-dst', 'list'],
    ['url', 'https://8.8.8.8/', 'url', 'list'],
    ['ip', '148.81.111.111', 'ip-dst', 'labelled'],
    ['domain', 'google.com', 'domain', 'list'],
    ['hostname', 'drive.google.com', 'hostname', 'list'],
    ['url', 'https://www.google.com/', 'url', 'list'],
    ['url', 'https://drive.google.com/file/d/1/view', 'url', 'served'],
    ['url', 'https://pastebin.com/raw/abc', 'url', 'served'],
    ['email', 'evil@gmail.com', 'email-src', 'served'],
    ['domain', 'wordpress.com', 'domain', 'list'],
    ['hostname', 'evil.wordpress.com', 'hostname', 'served'],
    ['hostname', 'evil.westeurope.cloudapp.azure.com', 'hostname', 'served'],
    ['domain', 'amazonaws.com', 'domain', 'list'],
    ['url', 'https://raw.githubusercontent.com/a/b/evil.ps1', 'url', 'served'],
    ['hostname', 'raw.githubusercontent.com', 'hostname', 'list'],
    ['imphash', 'f34d5f2d4577ed6d9ceec516c1f5a744', 'imphash', 'list'],
    ['md5', '93b885adfe0da089cdf634904fd59f71', 'filename|md5', 'list'],
    ['ip', '192.0.2.1', 'ip-dst', 'served'],
    ['domain', 'evil.example', 'domain', 'served'],
  ])('%s %s (%s) is %s', (kind, value, type, expected) => {
    expect(judged(kind, value, type)).toBe(expected)
  })
})

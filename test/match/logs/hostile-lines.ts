/** Lines of NDJSON as loggers, and those who want to slip by, write them. Repeatable by a seed. */

export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** 0 to n - 1 */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) % n
  }

  chance(one: number): boolean {
    return this.below(one) === 0
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

const HOST_FIELDS = [
  'source.ip',
  'destination.ip',
  'source.nat.ip',
  'source.address',
  'destination.domain',
  'host.ip',
  'dns.question.name',
  'dns.answers.data',
  'dns.resolved_ip',
  'url.domain',
  'tls.client.server_name',
  'tls.server.x509.alternative_names',
  'host.name',
  'related.ip',
  'ip',
  'source',
  'dns.question',
]
const URL_FIELDS = ['url.full', 'url.original', 'http.request.referrer', 'url.path']
const HASH_FIELDS = [
  'file.hash.md5',
  'process.hash.sha256',
  'process.parent.hash.sha1',
  'file.pe.imphash',
  'tls.server.hash.sha1',
  'tls.client.ja3',
  'hash.md5',
]
const MAIL_FIELDS = [
  'email.from.address',
  'email.to.address',
  'email.reply_to.address',
  'user.email',
]

const NAMES = [
  'evil.example',
  'a.evil.example',
  'b.a.evil.example',
  'notevil.example',
  'EVIL.Example',
  'evil.example.',
  'evil.example..',
  '.evil.example',
  '*.evil.example',
  'evil[.]example',
  'example',
  'host.bad.test',
  'x.host.bad.test',
  'co.uk',
  'shop.co.uk',
  'a.github.io',
  'github.io',
  'bücher.example',
  'xn--bcher-kva.example',
  'www.bücher.example',
  'evil.example:8443',
  'evil.example:1',
  'a..evil.example',
  'evil_example',
  ' evil.example ',
  'evil.example\t',
  'ｅvil.example',
  'localhost',
  '',
  '.',
  '9.evil.example',
  'evil.example.7',
  '-evil.example',
  `${'a'.repeat(64)}.evil.example`,
  `${'a.'.repeat(120)}evil.example`,
  `${'a.'.repeat(10)}evil.example`,
  'evil。example',
  'port.example',
]
const ADDRESSES = [
  '192.0.2.1',
  '192.0.2.2',
  '192.0.2.1.',
  '192.0.2.01',
  '192.0.2.256',
  '198.51.100.7',
  '198.51.100.200',
  '198.51.100.129',
  '203.0.113.5',
  '1.2.3',
  '2001:db8::1',
  '2001:DB8:0:0::1',
  '2001:0db8:0000:0000:0000:0000:0000:0001',
  '2001:db8:1::5',
  '2001:db8:1:2:3:4:5:6',
  '::ffff:192.0.2.1',
  '::ffff:c000:201',
  '::192.0.2.1',
  '64:ff9b::c000:201',
  '64:ff9b::192.0.2.1',
  '64:ff9b::c633:6481',
  '64:ff9b:1::c000:201',
  '[2001:db8::1]',
  '[2001:db8::1]:443',
  '192.0.2.9:8080',
  '192.0.2.9|8080',
  '192.0.2.9:8081',
  '192.0.2.9',
  'fe80::1%eth0',
  '198.51.100.0/24',
  ' 192.0.2.1',
  '192[.]0.2.1',
  '::',
  '1::2::3',
  ':::',
  '12345::',
  '1:2:3:4:5:6:7:8',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::',
  '2001:db8::1:',
  '0xc0.0.2.1',
  '3221225985',
  '203.0.113.255',
]
const URLS = [
  'http://evil.example/gate.php',
  'https://evil.example/gate.php',
  'HTTP://Evil.Example:80/gate.php?x=1',
  'http://evil.example/gate.php?id=7',
  'http://q.example/a?b=c',
  'http://q.example/a',
  'http://q.example/a?b=d',
  'hxxp://evil[.]example/gate.php',
  'evil.example/gate.php',
  '//evil.example/gate.php',
  'less.example/x.exe',
  'https://less.example/x.exe',
  'http://less.example/x.exe?y',
  'evil.example:443',
  'root.example:443',
  'https://root.example',
  'http://root.example:8080/',
  'http://user:pw@evil.example/gate.php',
  'http://evil.example@q.example/a',
  'http://evil.example:pw@q.example/a',
  'http://evil.example\\@q.example/a',
  'http:///evil.example/gate.php',
  'http:/evil.example/gate.php',
  'http://192.0.2.1/x',
  'http://0xc0.0.2.1/x',
  'http://192.0.513/x',
  'http://[2001:db8::1]/x',
  'http://[::ffff:192.0.2.1]:99/',
  'http://%65vil.example/',
  'http://b\u00fccher.example/a',
  'ftp://evil.example/gate.php',
  'tcp://evil.example:4444',
  '/gate.php',
  '/a?b=c',
  '/x.exe',
  '//',
  '/',
  'http://',
  'http://evil.example#gate',
  'http://evil.example?x',
  'http://evil.example./gate.php',
  'http://evil.example:99999/',
  'http://sub.evil.example/other',
  ' http://evil.example/gate.php',
  'mailto:a@evil.example',
  'javascript:alert(1)',
  'http://evil.example:/gate.php',
  'http[:]//evil.example/gate.php',
]
const HASHES = [
  'd41d8cd98f00b204e9800998ecf84270',
  'D41D8CD98F00B204E9800998ECF84270',
  ' d41d8cd98f00b204e9800998ecf84270',
  'd41d8cd98f00b204e9800998ecf84271',
  'a'.repeat(64),
  'A'.repeat(64),
  'b'.repeat(40),
  'B'.repeat(40),
  Array(20).fill('BB').join(':'),
  Array(20).fill('bb').join(' '),
  'd41d8cd98f00b204e9800998ecf8427',
  'zz',
  '',
]
const MAILS = [
  'bad@evil.example',
  'BAD@Evil.example',
  'Eve <bad@evil.example>',
  '<bad@evil.example>',
  'bad@evil.example.',
  'to@victim.example',
  'reply@evil.example',
  'bad(at)evil.example',
  'bad@b\u00fccher.example',
  'bad',
  ' bad@evil.example',
]

/** MISP type and value. */
export const INDICATORS = [
  ['domain', 'evil.example'],
  ['hostname', 'host.bad.test'],
  ['domain', 'co.uk'],
  ['domain', 'github.io'],
  ['domain', 'shop.co.uk'],
  ['domain', 'bücher.example'],
  ['hostname|port', 'port.example|8443'],
  ['ip-dst', '192.0.2.1'],
  ['ip-dst', '198.51.100.128/25'],
  ['ip-src', '198.51.0.0/16'],
  ['ip-src', '203.0.113.4/31'],
  ['ip-dst|port', '192.0.2.9|8080'],
  ['ip-dst', '2001:db8::1'],
  ['ip-dst', '2001:db8:1::/48'],
  ['ip-src', '2001:d00::/24'],
  ['domain|ip', 'pair.example|192.0.2.2'],
  ['url', 'http://evil.example/gate.php'],
  ['url', 'http://q.example/a?b=c'],
  ['url', 'less.example/x.exe'],
  ['url', 'https://root.example/'],
  ['url', 'http://192.0.2.1/x'],
  ['url', 'http://[2001:db8::1]/x'],
  ['url', 'http://b\u00fccher.example/a'],
  ['md5', 'd41d8cd98f00b204e9800998ecf84270'],
  ['filename|sha256', `x|${'a'.repeat(64)}`],
  ['sha1', 'b'.repeat(40)],
  ['imphash', 'd41d8cd98f00b204e9800998ecf84270'],
  ['x509-fingerprint-sha1', 'b'.repeat(40)],
  ['email-src', 'bad@evil.example'],
  ['email-dst', 'to@victim.example'],
  ['email-reply-to', 'reply@evil.example'],
] as const

const PORT_FIELDS = ['source.port', 'destination.port', 'url.port', 'source.nat.port']
const PORTS = ['8080', '8443', '"8080"', '443', '80', '0', '99999', '[8080,1]', 'null', '1.5']

/** One line's bytes without a line feed. */
export function hostileLine(dice: Dice): Buffer {
  const members = Array.from({ length: 1 + dice.below(6) }, () => member(dice))
  if (dice.chance(3)) members.push(`${key(dice, dice.pick(PORT_FIELDS))}:${dice.pick(PORTS)}`)
  if (dice.chance(6))
    members.push(
      `"url":{"scheme":${dice.pick(['"http"', '"https"', '"ftp"', '7'])},"domain":${quoted(dice, dice.pick(NAMES))},"path":${quoted(dice, dice.pick(URLS))}}`,
    )
  const gap = dice.chance(5) ? dice.pick([' ', '\t', '\r', '  ']) : ''
  let line = Buffer.from(`${gap}{${gap}${members.join(`${gap},${gap}`)}${gap}}${gap}`)
  if (dice.chance(40)) line = Buffer.concat([Buffer.from('\ufeff'), line])
  if (dice.chance(12)) line = Buffer.concat([line, Buffer.from('\r')])
  for (let n = dice.chance(8) ? 1 + dice.below(2) : 0; n > 0; n--) line = mutated(line, dice)
  return line.includes(10) ? hostileLine(dice) : line
}

function member(dice: Dice): string {
  const [fields, values] = dice.pick([
    [HOST_FIELDS, NAMES],
    [HOST_FIELDS, ADDRESSES],
    [HOST_FIELDS, ADDRESSES],
    [URL_FIELDS, URLS],
    [HASH_FIELDS, HASHES],
    [MAIL_FIELDS, MAILS],
  ] as const)
  return placed(dice, dice.pick(fields), () => quoted(dice, dice.pick(values)))
}

/** Dotted, nested or both; in arrays; now and then beside others of the same name. */
function placed(dice: Dice, name: string, value: () => string): string {
  const labels = name.split('.')
  const cut = dice.below(labels.length)
  if (cut === 0) return `${key(dice, name)}:${valued(dice, value)}`
  const inner = placed(dice, labels.slice(cut).join('.'), value)
  const more = dice.chance(4) ? `,${placed(dice, dice.pick(HOST_FIELDS), value)}` : ''
  const object = `{${inner}${more}}`
  const held = dice.chance(5) ? `[${dice.pick(['', '1,', '"x",', '[],', '{},'])}${object}]` : object
  return `${key(dice, labels.slice(0, cut).join('.'))}:${held}`
}

function valued(dice: Dice, value: () => string): string {
  if (dice.chance(5))
    return `[${[value(), value(), dice.pick(['1', 'null', '[]', `[${value()}]`, '{"a":"b"}'])].join(',')},${value()}]`
  return dice.chance(30) ? dice.pick(['null', 'true', '-1.5e3', '{}', '[]', '""']) : value()
}

function key(dice: Dice, name: string): string {
  return dice.chance(30) ? quoted(dice, name) : JSON.stringify(name)
}

/** A JSON string, sometimes with escapes that need not be. */
function quoted(dice: Dice, text: string): string {
  if (!dice.chance(4)) return JSON.stringify(text)
  const units = Array.from({ length: text.length }, (_, at) => {
    if (text[at] === '/' && dice.chance(2)) return '\\/'
    if (!dice.chance(4)) return JSON.stringify(text[at]).slice(1, -1)
    const hex = text.charCodeAt(at).toString(16).padStart(4, '0')
    return `\\u${dice.chance(2) ? hex.toUpperCase() : hex}`
  })
  return `"${units.join('')}"`
}

/** A byte changed, added or taken away. */
function mutated(line: Buffer, dice: Dice): Buffer<ArrayBuffer> {
  const at = dice.below(line.length + 1)
  const byte = Buffer.from([
    dice.chance(2)
      ? dice.pick([...Buffer.from('"\\{}[]:,.0e-tfn \x01\xff', 'latin1')])
      : dice.below(256),
  ])
  const kind = dice.below(3)
  if (kind === 0) return Buffer.concat([line.subarray(0, at), byte, line.subarray(at)])
  if (kind === 1) return Buffer.concat([line.subarray(0, at), line.subarray(at + 1)])
  return Buffer.concat([line.subarray(0, at), byte, line.subarray(at + 1)])
}

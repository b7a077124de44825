/** Values as log fields hold them, right ones and nearly right ones, by what they are looked up as. */
import fc from 'fast-check'

/** A good value, or one with a letter changed, put in or left out, or with blanks around it. */
function nearly(good: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const odd = fc.constantFrom(...' .:/-_%@[]#?\\|0aFgz*~^`{}"\'<>+&=;,\u00a0é\u0000\t')
  const broken = fc.tuple(good, fc.nat(), odd, fc.nat(2)).map(([text, at, letter, how]) => {
    const place = at % (text.length + 1)
    return text.slice(0, place) + (how === 1 ? '' : letter) + text.slice(place + (how > 0 ? 1 : 0))
  })
  const padded = fc
    .tuple(good, fc.constantFrom(' ', '\t', '\u00a0', '\u2003', '\ufeff'))
    .map(([text, blank]) => blank + text + blank)
  return fc.oneof(
    { weight: 6, arbitrary: good },
    { weight: 3, arbitrary: broken },
    { weight: 1, arbitrary: padded },
  )
}

const octet = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 10, 127, 255, 256))
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'))
const group = fc
  .oneof(fc.nat(0xffff), fc.constantFrom(0, 0, 0, 1, 0xdb8, 0xffff))
  .map((n) => n.toString(16))
const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count })

const ipv6 = fc
  .oneof(
    groups(8).map((all) => all.join(':')),
    fc
      .tuple(fc.nat(7), fc.nat(7))
      .chain(([left, right]) =>
        fc
          .tuple(groups(Math.min(left, 7)), groups(Math.min(right, 7 - Math.min(left, 7))))
          .map(([a, b]) => `${a.join(':')}::${b.join(':')}`),
      ),
    ipv4.map((text) => `::ffff:${text}`),
    ipv4.map((text) => `64:ff9b::${text}`),
    ipv4.map((text) => `2001:db8::${text}`),
    ipv4.map((text) => `::${text}`),
    fc.ipV6(),
  )
  .chain((text) => fc.constantFrom(text, text.toUpperCase(), `[${text}]`))

const label = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcxyzABZ0189-_'), minLength: 1, maxLength: 12 }),
  fc.constantFrom(
    'www',
    'evil',
    'xn--bcher-kva',
    '0x7f',
    '127',
    '1',
    'a'.repeat(63),
    'a'.repeat(64),
  ),
)
const name = fc
  .tuple(
    fc.array(label, { minLength: 1, maxLength: 5 }),
    fc.constantFrom('', '', '.'),
    fc.constantFrom('', '', '', '*.', '.', '*.*.'),
  )
  .map(([labels, dot, before]) => before + labels.join('.') + dot)
const longName = fc.nat(130).map((count) => `${'ab.'.repeat(count)}example`)

const urlPiece = fc.oneof(
  fc.string({
    unit: fc.constantFrom(...'ab/.?&=%+;:@!$\'()*,~^`{}|"<>\\[] éß漢\u{1f525}-_#'),
    maxLength: 10,
  }),
  fc.constantFrom(
    '/a/../b',
    '/./',
    '/%2e/%2E%2e/x',
    '/..',
    '//',
    '/a/.',
    '%zz',
    '%41',
    '?',
    '#',
    '?a=b c',
    '?x=\'"',
    '/%',
    "/'",
  ),
)
const host = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 2, arbitrary: ipv4 },
  { weight: 1, arbitrary: ipv6 },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'evil.example',
      '0x7f.1',
      '2130706433',
      '017.0.0.1',
      '1.2.3',
      '0x',
      '256',
      'e%76il.example',
      'evil.example%2f',
      '%00.example',
      'a b.example',
      '09.1.1.1',
      '1.2.3.4.',
      '4294967296',
      '1..2',
    ),
  },
)
const scheme = fc.constantFrom(
  'http',
  'https',
  'HTTP',
  'Https',
  'ftp',
  'ws',
  'wss',
  'tcp',
  'gopher',
  'x-y+z',
  'file',
  'mailto',
)
const port = fc.constantFrom(
  '',
  '',
  '',
  ':80',
  ':443',
  ':8080',
  ':0',
  ':00080',
  ':65535',
  ':65536',
  ':',
  ':21',
  ':8x',
)
const user = fc.constantFrom('', '', '', 'user@', 'user:pw@', 'a@b@', '@')
const slashes = fc.constantFrom('://', '://', '://', '://', ':///', ':\\\\', ':/', ':', '://\\')
const url = fc
  .tuple(
    fc.oneof(
      fc.tuple(scheme, slashes).map((pair) => pair.join('')),
      fc.constantFrom('', '//'),
    ),
    user,
    host,
    port,
    fc.array(urlPiece, { maxLength: 4 }),
  )
  .map(
    ([begin, who, where, on, rest]) =>
      begin + who + where + on + (rest.length > 0 ? '/' : '') + rest.join(''),
  )

const hex = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'0123456789abcdefABCDEF'),
    minLength: length,
    maxLength: length,
  })
const digest = fc.constantFrom(32, 40, 56, 62, 64, 96, 128, 33).chain(hex)
const pairs = (count: number) =>
  fc
    .tuple(hex(2 * count), fc.constantFrom(':', ' ', '-', '.', ''))
    .map(([digits, sign]) => (digits.match(/../g) ?? []).join(sign))
const cisco = hex(12).map((digits) => (digits.match(/..../g) ?? []).join('.'))
const base64 = (length: number) =>
  fc.string({
    unit: fc.constantFrom(...'ABCxyz019+/'),
    minLength: length,
    maxLength: length,
  })
const local = fc.string({
  unit: fc.constantFrom(..."aZ0.+_-='!#%&".split('')),
  minLength: 1,
  maxLength: 20,
})
const email = fc
  .tuple(local, name, fc.boolean())
  .map(([who, where, angled]) => (angled ? `<${who}@${where}>` : `${who}@${where}`))
const free = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !/\p{Surrogate}/u.test(text)),
  fc.constantFrom(
    'C:\\Windows\\evil.exe',
    '/tmp/evil.sh',
    'a/',
    'HKLM\\Software\\Evil',
    'Evil Browser 1.0',
    '%{[x]}',
    ' / a ',
  ),
)

/** By the namespaces of the field that they stand in. */
export const OBSERVED: readonly {
  readonly spaces: readonly string[]
  readonly values: fc.Arbitrary<string>
}[] = [
  {
    spaces: ['ip', 'net', 'domain', 'hostname'],
    values: nearly(fc.oneof(ipv4, ipv6, name, longName)),
  },
  { spaces: ['domain', 'ip', 'hostname'], values: nearly(fc.oneof(ipv4, name)) },
  { spaces: ['url'], values: nearly(url) },
  { spaces: ['email', 'eppn'], values: nearly(email) },
  { spaces: ['message-id'], values: nearly(email) },
  ...[
    'md5',
    'sha1',
    'sha256',
    'sha512',
    'imphash',
    'pehash',
    'cdhash',
    'ja3',
    'jarm',
    'x509',
    'sha3-384',
  ].map((space) => ({
    spaces: [space],
    values: nearly(fc.oneof(digest, pairs(16), pairs(20), pairs(32))),
  })),
  { spaces: ['mac'], values: nearly(fc.oneof(pairs(6), pairs(8), cisco)) },
  {
    spaces: ['ssh-fingerprint'],
    values: nearly(
      fc.oneof(
        pairs(16).map((text) => `MD5:${text}`),
        pairs(16),
        base64(43).map((text) => `SHA256:${text}`),
      ),
    ),
  },
  { spaces: ['community-id'], values: nearly(base64(27).map((text) => `1:${text}=`)) },
  {
    spaces: ['azure-application-id'],
    values: nearly(fc.uuid().chain((text) => fc.constantFrom(text, `{${text.toUpperCase()}}`))),
  },
  {
    spaces: ['mobile-application-id', 'chrome-extension-id'],
    values: nearly(
      fc.oneof(
        name,
        fc.string({ unit: fc.constantFrom(...'abpAP'), minLength: 32, maxLength: 32 }),
      ),
    ),
  },
  ...['filename', 'user-agent', 'regkey', 'mutex', 'named-pipe'].map((space) => ({
    spaces: [space],
    values: free,
  })),
]

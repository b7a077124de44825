import { describe, expect, it } from 'vitest'
import { EMPTY_FILE_HASHES, SPECIAL_NETS } from '../../src/policy/special.js'
import { DAY, list, NOW, type SettingsInput, subject, verdict } from './subjects.js'

const rule = (kind: string, value: string, settings: SettingsInput = {}) =>
  verdict(subject(kind, value), settings).held?.rule ?? 'served'

const reason = (kind: string, value: string, settings: SettingsInput = {}) =>
  verdict(subject(kind, value), settings).held?.reason

describe('special-address', () => {
  it.each(SPECIAL_NETS.map(({ net, what }) => [net, what]))('holds %s (%s)', (net, what) => {
    const [address = ''] = net.split('/')
    expect(reason('ip', address)).toBe(`touches ${what} addresses (${net})`)
    expect(rule('ip-port', address)).toBe('special-address')
  })

  it.each([
    ['127.255.255.255', 'loopback'],
    ['172.31.255.255', 'private'],
    ['100.127.255.255', 'carrier-grade NAT'],
    ['198.19.255.255', 'benchmark'],
    ['239.255.255.255', 'multicast'],
    ['febf::1', 'link-local'],
    ['fdff::1', 'unique local'],
    ['2001:2:0:ffff::1', 'benchmark'],
    ['64:ff9b::a00:1', 'private'],
    ['2002:a00:1::1', 'private'],
    ['::7f00:1', 'loopback'],
  ])('holds %s (%s)', (value, what) => expect(reason('ip', value)).toContain(`touches ${what} `))

  it.each([
    '192.0.2.1',
    '198.51.100.7',
    '203.0.113.9',
    '2001:db8::1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '198.17.255.255',
    '198.20.0.0',
    '223.255.255.255',
    '::2:0:0',
    '64:ff9b::c000:201',
    '2002:c000:201::1',
    '2001:3::1',
  ])('serves %s', (value) => expect(rule('ip', value)).toBe('served'))

  it.each([
    ['10.1.0.0/16', 'special-address'],
    ['10.1.2.0/24', 'special-address'],
    ['192.0.0.0/16', 'special-address'],
    ['198.51.100.0/24', 'served'],
    ['192.0.2.0/24', 'served'],
    ['2001:db8::/32', 'served'],
    ['2001:2::/32', 'special-address'],
    ['64:ff9b::a00:0/120', 'special-address'],
    ['64:ff9b::c000:200/120', 'served'],
  ])('the net %s is %s', (value, expected) => expect(rule('net', value)).toBe(expected))

  it.each([
    ['http://127.0.0.1/', 'special-address'],
    ['http://192.168.1.1/cgi-bin/x', 'special-address'],
    ['http://[::1]:8080/x', 'special-address'],
    ['http://user:pw@10.0.0.1:8080/x?y', 'special-address'],
    ['http://192.0.2.1/x', 'served'],
    ['http://192.0.2.1/', 'served'],
    ['http://evil.example/?to=10.0.0.1', 'served'],
    ['http://evil.example@x@10.0.0.1/y', 'special-address'],
    ['HTTP://10.0.0.1\\y', 'special-address'],
    ['10.0.0.1/y', 'special-address'],
  ])('the URL %s is %s', (value, expected) => expect(rule('url', value)).toBe(expected))
})

describe('wide-net', () => {
  it.each([
    ['198.51.0.0/15', 'wide-net'],
    ['198.51.0.0/16', 'served'],
    ['0.0.0.0/0', 'wide-net'],
    ['2001:db8::/31', 'wide-net'],
    ['2001:db8::/32', 'served'],
    ['::/0', 'wide-net'],
    ['2002:c000::/24', 'wide-net'],
    ['64:ff9b::/96', 'wide-net'],
    ['64:ff9b::/64', 'wide-net'],
  ])('%s is %s', (value, expected) => expect(rule('net', value)).toBe(expected))

  it('goes by the setting', () => {
    const settings = { widest_net: { v4: 24, v6: 48 } }
    expect(reason('net', '203.0.112.0/23', settings)).toBe('is a net wider than /24')
    expect(rule('net', '203.0.113.0/24', settings)).toBe('served')
    expect(reason('net', '2001:db8::/47', settings)).toBe('is a net wider than /48')
    expect(rule('net', '198.51.0.0/8', { widest_net: { v4: 8 } })).not.toBe('wide-net')
  })
})

describe('single-label', () => {
  it.each([
    ['domain', 'com', 'single-label'],
    ['hostname', 'localhost', 'single-label'],
    ['url', 'http://intranet/x', 'single-label'],
    ['email', 'root@localhost', 'single-label'],
    ['domain', 'evil.example', 'served'],
    ['email', 'a@evil.example', 'served'],
    ['mutex', 'Global', 'kind'],
    ['url', 'file:///etc/x', 'served'],
    ['url', '', 'served'],
    ['email', 'a@', 'served'],
  ])('%s %s is %s', (kind, value, expected) => expect(rule(kind, value)).toBe(expected))
})

describe('public-suffix', () => {
  it.each([
    ['domain', 'co.uk', 'public-suffix'],
    ['domain', 'github.io', 'public-suffix'],
    ['hostname', 'duckdns.org', 'public-suffix'],
    ['domain', 'foo.ck', 'public-suffix'],
    ['domain', 'kawasaki.jp', 'public-suffix'],
    ['domain', 'xn--55qx5d.cn', 'public-suffix'],
    ['url', 'https://github.io/', 'public-suffix'],
    ['url', 'https://github.io', 'public-suffix'],
    ['url', 'https://github.io/#x', 'public-suffix'],
    ['url', 'https://evil.github.io/', 'served'],
    ['url', 'https://evil.github.io/x', 'served'],
    ['url', 'https://duckdns.org/x', 'served'],
    ['url', 'https://duckdns.org/?x', 'served'],
    ['url', 'https://duckdns.org?x', 'served'],
    ['hostname', 'evil.duckdns.org', 'served'],
    ['domain', 'evil.github.io', 'served'],
    ['email', 'a@github.io', 'served'],
    ['domain', 'evil.example', 'served'],
    ['domain', 'unlisted.test', 'served'],
  ])('%s %s is %s', (kind, value, expected) => expect(rule(kind, value)).toBe(expected))
})

describe('empty-file', () => {
  it.each(Object.entries(EMPTY_FILE_HASHES))('holds the %s', (kind, value) => {
    expect(reason(kind, value)).toBe(`is the ${kind} of the empty file`)
  })

  it('holds no other, nor the same hash as another kind', () => {
    const md5 = EMPTY_FILE_HASHES.md5 ?? ''
    expect(rule('imphash', md5)).toBe('served')
    expect(rule('hassh', md5)).toBe('served')
    expect(rule('md5', `${md5.slice(0, 31)}f`)).toBe('served')
    expect(rule('constructor', 'constructor')).toBe('served')
  })
})

describe('own', () => {
  const own = {
    own: ['198.51.100.0/24', '2001:db8:1::/48', '203.0.113.5', 'www.uni.example', '@mail.example'],
  }
  it.each([
    ['ip', '198.51.100.77', 'own'],
    ['ip-port', '198.51.100.77', 'own'],
    ['net', '198.51.100.0/28', 'own'],
    ['net', '198.51.0.0/16', 'own'],
    ['net', '203.0.113.0/24', 'own'],
    ['ip', '203.0.113.6', 'served'],
    ['ip', '2001:db8:1::1', 'own'],
    ['ip', '64:ff9b::c633:6401', 'own'],
    ['ip', '2001:db8:2::1', 'served'],
    ['hostname', 'www.uni.example', 'own'],
    ['hostname', 'x.www.uni.example', 'own'],
    ['domain', 'uni.example', 'own'],
    ['hostname', 'uni.example', 'served'],
    ['domain', 'evil-uni.example', 'served'],
    ['url', 'http://www.uni.example/hacked.php', 'own'],
    ['url', 'http://198.51.100.1/hacked.php', 'own'],
    ['email', 'rector@mail.example', 'own'],
    ['email', 'rector@sub.mail.example', 'own'],
    ['email', 'rector@notmail.example', 'served'],
    ['sha256', 'www.uni.example', 'own'],
  ])('%s %s is %s', (kind, value, expected) => expect(rule(kind, value, own)).toBe(expected))

  it('says what of ours', () => {
    expect(reason('net', '203.0.113.0/24', own)).toBe("touches one's own 203.0.113.5")
  })
})

describe('allow', () => {
  const allow = {
    allow: [
      '10.0.0.0/8',
      'github.io',
      'Evil.Example',
      'HTTP://Listed.Example',
      'D41D8CD98F00B204E9800998ECF8427E',
      'Some Mutex',
    ],
    own: ['198.51.100.0/24'],
  }
  it.each([
    ['ip', '10.1.2.3', 'served'],
    ['net', '10.1.0.0/16', 'served'],
    ['net', '10.0.0.0/7', 'wide-net'],
    ['domain', 'github.io', 'served'],
    ['hostname', 'a.b.evil.example', 'served'],
    ['url', 'http://10.0.0.1/x', 'served'],
    ['md5', 'd41d8cd98f00b204e9800998ecf8427e', 'served'],
    ['mutex', 'Some Mutex', 'served'],
    ['mutex', 'other mutex', 'kind'],
    ['ip', '198.51.100.1', 'own'],
  ])('%s %s is %s', (kind, value, expected) => expect(rule(kind, value, allow)).toBe(expected))

  it('skips TLP, age and validity, and never ends', () => {
    const about = subject('ip', '10.1.2.3', { tags: ['tlp:red'], timestamp: 1, lastSeen: 2 })
    expect(verdict(about, allow)).toEqual({ held: null, labels: [], until: null })
  })

  it('allows what is inside an entry, not what is around it', () => {
    const inside = {
      allow: ['192.0.2.0/28', 'a.evil.example'],
      own: ['192.0.2.0/24', 'evil.example'],
    }
    expect(rule('ip', '192.0.2.1', inside)).toBe('served')
    expect(rule('net', '192.0.2.0/24', inside)).toBe('own')
    expect(rule('domain', 'evil.example', inside)).toBe('own')
    expect(rule('domain', 'a.evil.example', inside)).toBe('served')
  })
})

describe('list', () => {
  const hosts = list('hostname', ['listed.example'])

  it('names the list and the entry', () => {
    expect(verdict(subject('domain', 'x.listed.example'), {}, [hosts]).held).toEqual({
      rule: 'list',
      reason: 'is on the list "a list" (listed.example)',
    })
  })

  it.each([
    ['url', 'https://listed.example/', 'list'],
    ['url', 'https://listed.example', 'list'],
    ['url', 'https://www.listed.example/', 'list'],
    ['url', 'https://listed.example/evil', 'served'],
    ['url', 'https://listed.example/?evil', 'served'],
    ['email', 'evil@listed.example', 'served'],
    ['sha256', 'listed.example', 'list'],
  ])('%s %s is %s', (kind, value, expected) => {
    expect(verdict(subject(kind, value), {}, [hosts]).held?.rule ?? 'served').toBe(expected)
  })

  it('holds an e-mail address that is listed itself', () => {
    const emails = list('string', ['Abuse@Listed.Example'])
    expect(verdict(subject('email', 'abuse@listed.example'), {}, [emails]).held?.rule).toBe('list')
    expect(verdict(subject('email', 'evil@listed.example'), {}, [emails]).held).toBeNull()
  })
})

describe('kind', () => {
  it.each(['filename', 'user-agent', 'mutex', 'regkey', 'named-pipe', 'ja3'])(
    '%s is served where the config asks for it',
    (kind) => {
      expect(rule(kind, 'x')).toBe('kind')
      expect(reason(kind, 'x')).toContain(`is of kind ${kind}, `)
      expect(rule(kind, 'x', { kinds: [kind] })).toBe('served')
    },
  )
})

describe('tlp', () => {
  const held = (tags: string[], eventTags: string[], settings: SettingsInput = {}) =>
    verdict(subject('ip', '192.0.2.1', { tags, eventTags }), settings).held?.reason ?? 'served'

  it('counts the strictest of event and attribute', () => {
    expect(held(['tlp:green'], ['TLP:RED'])).toBe(
      'is TLP:RED by the tag TLP:RED, stricter than TLP:AMBER',
    )
    expect(held(['tlp:red'], ['tlp:green'])).toContain('is TLP:RED')
    expect(held(['tlp:amber'], ['tlp:clear'])).toBe('served')
    expect(held(['tlp:amber+strict'], [])).toContain('is TLP:AMBER+STRICT')
  })

  it('reads what has no tag as the setting says', () => {
    expect(held([], [])).toBe('served')
    expect(held([], [], { untagged_as: 'red' })).toBe(
      'is TLP:RED by untagged_as, stricter than TLP:AMBER',
    )
    expect(held([], [], { max_tlp: 'green' })).toContain('by untagged_as')
    expect(held(['tlp:green'], [], { max_tlp: 'green' })).toBe('served')
  })

  it('red serves all', () => {
    expect(held(['tlp:red', 'tlp:what'], [], { max_tlp: 'red' })).toBe('served')
  })
})

describe('age', () => {
  const held = (timestamp: number, lastSeen: number | null, settings: SettingsInput = {}) =>
    verdict(subject('ip', '192.0.2.1', { timestamp, lastSeen }), { validity: false, ...settings })
  const YEAR = 365 * DAY

  it('holds from the second on that the limit is reached', () => {
    expect(held(NOW - YEAR + 1, null)).toEqual({ held: null, labels: [], until: NOW + 1 })
    expect(held(NOW - YEAR, null)).toEqual({
      held: { rule: 'age', reason: 'is older than 1y: last seen or changed 2025-11-21' },
      labels: [],
      until: null,
    })
  })

  it('counts from the later of last_seen and timestamp', () => {
    expect(held(NOW - 2 * YEAR, NOW - DAY).until).toBe(NOW - DAY + YEAR)
    expect(held(NOW - DAY, NOW - 2 * YEAR).until).toBe(NOW - DAY + YEAR)
    expect(held(NOW - 2 * YEAR, NOW - 2 * YEAR).held?.rule).toBe('age')
  })

  it('goes by kind', () => {
    const old = { timestamp: NOW - 18 * 30 * DAY }
    expect(verdict(subject('ip', '192.0.2.1', old)).held?.rule).toBe('age')
    expect(verdict(subject('ip-port', '192.0.2.1', old)).held?.rule).toBe('age')
    expect(verdict(subject('domain', 'evil.example', old)).held).toBeNull()
    expect(verdict(subject('md5', 'a', { timestamp: 0 }))).toMatchObject({
      held: null,
      until: null,
    })
    expect(verdict(subject('a-new-kind', 'a', { timestamp: 0 })).held).toBeNull()
    expect(held(NOW - DAY, null, { max_age: { ip: '1d' } }).held?.reason).toContain('than 1d:')
    expect(held(0, null, { max_age: { ip: 'never' } })).toMatchObject({ held: null, until: null })
  })

  it('takes times from the future and from nowhere', () => {
    expect(held(NOW + DAY, null).until).toBe(NOW + DAY + YEAR)
    expect(held(Number.NaN, null)).toMatchObject({ held: null, until: null })
    expect(held(-1e18, null).held?.reason).toContain('-1000000000000000000')
  })
})

describe('validity', () => {
  const seen = (lastSeen: number, settings: SettingsInput = {}) =>
    verdict(subject('ip', '192.0.2.1', { lastSeen }), settings)

  it('holds once last_seen has passed', () => {
    expect(seen(NOW).held).toBeNull()
    expect(seen(NOW).until).toBe(NOW + 1)
    expect(seen(NOW - 1).held).toEqual({ rule: 'validity', reason: 'was valid until 2026-11-21' })
    expect(seen(NOW - 1, { validity: false }).held).toBeNull()
    expect(seen(NOW + DAY).until).toBe(NOW + DAY + 1)
  })
})

/**
 * What the demo's feed holds: addresses and names of the documentation only (RFC 5737, 3849, 2606),
 * with a bit of everything that can go right and wrong with an indicator.
 */

export interface DemoEvent {
  /** Part of its uuid. */
  readonly number: number
  readonly info: string
  readonly tags: readonly string[]
  readonly daysAgo: number
  /** MISP type and value. */
  readonly attributes: readonly (readonly [type: string, value: string])[]
}

/** It is taken back half-way. */
export const REVOKED = { event: 1, value: '198.51.100.17' } as const

export const DEMO_EVENTS: readonly DemoEvent[] = [
  {
    number: 1,
    info: 'Phishing for webmail passwords',
    tags: ['tlp:green', 'phishing'],
    daysAgo: 2,
    attributes: [
      ['domain', 'webmail-update.example'],
      ['hostname', 'login.webmail-update.example'],
      ['url', 'https://login.webmail-update.example/owa/index.php?id=7'],
      ['ip-dst', REVOKED.value],
      ['email-src', 'helpdesk@webmail-update.example'],
      ['email-subject', 'Your mailbox is full'],
    ],
  },
  {
    number: 2,
    info: 'Loader in an invoice, command and control behind it',
    tags: ['tlp:amber'],
    daysAgo: 5,
    attributes: [
      ['ip-dst|port', '203.0.113.80|8443'],
      ['ip-dst|port', '2001:db8:bad::80|8443'],
      ['domain|ip', 'cdn-invoice.example|198.51.100.44'],
      ['url', 'hxxp://cdn-invoice[.]example/loader.bin'],
      ['sha256', '9f2b6b0d5f1b3c8a7e4d2c1b0a9f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7'],
      [
        'filename|sha256',
        'invoice.js|1d0c7a3e5b9f8d6c4a2e0b1f3d5c7a9e8b6d4f2c0a1e3d5b7f9c8a6e4d2b0f1c',
      ],
      ['sha1', '2c9a7b1f0e8d6c5b4a3928170615f4e3d2c1b0a9'],
      ['md5', '8C1D0E5F3A7B49268D4E6C0B2A9F7E15'],
    ],
  },
  {
    number: 3,
    info: 'A net that hosts nothing else',
    tags: ['tlp:green'],
    daysAgo: 20,
    attributes: [
      ['ip-dst', '203.0.113.128/26'],
      ['ip-src', '2001:db8:5ca0::/48'],
      ['ip-src', '192.0.2.66'],
      ['ip-src', '192.0.2.67'],
    ],
  },
  {
    number: 4,
    info: 'Miner: pools and droppers',
    tags: ['tlp:clear'],
    daysAgo: 33,
    attributes: [
      ['domain', 'pool.coin-dig.example'],
      ['domain', 'xmr.coin-dig.example'],
      ['ip-dst', '198.51.100.90'],
      ['sha256', '0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0'],
      ['imphash', 'f34d5f2d4577ed6d9ceec516c1f5a744'],
    ],
  },
  {
    number: 5,
    info: 'Names in other scripts',
    tags: ['tlp:green'],
    daysAgo: 9,
    attributes: [
      ['domain', 'bücher-rabatt.example'],
      ['hostname', 'WWW.Bücher-Rabatt.example.'],
      ['url', 'http://bücher-rabatt.example/angebot?x=ü'],
    ],
  },
  {
    number: 6,
    info: 'Brute force against SSH',
    tags: ['tlp:green'],
    daysAgo: 1,
    attributes: [
      ['ip-src', '192.0.2.130'],
      ['ip-src', '192.0.2.131'],
      ['ip-src', '192.0.2.132'],
      ['ip-src', '2001:db8:0:0:0:0:0:22'],
      ['hassh-md5', 'b12d2871a1189eff20364cf5333619ee'],
    ],
  },
  {
    number: 7,
    info: 'TLS of a known implant',
    tags: ['tlp:amber'],
    daysAgo: 12,
    attributes: [
      ['jarm-fingerprint', '07d14d16d21d21d07c42d41d00041d24a458a375eef0c576d23a7bab9a9fb1'],
      ['x509-fingerprint-sha1', '7a1d3b5f9c8e6d4b2a0f1e3c5d7b9a8f6e4c2d0b'],
      ['ja3-fingerprint-md5', 'a0e9f5d64349fb13191bc781f81f42e1'],
      ['user-agent', 'Mozilla/4.0 (compatible; implant 2)'],
      ['mutex', 'Global\\implant-2'],
    ],
  },
  {
    number: 8,
    info: 'For the eyes of the recipients only',
    tags: ['tlp:red'],
    daysAgo: 3,
    attributes: [
      ['ip-dst', '198.51.100.200'],
      ['domain', 'secret-meeting.example'],
    ],
  },
  {
    number: 9,
    info: 'From years ago',
    tags: ['tlp:green'],
    daysAgo: 800,
    attributes: [
      ['ip-dst', '192.0.2.250'],
      ['domain', 'long-gone.example'],
      ['sha256', 'aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55aa55'],
    ],
  },
  {
    number: 10,
    info: 'Made in a hurry',
    tags: ['tlp:green'],
    daysAgo: 4,
    attributes: [
      ['ip-dst', '10.0.0.1'],
      ['domain', 'localhost'],
      ['ip-dst', '198.51.100.300'],
      ['ip-dst|port', '203.0.113.81'],
      ['md5', 'not-a-hash'],
      ['sha256', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ],
  },
  {
    number: 11,
    info: 'Reported by two teams',
    tags: ['tlp:green'],
    daysAgo: 6,
    attributes: [
      ['ip-dst', '203.0.113.80'],
      ['domain', 'cdn-invoice.example'],
      ['hostname', 'drop.cdn-invoice.example'],
      ['url', 'http://203.0.113.80:8443/gate'],
      ['filename', 'invoice.js'],
    ],
  },
  {
    number: 12,
    info: 'Blackmail by mail',
    tags: ['tlp:clear'],
    daysAgo: 14,
    attributes: [
      ['email-src', 'we-saw-you@blackmail.example'],
      ['email-reply-to', 'pay@blackmail.example'],
      ['ip-src', '198.51.100.71'],
      ['btc', 'a wallet can not be matched in these logs'],
    ],
  },
]

/** A few lines as a SIEM has them, in the fields of ECS. */
export const LOG_LINES: readonly Record<string, unknown>[] = [
  { 'source.ip': '192.0.2.10', 'destination.ip': REVOKED.value, 'destination.port': 443 },
  { 'source.ip': '192.0.2.11', 'dns.question.name': 'static.login.webmail-update.example' },
  {
    'source.ip': '192.0.2.11',
    'url.full': 'https://login.webmail-update.example/owa/index.php?id=7',
  },
  { 'source.ip': '192.0.2.12', 'destination.ip': '203.0.113.150', 'destination.port': 25 },
  { 'source.ip': '2001:db8:1::7', 'destination.ip': '2001:db8:bad::80', 'destination.port': 8443 },
  { 'source.ip': '2001:db8:1::7', 'destination.ip': '2001:db8:bad::80', 'destination.port': 443 },
  {
    'host.name': 'pc-12',
    'file.hash.sha256': '9F2B6B0D5F1B3C8A7E4D2C1B0A9F8E7D6C5B4A39281706F5E4D3C2B1A0F9E8D7',
  },
  { 'host.name': 'pc-13', 'file.hash.md5': '8c1d0e5f3a7b49268d4e6c0b2a9f7e15' },
  { 'source.ip': '192.0.2.13', 'dns.question.name': 'www.example.org' },
  { 'source.ip': '192.0.2.14', 'destination.ip': '10.0.0.1', 'destination.port': 53 },
  { 'source.ip': '192.0.2.15', 'destination.ip': '198.51.100.200', 'destination.port': 443 },
  { 'source.ip': '192.0.2.131', 'destination.ip': '192.0.2.1', 'destination.port': 22 },
]

export interface DemoFlow {
  /** Seconds after the first one. */
  readonly after: number
  readonly sa: string
  readonly da: string
  readonly sp: number
  readonly dp: number
  /** Default: TCP. */
  readonly protocol?: number
  readonly packets: number
}

/** What a router saw; one of them talks to an address that nobody knows of yet. */
export const FLOWS: readonly DemoFlow[] = [
  { after: 0, sa: '192.0.2.13', da: '192.0.2.1', sp: 50_001, dp: 443, packets: 9 },
  { after: 5, sa: '192.0.2.10', da: REVOKED.value, sp: 50_002, dp: 443, packets: 12 },
  { after: 20, sa: '192.0.2.12', da: '203.0.113.150', sp: 50_003, dp: 25, packets: 4 },
  { after: 31, sa: '192.0.2.14', da: '192.0.2.53', sp: 50_004, dp: 53, protocol: 17, packets: 1 },
  { after: 40, sa: '192.0.2.20', da: '203.0.113.77', sp: 50_005, dp: 4444, packets: 30 },
  {
    after: 55,
    sa: '2001:db8:1:0:0:0:0:7',
    da: '2001:db8:bad:0:0:0:0:80',
    sp: 50_006,
    dp: 8443,
    packets: 8,
  },
  { after: 61, sa: '192.0.2.15', da: '203.0.113.80', sp: 50_007, dp: 8443, packets: 6 },
]

/** It is shared when its flow is an hour old. */
export const LEARNED: DemoEvent = {
  number: 13,
  info: 'A controller that was found in another network',
  tags: ['tlp:green'],
  daysAgo: 0,
  attributes: [['ip-dst|port', '203.0.113.77|4444']],
}

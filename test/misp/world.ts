/** Worlds for the stand-in: one like the recorded MISP, and one of any size. */
import { generated, valueOfType } from './generate.js'
import type { AttributeSpec } from './model.js'
import { mix, pick } from './random.js'
import { Store } from './store.js'

const DAY = 86_400

export interface WorldOptions {
  /** Unix seconds; without it the machine's clock runs on. */
  readonly now?: number
  readonly seed?: number
}

/**
 * About a hundred events and 2,000 attributes, like the MISP of the recordings: one event with a
 * bit of everything, one never published, one of objects, one that changes, one for its own
 * organisation only, a synced one with old timestamps, a soft-deleted attribute, and generated
 * ones over the last 50 days, some tagged.
 */
export function smallWorld(options: WorldOptions = {}): Store {
  const store = new Store(options)
  const seed = options.seed ?? 1
  addSpecials(store)
  for (let i = 0; i < 94; i++) addGenerated({ store, seed, position: i, count: 15 + (i % 11) })
  return store
}

export interface BulkOptions extends WorldOptions {
  /** How many attributes in all. */
  readonly attributes: number
  /** How many an event has: a number, or from ... to. Default 10 to 500. */
  readonly eventsOf?: number | readonly [from: number, to: number]
}

/** Any number of attributes; what is not touched is made when it is asked for. */
export function bulkWorld(options: BulkOptions): Store {
  const store = new Store(options)
  const seed = options.seed ?? 1
  const [from, to] = rangeOf(options.eventsOf ?? [10, 500])
  let left = options.attributes
  for (let position = 0; left > 0; position++) {
    const count = Math.min(left, from + pick(mix(seed, position, 201), to - from + 1))
    addGenerated({ store, seed, position, count })
    left -= count
  }
  return store
}

function rangeOf(eventsOf: number | readonly [number, number]): readonly [number, number] {
  return typeof eventsOf === 'number' ? [eventsOf, eventsOf] : eventsOf
}

/**
 * Edits one attribute in each of `n` events, spread over the world, and publishes them again.
 * The new value is fresh each time. Returns the ids of the attributes.
 */
export function touch(store: Store, n: number): number[] {
  const events = store.eventsById()
  const step = Math.max(1, Math.floor(events.length / n))
  return Array.from({ length: Math.min(n, events.length) }, (_, i) => {
    const event = events[(i * step) % events.length]!
    const row = event.attributes()[0]!
    const value = valueOfType(row.type, mix(row.timestamp, store.now), row.id)
    store.editAttribute(row.id, { value, comment: `touched at ${store.now}` })
    store.publish(event.id)
    return row.id
  })
}

function addGenerated(what: {
  readonly store: Store
  readonly seed: number
  readonly position: number
  readonly count: number
}): void {
  const { store, seed, position, count } = what
  const word = mix(seed, position, 202)
  const timestamp = store.now - DAY - pick(word, 50 * DAY)
  store.addEvent(
    {
      info: `Campaign ${position}, wave ${word % 9}`,
      timestamp,
      publish_timestamp: timestamp + 60,
      threat_level_id: 1 + (word % 4),
      analysis: word % 3,
      tags: [['tlp:amber'], ['tlp:green'], ['tlp:green', 'bulk:family="emotet"'], []][word % 4]!,
    },
    (firstId) => generated({ seed, count, firstId }),
  )
}

function addSpecials(store: Store): void {
  const now = store.now
  const recent = { timestamp: now - 2 * DAY, publish_timestamp: now - 2 * DAY + 1 }
  const info =
    'Événement Ünïcode 日本語 "double" \'single\' back\\slash\nsecond line\ttab <b>html</b> & amp'
  store.addEvent({
    ...recent,
    info,
    tags: ['tlp:amber'],
    attributes: at(EVERYTHING, now - 2 * DAY),
  })
  store.addEvent({
    info: 'Never published',
    timestamp: now - DAY,
    published: false,
    attributes: at(
      [
        ['ip-dst', '198.51.100.101'],
        ['domain', 'unpublished.example.com'],
      ],
      now - DAY,
    ),
  })
  store.addEvent({
    ...recent,
    info: 'Objects',
    objects: [
      {
        id: 1,
        uuid: 'f88e81a7-3eef-471c-8031-954a08553689',
        name: 'file',
        distribution: 0,
        deleted: false,
      },
    ],
    attributes: at(OBJECT, now - 2 * DAY).map((row) => ({
      ...row,
      object_id: 1,
      object_relation: row.type,
    })),
  })
  const changing = Array.from(
    { length: 20 },
    (_, i) => ['ip-dst', `198.51.100.${201 + i}`] as const,
  )
  const event = store.addEvent({
    ...recent,
    info: 'Changing',
    tags: ['tlp:green'],
    attributes: at(changing, now - 2 * DAY),
  })
  event.own()[3]!.deleted = true
  store.addEvent({
    ...recent,
    info: 'Own organisation only',
    distribution: 0,
    attributes: at([['ip-dst', '198.51.100.240']], now - 2 * DAY),
  })
  store.syncEventFromRemote({
    uuid: '18f2bcb2-0d6c-4b52-9e8f-5cd0e8712a6f',
    info: 'Synced from afar',
    timestamp: 1_610_000_000,
    distribution: 2,
    attributes: [{ type: 'ip-dst', value: '198.51.100.61' }],
  })
}

function at(rows: readonly (readonly [string, string])[], timestamp: number): AttributeSpec[] {
  return rows.map(([type, value]) => ({ type, value, timestamp, to_ids: !CONTEXT.has(type) }))
}

const CONTEXT = new Set(['text', 'vulnerability', 'AS', 'size-in-bytes', 'email-dst'])
const MD5 = '86af938f85895f7eed698da2d2fa9f1e'
const SHA1 = 'abd858bad1806110771a7080eeba7203f8f85458'
const SHA256 = 'e0f3fc8e88a4ded08551be5eac2a5cab64f0ac95119db0e9c1de6979dad2e8a4'

const OBJECT: readonly (readonly [string, string])[] = [
  ['filename', 'malware.exe'],
  ['md5', '0d61f8370cad1d412f80b84d143e1257'],
  ['sha256', '6b23c0d5f35d1b11f9b683f0b0a617355deb11277d91ae091d399c655b87940d'],
  ['size-in-bytes', '12345'],
]

const EVERYTHING: readonly (readonly [string, string])[] = [
  ['md5', MD5],
  ['sha1', SHA1],
  ['sha256', SHA256],
  ['imphash', '5ad5d40674af15101336411100dc8bb3'],
  ['domain', 'www.example.com'],
  ['filename|md5', 'evil name.exe|bd19836ddb62c11c55ab251ccaca5645'],
  ['filename|sha256', `EVIL.EXE|${SHA256.split('').reverse().join('')}`],
  ['ip-src', '198.51.100.7'],
  ['ip-dst', '203.0.113.9'],
  ['ip-dst', '2001:db8::1'],
  ['ip-dst', '192.0.2.0/24'],
  ['ip-dst', '2001:db8:abcd::/48'],
  ['ip-src|port', '198.51.100.20|4444'],
  ['ip-dst|port', '203.0.113.20|443'],
  ['ip-dst|port', '2001:db8::20|8443'],
  ['domain', 'evil.example.com'],
  ['domain', 'xn--bcher-kva.example'],
  ['hostname', 'c2.evil.example.net'],
  ['domain|ip', 'pair.example.org|203.0.113.30'],
  ['hostname|port', 'host.example.org|8443'],
  ['url', 'http://Evil.example.com/Path/?a=1&b=ü#frag'],
  ['url', 'https://example.net/a|b?q="x y"'],
  ['uri', '/gate.php?id=1'],
  ['user-agent', 'Mozilla/5.0 (Windows NT 10.0) Evil/1.0 "q" | pipe'],
  ['mutex', 'Global\\MUTEX {A-B} é'],
  ['regkey', 'HKLM\\Software\\Evil\\Run'],
  ['named pipe', '\\\\.\\pipe\\evil pipe'],
  ['email-src', 'bad.guy@evil.example.com'],
  ['email-dst', 'victim@example.com'],
  ['email', 'generic@evil.example.com'],
  ['ja3-fingerprint-md5', '6407eab466f27556146fdaefcf768231'],
  ['x509-fingerprint-sha1', '0b48d5df660d7eae4d751fb0902c903ec767443b'],
  ['filename', 'dropper.exe'],
  ['AS', '64500'],
  ['vulnerability', 'CVE-2024-1234'],
  ['text', 'just text with\nnewline'],
  ['ip-dst', '192.0.2.53'],
  ['md5', 'd41d8cd98f00b204e9800998ecf8427e'],
]

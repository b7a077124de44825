/** tipline.rb under real Ruby, with real Dalli, on a real memcached that our sink filled. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeyState } from '../../src/sinks/sink.js'
import { hasDalli, hasMemcached, Memcached } from '../servers/memcached.js'
import { carrier } from '../sinks/states.js'
import { fill, now } from './fill.js'
import { type Data, Ruby } from './ruby.js'

const LONG_URL = `http://evil.example/${'a'.repeat(400)}`

function state(space: string, value: string, ...carriers: Parameters<typeof carrier>[]): KeyState {
  return { space, value, carriers: carriers.map(([of]) => carrier(of)) }
}

const STATES: readonly KeyState[] = [
  state(
    'ip',
    '198.51.100.7',
    [{ eventId: '8', type: 'ip-dst|port', port: 443 }],
    [{ eventId: '7', type: 'ip-src' }],
  ),
  state('ip', '203.0.113.9', [{ eventId: '9', type: 'ip-dst|port', port: 8443 }]),
  state('ip', '2001:db8::1', [{ eventId: '10', type: 'ip-dst' }]),
  state('net', '192.0.2.128/25', [{ eventId: '11', type: 'ip-dst' }]),
  state('net', '2001:db8:bad::/48', [{ eventId: '12', type: 'ip-src' }]),
  state('domain', 'evil.example', [{ eventId: '13', type: 'domain' }]),
  state('hostname', 'www.bad.example', [{ eventId: '14', type: 'hostname' }]),
  state('url', 'http://evil.example/gate.php?id=1', [{ eventId: '15', type: 'url' }]),
  state('url', LONG_URL, [{ eventId: '16', type: 'url' }]),
  state('email', 'boss@evil.example', [{ eventId: '17', type: 'email-src' }]),
  state('sha256', 'ab'.repeat(32), [{ eventId: '18', type: 'filename|sha256' }]),
]

/** Of each hit: the field, the value in the log, the namespace, and MISP's event in the link. */
function hits(event: Data): string[] {
  const threat = event.threat as { enrichments?: Enrichment[] } | undefined
  return (threat?.enrichments ?? []).map(({ matched, indicator }) =>
    [matched.field, matched.atomic, matched.index, indicator.reference?.split('/').at(-1)].join(
      ' ',
    ),
  )
}

interface Enrichment {
  readonly matched: Record<string, string>
  readonly indicator: Record<string, string>
}

describe.skipIf(!hasMemcached() || !hasDalli())('tipline.rb', () => {
  let memcached: Memcached
  let ruby: Ruby

  beforeAll(async () => {
    memcached = await Memcached.start()
  })
  afterAll(() => memcached.stop())
  beforeEach(async () => {
    await memcached.restart()
    ruby = new Ruby()
  })
  afterEach(async () => {
    await ruby.close()
    expect(ruby.stderr).toBe('')
  })

  async function start(of: Partial<Parameters<Ruby['load']>[0]> = {}, sourceNames = ['main']) {
    const settings = { value: of.value ?? ('json' as const) }
    await fill(memcached.address, { states: STATES, settings, sourceNames })
    return ruby.load({ servers: [memcached.address], ...of })
  }

  it('tells a hit as ECS wants it, and how old the intelligence is', async () => {
    await start()
    const event = await ruby.one({
      source: { ip: '192.0.2.1' },
      destination: { ip: '2001:DB8:0::1' },
    })
    expect(event).toMatchObject({
      tipline: { age: expect.toSatisfy((age: number) => age >= 90 && age < 150) },
    })
    expect(event.tags).toBeUndefined()
    expect(event.threat).toEqual({
      enrichments: [
        {
          matched: {
            atomic: '2001:DB8:0::1',
            field: 'destination.ip',
            id: '00000000-0000-4000-9000-000000000001',
            index: 'misp-ip',
            occurred: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
            type: 'indicator_match_rule',
          },
          indicator: {
            type: 'ipv6-addr',
            ip: '2001:db8::1',
            name: '2001:db8::1',
            provider: 'main',
            reference: 'https://misp.example.org/events/view/10',
            description: 'Scans of the example network',
            marking: { tlp: 'GREEN' },
            modified_at: '2025-06-15T14:50:00Z',
          },
        },
      ],
    })
  })

  it('leaves a line that hits nothing as it was, but for the age', async () => {
    await start()
    const event = { message: 'hi', source: { ip: '192.0.2.1', port: 7 }, tags: ['a'] }
    const { tipline, ...rest } = await ruby.one(event)
    expect(rest).toEqual(event)
    expect(tipline).toEqual({ age: expect.any(Number) })
    expect(await ruby.one({ message: 'nothing to look up' })).toEqual({
      message: 'nothing to look up',
    })
  })

  it('meets nets, parent domains, exact host names, long URLs, hashes', async () => {
    await start()
    const met = async (event: Data) => hits(await ruby.one(event))
    expect(await met({ source: { ip: '192.0.2.200' } })).toEqual([
      'source.ip 192.0.2.200 misp-net 11',
    ])
    expect(await met({ source: { ip: '192.0.2.100' } })).toEqual([])
    expect(await met({ client: { ip: '2001:db8:bad:1::5' } })).toEqual([
      'client.ip 2001:db8:bad:1::5 misp-net 12',
    ])
    expect(await met({ dns: { question: { name: 'A.b.Evil.Example.' } } })).toEqual([
      'dns.question.name A.b.Evil.Example. misp-domain 13',
    ])
    expect(await met({ url: { domain: 'notevil.example' } })).toEqual([])
    expect(await met({ url: { domain: 'www.bad.example' } })).toEqual([
      'url.domain www.bad.example misp-hostname 14',
    ])
    expect(await met({ url: { domain: 'x.www.bad.example' } })).toEqual([])
    expect(await met({ url: { full: 'HTTP://user:pw@EVIL.example:80/gate.php?id=1#x' } })).toEqual([
      'url.full HTTP://user:pw@EVIL.example:80/gate.php?id=1#x misp-url 15',
    ])
    expect(await met({ url: { original: LONG_URL } })).toEqual([
      `url.original ${LONG_URL} misp-url 16`,
    ])
    expect(await met({ file: { hash: { sha256: 'AB'.repeat(32) } } })).toEqual([
      `file.hash.sha256 ${'AB'.repeat(32)} misp-sha256 18`,
    ])
  })

  it('gives a hit to every field that has the value, and to every value of a list', async () => {
    await start()
    const event = await ruby.one({
      source: { ip: '192.0.2.1' },
      destination: { ip: '2001:db8::1' },
      server: { ip: '2001:db8::1' },
      dns: {
        resolved_ip: ['192.0.2.1', '2001:db8::1', '192.0.2.129'],
        answers: [{ data: 'x.evil.example' }, { data: '2001:db8::1' }],
      },
    })
    expect(hits(event).sort()).toEqual([
      'destination.ip 2001:db8::1 misp-ip 10',
      'dns.answers.data 2001:db8::1 misp-ip 10',
      'dns.answers.data x.evil.example misp-domain 13',
      'dns.resolved_ip 192.0.2.129 misp-net 11',
      'dns.resolved_ip 2001:db8::1 misp-ip 10',
      'server.ip 2001:db8::1 misp-ip 10',
    ])
  })

  it('drops a hit whose port disagrees, where it knows the port', async () => {
    await start()
    const met = async (destination: Data) => hits(await ruby.one({ destination }))
    const ip = '203.0.113.9'
    expect(await met({ ip, port: 8443 })).toEqual([`destination.ip ${ip} misp-ip 9`])
    expect(await met({ ip, port: '8443' })).toHaveLength(1)
    expect(await met({ ip, port: 443 })).toEqual([])
    expect(await met({ ip })).toHaveLength(1)
    expect(await met({ ip: '198.51.100.7', port: 80 })).toEqual([
      'destination.ip 198.51.100.7 misp-ip 7',
    ])
    expect(await met({ ip: '198.51.100.7', port: 443 })).toHaveLength(2)
  })

  it('meets a type only where it belongs', async () => {
    await start()
    const boss = 'Boss@evil.example'
    expect(hits(await ruby.one({ email: { from: { address: [boss] } } }))).toEqual([
      `email.from.address ${boss} misp-email 17`,
    ])
    expect(hits(await ruby.one({ email: { to: { address: [boss] } } }))).toEqual([])
  })

  it('appends to the enrichments that are there', async () => {
    await start()
    const there = { matched: { atomic: 'x' }, indicator: { type: 'file' } }
    const destination = { ip: '2001:db8::1' }
    const kept = async (enrichments: unknown) =>
      ((await ruby.one({ destination, threat: { enrichments } })).threat as Data)
        .enrichments as Data[]
    expect((await kept([there]))[0]).toEqual(there)
    expect(await kept([there])).toHaveLength(2)
    expect((await kept(there))[0]).toEqual(there)
    expect(await kept(['not', 'ECS', 1])).toHaveLength(1)
  })

  it('reads ids, of one source and of several, and leaves what the old script left', async () => {
    await start({ value: 'ids' })
    const destination = { ip: '198.51.100.7', port: 80 }
    const event = await ruby.one({ destination })
    expect(event.misp).toEqual({ event_id: ['7', '8'], type: ['ip-src', 'ip-dst|port'] })
    // No port stands in ids: the hit is kept, as the port is not known.
    expect(hits(event)).toHaveLength(2)
    const sources = ['main', 'other'].map(
      (name) => `  - { name: ${name}, url: "https://${name}.example.org", key: k }`,
    )
    await start({ value: 'ids', sources: sources.join('\n') }, ['main', 'other'])
    const [first] = ((await ruby.one({ destination })).threat as { enrichments: Enrichment[] })
      .enrichments
    expect(first?.indicator).toMatchObject({
      provider: 'main',
      reference: 'https://main.example.org/events/view/7',
    })
    await start({ value: 'ids', mispFields: false })
    expect((await ruby.one({ destination })).misp).toBeUndefined()
  })

  it('asks neither for private addresses nor for its own', async () => {
    const own =
      'policy: { own: [192.0.2.0/24, corp.example], allow: [192.0.2.200, vpn.corp.example] }'
    await start({ more: own })
    const quiet = await ruby.one({
      source: { ip: '10.1.2.3', domain: 'host.corp.example' },
      destination: { ip: '192.0.2.129' },
      client: { ip: 'fe80::1' },
    })
    // Nothing was asked, so nothing is known of the age.
    expect(quiet.tipline).toBeUndefined()
    expect(hits(await ruby.one({ source: { ip: '192.0.2.200' } }))).toHaveLength(1)
    expect((await ruby.one({ source: { domain: 'vpn.corp.example' } })).tipline).toBeDefined()
  })

  it('meets the IPv4 address behind NAT64 and in IPv4-mapped IPv6', async () => {
    await start()
    const met = async (ip: string) =>
      hits(await ruby.one({ source: { ip } })).map((hit) => hit.split(' ').at(-1))
    expect(await met('::ffff:192.0.2.129')).toEqual(['11'])
    expect(await met('64:ff9b::c000:281')).toEqual(['11'])
  })

  it('learns at once of a net with a new length', async () => {
    await start()
    const event = { source: { ip: '198.51.100.99' } }
    expect(hits(await ruby.one(event))).toEqual([])
    await fill(memcached.address, {
      states: [...STATES, state('net', '198.51.100.96/29', [{ eventId: '44' }])],
    })
    expect(hits(await ruby.one(event))).toEqual(['source.ip 198.51.100.99 misp-net 44'])
  })

  it('takes own fields, with a port of their own', async () => {
    const ownFields = `"[id.resp_h]": destination.ip\n"[id.resp_p]": destination.port\nzeek.ssl.sni: tls.client.server_name\nhash: sha256\n`
    await start({ ownFields })
    const met = async (event: Data) => hits(await ruby.one(event))
    expect(await met({ 'id.resp_h': '203.0.113.9', 'id.resp_p': 8443 })).toEqual([
      '[id.resp_h] 203.0.113.9 misp-ip 9',
    ])
    expect(await met({ 'id.resp_h': '203.0.113.9', 'id.resp_p': 443 })).toEqual([])
    expect(await met({ zeek: { ssl: { sni: 'evil.example' } } })).toEqual([
      'zeek.ssl.sni evil.example misp-domain 13',
    ])
    expect(await met({ hash: 'ab'.repeat(32) })).toHaveLength(1)
    expect(await met({ source: { ip: '203.0.113.9' } })).toEqual([])
  })

  it('says so where memcached is down, empty or stale, and recovers', async () => {
    await start({ staleAfter: 3600 })
    const event = { destination: { ip: '2001:db8::1' } }
    expect((await ruby.one(event)).tags).toBeUndefined()
    await memcached.stop()
    const started = Date.now()
    const during = await ruby.filter(Array.from({ length: 200 }, () => event))
    expect(during.every(({ tags }) => String(tags) === '_tipline_unavailable')).toBe(true)
    expect(Date.now() - started).toBeLessThan(5000)
    await memcached.restart()
    await fill(memcached.address, {
      states: STATES,
      heartbeat: { sources: [{ name: 'main', lastGoodSync: now() - 7200 }] },
    })
    // Another thread has not learned that the server was down.
    const [after] = await ruby.filter([event], 1)
    expect(after?.tags).toEqual(['_tipline_stale'])
    expect(hits(after!)).toHaveLength(1)
    await memcached.restart()
    const [empty] = await ruby.filter([event], 1)
    expect(empty?.tags).toEqual(['_tipline_unavailable'])
  })

  it('notices one of several servers that is down, and asks the other', async () => {
    const other = await Memcached.start()
    const settings = await start()
    await fill(other.address, { states: STATES })
    await ruby.reload(settings, { servers: [memcached.address, other.address] })
    const events = STATES.filter(({ space }) => space === 'ip').map(({ value }) => ({
      destination: { ip: value },
    }))
    const before = await ruby.filter(events)
    expect(before.map(({ tags }) => tags)).toEqual(events.map(() => undefined))
    await other.stop()
    await sleep(1100)
    const after = await ruby.filter(events)
    expect(after.every(({ tags }) => String(tags) === '_tipline_unavailable')).toBe(true)
    expect(after.map((event) => hits(event).length)).toEqual(
      before.map((event) => hits(event).length),
    )
  })

  it('tells an address once, though its net is also spelled out', async () => {
    const of = { eventId: '11', type: 'ip-dst' }
    const states = [state('net', '192.0.2.128/25', [of]), state('ip', '192.0.2.200', [of])]
    await fill(memcached.address, { states })
    await ruby.load({ servers: [memcached.address] })
    expect(hits(await ruby.one({ source: { ip: '192.0.2.200' } }))).toEqual([
      'source.ip 192.0.2.200 misp-ip 11',
    ])
  })

  it('is not stalled by a server that no longer answers', async () => {
    await start()
    const event = { destination: { ip: '2001:db8::1' } }
    memcached.freeze()
    const started = Date.now()
    const during = await ruby.filter(Array.from({ length: 100 }, () => event))
    memcached.thaw()
    expect(during.every(({ tags }) => String(tags) === '_tipline_unavailable')).toBe(true)
    // Two waits of half a second, and then no more for ten.
    expect(Date.now() - started).toBeLessThan(5000)
  })

  it('never unmarshals, and says that something is wrong', async () => {
    await start()
    const hosts = [memcached.address]
    await ruby.ask('marshalled', { hosts, key: 'misp-ip:198.51.100.50', value: '7#ip-dst' })
    await ruby.ask('marshalled', { hosts, key: 'misp-ip:198.51.100.51', value: 'x'.repeat(10_000) })
    for (const ip of ['198.51.100.50', '198.51.100.51']) {
      const event = await ruby.one({ destination: { ip } })
      expect([hits(event), event.tags]).toEqual([[], ['_tipline_bad_value']])
    }
  })

  it('finds under the hash what is too long for a key or holds blanks', async () => {
    await fill(memcached.address, {
      states: [state('user-agent', 'Evil Browser 1.0', [{ type: 'user-agent', eventId: '20' }])],
    })
    await ruby.load({ servers: [memcached.address], more: 'policy: { kinds: [user-agent] }' })
    const hash = createHash('sha256').update('Evil Browser 1.0').digest('hex')
    expect(await memcached.read(`misp-user-agent-sha256:${hash}`)).toContain('user-agent')
    expect(hits(await ruby.one({ user_agent: { original: 'Evil Browser 1.0' } }))).toEqual([
      'user_agent.original Evil Browser 1.0 misp-user-agent 20',
    ])
  })

  it('follows lists within lists deeper than a stack is', () => {
    const fields = fileURLToPath(new URL('../../logstash/fields.rb', import.meta.url))
    const script = `
      require ARGV[0]
      module Limit; VALUES = 500; end
      Field = Struct.new(:path)
      deep = 'evil.example'
      200_000.times { deep = [deep] }
      event = Struct.new(:fields) { def get(reference) = fields[reference] }.new({ '[name]' => deep })
      values, = FieldTree.new([Field.new(['name'])]).values(event)
      print values.map(&:last).join(' ')`
    expect(execFileSync('ruby', ['-e', script, fields], { encoding: 'utf8' })).toBe('evil.example')
  })

  it('never stops on an odd event', async () => {
    await start()
    const odd: Data[] = [
      { source: 'a string', destination: { ip: 7, port: [] }, dns: null, threat: 'none', url: [] },
      { source: { ip: { nested: true } }, destination: { ip: [[['2001:db8::1']]] } },
      { destination: { ip: '2001:db8::1' }, threat: 'a string' },
      { destination: { ip: '2001:db8::1' }, tipline: 'a string' },
      {
        dns: { question: { name: '\u0000' } },
        url: { full: '%{[x]}', domain: `${'a.'.repeat(126)}a` },
      },
      {
        dns: { resolved_ip: Array.from({ length: 5000 }, (_, n) => `198.51.100.${n % 250}.${n}`) },
      },
      {
        dns: { question: { name: Array.from({ length: 400 }, (_, n) => `a.b.c.d.n${n}.example`) } },
      },
    ]
    const after = await ruby.filter(odd)
    expect(after).toHaveLength(odd.length)
    expect(hits(after[1]!)).toHaveLength(1)
    expect(after[2]).toMatchObject({ threat: 'a string', tags: ['_tipline_error'] })
    expect(after[2]!.tipline).toMatchObject({
      error: expect.stringMatching(/^LogStash::Event::InvalidFieldSet at line \d+$/),
    })
    expect(after[3]!.tags).toEqual(['_tipline_error'])
    expect(after[5]!.tags).toEqual(['_tipline_truncated'])
    expect(after[6]!.tags).toEqual(['_tipline_truncated'])
  })

  it('tells what it can where a plain value is in the way, which whoever writes the log can put there', async () => {
    await start({ mispFields: true, staleAfter: 10 })
    const destination = { ip: '2001:db8::1' }
    const plain = await ruby.filter([
      { destination, tipline: 'none' },
      { destination, misp: 'none' },
      { destination, threat: 'none' },
    ])
    const of = (event: Data) => [hits(event).length > 0, event.misp, event.tags]
    const misp = { event_id: ['10'], type: ['ip-dst'] }
    const tags = ['_tipline_stale', '_tipline_error']
    expect(plain.map(of)).toEqual([
      [true, misp, tags],
      [true, 'none', tags],
      [false, misp, tags],
    ])
    for (const { tipline } of plain.slice(1)) {
      expect(tipline).toMatchObject({ age: expect.any(Number), error: expect.any(String) })
    }
  })

  it('is not held up by long values that go through every pattern', async () => {
    const kinds = 'policy: { kinds: [filename, user-agent, regkey, named-pipe, mutex, ja3] }'
    await start({ more: kinds })
    const { fields } = JSON.parse(readFileSync(`${ruby.folder}/tipline.json`, 'utf8')) as {
      fields: { path: string[]; spaces: string[] }[]
    }
    const each = new Map(fields.map((field) => [field.spaces.join(), field]))
    const long = [
      'a',
      ' ',
      '.',
      '1.',
      '/',
      '%41',
      '[',
      ':',
      '::',
      '@',
      'a@',
      'a:',
      '<',
      '*.',
      '\\',
      '../',
    ]
    const texts = long.flatMap((piece) => {
      const all = piece.repeat(40_000 / piece.length)
      return [all, `a${all}b`, `http://${all}`, `${all}/x`, `${all}!`]
    })
    const events = texts.map((text) => nested([...each.values()], text))
    expect(await ruby.filter(events)).toHaveLength(events.length)
  })

  it('loads all it needs before the first event: half-loaded, it would fail other threads', async () => {
    await start()
    const before = await ruby.ask<string[]>('loaded')
    const event = { url: { full: LONG_URL }, destination: { ip: '198.51.100.7' }, tags: ['x'] }
    expect(hits(await ruby.one(event))).toHaveLength(3)
    const file = { hash: { sha256: 'ab'.repeat(32) } }
    expect(hits(await ruby.one({ file, '@timestamp': 'not a time' }))).toHaveLength(1)
    memcached.freeze()
    await ruby.one(event)
    memcached.thaw()
    expect(await ruby.ask('loaded')).toEqual(before)
  })

  it('answers alike from eight threads', async () => {
    await start()
    const events = Array.from({ length: 400 }, (_, n) => ({ source: { ip: `192.0.2.${n % 256}` } }))
    const after = await ruby.filter(events, 8)
    expect(after.map((event) => hits(event).length)).toEqual(
      events.map((_, n) => (n % 256 >= 128 ? 1 : 0)),
    )
  })
})

/** An event with the same text in every field. */
function nested(fields: readonly { path: readonly string[] }[], text: string): Data {
  const event: Data = {}
  for (const { path } of fields) {
    const holder = path.slice(0, -1).reduce<Data>((at, name) => {
      at[name] ??= {}
      return at[name] as Data
    }, event)
    holder[path.at(-1)!] = text
  }
  return event
}

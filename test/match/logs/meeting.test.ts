import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PRESETS } from '../../../src/match/logs/presets.js'
import { type Given, KnownLedger } from '../ledger.js'
import { matcherOf, type TestMatcher } from './logs.js'

let ledger: KnownLedger
let open: TestMatcher[]

beforeEach(() => {
  ledger = new KnownLedger()
  open = []
})

afterEach(() => {
  for (const matcher of open) matcher.close()
  ledger.close()
})

function knowing(given: readonly Given[], preset: keyof typeof PRESETS = 'ecs'): TestMatcher {
  ledger.pull('e1', given)
  const matcher = matcherOf(ledger, { fields: PRESETS[preset] })
  open.push(matcher)
  return matcher
}

const dns = (name: string) => ({ dns: { question: { name } } })

describe('names', () => {
  it('a domain matches itself and all below it, never a sibling (M1)', () => {
    const { hits } = knowing([{ type: 'domain', value: 'evil.example' }])
    expect(hits(dns('evil.example'))).toEqual([
      'dns.question.name: evil.example exact domain evil.example',
    ])
    expect(hits(dns('A.b.EVIL.example.'))).toEqual([
      'dns.question.name: A.b.EVIL.example. parent domain evil.example',
    ])
    expect(hits(dns('notevil.example'))).toEqual([])
    expect(hits(dns('evil.example.org'))).toEqual([])
  })

  it('a host name matches exactly (M2)', () => {
    const { hits } = knowing([{ type: 'hostname', value: 'www.evil.example' }])
    expect(hits(dns('WWW.evil.example'))).toHaveLength(1)
    expect(hits(dns('a.www.evil.example'))).toEqual([])
    expect(hits(dns('evil.example'))).toEqual([])
  })

  it('a public suffix never matches, whoever let it through (M3)', () => {
    const { hits } = knowing([
      { type: 'domain', value: 'co.uk' },
      { type: 'domain', value: 'duckdns.org' },
      { type: 'domain', value: 'bad.duckdns.org' },
    ])
    expect(hits(dns('shop.co.uk'))).toEqual([])
    expect(hits(dns('co.uk'))).toEqual([])
    expect(hits(dns('good.duckdns.org'))).toEqual([])
    expect(hits(dns('x.bad.duckdns.org'))).toHaveLength(1)
  })

  it('an international name meets its punycode', () => {
    const { hits } = knowing([{ type: 'domain', value: 'bücher.example' }])
    expect(hits(dns('www.BÜCHER.example'))).toHaveLength(1)
    expect(hits(dns('xn--bcher-kva.example'))).toHaveLength(1)
  })
})

describe('addresses', () => {
  it('meet themselves and every net that holds them (M4)', () => {
    const { hits } = knowing([
      { type: 'ip-dst', value: '198.51.100.7' },
      { type: 'ip-dst', value: '198.51.100.0/28' },
      { type: 'ip-src', value: '198.51.0.0/16' },
      { type: 'ip-src', value: '2001:db8:1::/48' },
    ])
    expect(hits({ source: { ip: '198.51.100.7' } })).toEqual([
      'source.ip: 198.51.100.7 exact ip 198.51.100.7',
      'source.ip: 198.51.100.7 net net 198.51.100.0/28',
      'source.ip: 198.51.100.7 net net 198.51.0.0/16',
    ])
    expect(hits({ source: { ip: '198.51.100.17' } })).toHaveLength(1)
    expect(hits({ source: { ip: '198.52.0.1' } })).toEqual([])
    expect(hits({ source: { ip: '2001:0DB8:0001:ffff::1' } })).toHaveLength(1)
    expect(hits({ source: { ip: '2001:db8:2::1' } })).toEqual([])
  })

  it('count with the dot of the root behind them (M4)', () => {
    const { hits } = knowing([
      { type: 'ip-dst', value: '192.0.2.1' },
      { type: 'ip-dst', value: '198.51.100.0/24' },
    ])
    const to = (address: string) => ({ destination: { address } })
    expect(hits(to('192.0.2.1.'))).toEqual(['destination.address: 192.0.2.1. exact ip 192.0.2.1'])
    expect(hits(to('198.51.100.9.'))).toHaveLength(1)
    expect(hits(to('192.0.2.1..'))).toEqual([])
  })

  it('an address and port meets the port of the same side, where the line tells it (M5)', () => {
    const { hits } = knowing([{ type: 'ip-dst|port', value: '192.0.2.9|8443' }])
    const at = (port?: number) => ({
      destination: { ip: '192.0.2.9', port },
      source: { port: 8443 },
    })
    expect(hits(at(8443))).toEqual(['destination.ip: 192.0.2.9 exact ip-port 192.0.2.9|8443'])
    expect(hits(at(443))).toEqual([])
    expect(hits(at())).toHaveLength(1)
    expect(hits({ dns: { resolved_ip: ['192.0.2.9'] } })).toHaveLength(1)
  })

  it('of a NAT64 also the IPv4 inside (M6)', () => {
    const { hits } = knowing([
      { type: 'ip-dst', value: '192.0.2.1' },
      { type: 'ip-dst', value: '198.51.100.0/24' },
    ])
    expect(hits({ source: { ip: '64:ff9b::c000:201' } })).toHaveLength(1)
    expect(hits({ source: { ip: '64:ff9b::198.51.100.9' } })).toHaveLength(1)
    expect(hits({ source: { ip: '64:ff9b:1::c000:201' } })).toEqual([])
    expect(hits({ source: { ip: '::ffff:192.0.2.1' } })).toHaveLength(1)
  })
})

describe('URLs', () => {
  const full = (url: string) => ({ url: { full: url } })

  it('are read as indicators are, and without a query meet with any (M7)', () => {
    const { hits } = knowing([
      { type: 'url', value: 'http://q.example/a' },
      { type: 'url', value: 'http://q.example/b?id=7' },
    ])
    expect(hits(full('HTTP://Q.example:80/a#top'))).toHaveLength(1)
    expect(hits(full('http://q.example/a?x=1'))).toHaveLength(1)
    expect(hits(full('http://q.example/b?id=7'))).toHaveLength(1)
    expect(hits(full('http://q.example/b?id=8'))).toEqual([])
    expect(hits(full('http://q.example/b'))).toEqual([])
  })

  it('are also looked up by their host, with their port (M8)', () => {
    const { hits } = knowing([
      { type: 'domain', value: 'evil.example' },
      { type: 'ip-dst|port', value: '192.0.2.9|8443' },
    ])
    expect(hits(full('https://a.evil.example/x'))).toEqual([
      'url.full: https://a.evil.example/x host domain evil.example',
    ])
    expect(hits(full('https://192.0.2.9:8443/'))).toHaveLength(1)
    expect(hits(full('https://192.0.2.9/'))).toEqual([])
    expect(hits(full('http://evil.example@good.example/'))).toEqual([])
  })

  it('are put together from their parts; without a scheme they are both (M9)', () => {
    const known = [
      { type: 'url', value: 'http://evil.example/gate.php' },
      { type: 'url', value: 'https://tls.example/x?a=1' },
    ]
    const suricata = knowing(known, 'suricata')
    const http = (hostname: string, url: string, more = {}) => ({
      http: { hostname, url, ...more },
    })
    expect(suricata.hits(http('evil.example', '/gate.php?id=1'))).toEqual([
      'http.url: evil.example/gate.php?id=1 exact url http://evil.example/gate.php',
    ])
    expect(suricata.hits(http('tls.example', '/x?a=1'))).toHaveLength(1)
    expect(suricata.hits(http('evil.example', '/gate.php', { http_port: 8080 }))).toEqual([])
    const zeek = matcherOf(ledger, { fields: PRESETS.zeek })
    const ecs = matcherOf(ledger)
    open.push(zeek, ecs)
    expect(zeek.hits({ host: 'tls.example', uri: '/x?a=1', 'id.resp_p': 443 })).toHaveLength(1)
    const parts = { domain: 'tls.example', path: '/x', query: 'a=1' }
    expect(ecs.hits({ url: parts })).toHaveLength(1)
    expect(ecs.hits({ url: { ...parts, scheme: 'https', port: 443 } })).toHaveLength(1)
    expect(ecs.hits({ url: { ...parts, scheme: 'http' } })).toEqual([])
    expect(ecs.hits({ url: { ...parts, full: 'https://other.example/' } })).toEqual([])
  })

  it('of CONNECT only those without a path (M10)', () => {
    const { hits } = knowing(
      [
        { type: 'url', value: 'https://evil.example/' },
        { type: 'url', value: 'https://evil.example/gate.php' },
      ],
      'zeek',
    )
    expect(hits({ method: 'CONNECT', host: 'evil.example', uri: 'evil.example:443' })).toEqual([
      'uri: evil.example:443 exact url https://evil.example/',
    ])
  })

  it('an indicator without a scheme meets https too (M11)', () => {
    const { hits } = knowing([{ type: 'url', value: 'less.example/x.exe' }])
    expect(hits(full('https://less.example/x.exe'))).toHaveLength(1)
    expect(hits(full('http://less.example/x.exe'))).toHaveLength(1)
    expect(hits(full('less.example/x.exe'))).not.toEqual([])
  })
})

describe('fields', () => {
  it('hashes of any case, each in its own field (M12)', () => {
    const md5 = 'd41d8cd98f00b204e9800998ecf84270'
    const { hits } = knowing([{ type: 'md5', value: md5 }])
    expect(hits({ process: { hash: { md5: md5.toUpperCase() } } })).toHaveLength(1)
    expect(hits({ file: { pe: { imphash: md5 } } })).toEqual([])
  })

  it('senders and recipients are told apart (M13)', () => {
    const { hits } = knowing([
      { type: 'email-src', value: 'eve@evil.example' },
      { type: 'email-dst', value: 'drop@evil.example' },
    ])
    const mail = (from: string, to: string) => ({
      email: { from: { address: from }, to: { address: [to] } },
    })
    expect(hits(mail('EVE@evil.example', 'drop@evil.example'))).toHaveLength(2)
    expect(hits(mail('drop@evil.example', 'eve@evil.example'))).toEqual([])
  })

  it('opt-in kinds match once they are served (M14)', () => {
    const { hits } = knowing([
      { type: 'filename', value: 'evil.exe' },
      { type: 'user-agent', value: 'EvilBot/1.0', held: 'kind' },
    ])
    expect(hits({ process: { executable: 'C:\\Temp\\evil.exe' } })).toHaveLength(1)
    expect(hits({ user_agent: { original: 'EvilBot/1.0' } })).toEqual([])
  })

  it('two fields with the same value each get their hit (M15)', () => {
    const { hits } = knowing([{ type: 'ip-dst', value: '192.0.2.1' }])
    expect(hits({ source: { ip: '192.0.2.1' }, destination: { ip: '192.0.2.1' } })).toEqual([
      'source.ip: 192.0.2.1 exact ip 192.0.2.1',
      'destination.ip: 192.0.2.1 exact ip 192.0.2.1',
    ])
  })

  it('nested, dotted, in arrays, in arrays of objects (M16)', () => {
    const { hits } = knowing([{ type: 'domain', value: 'evil.example' }])
    const name = 'evil.example'
    for (const document of [
      { 'dns.question.name': name },
      { dns: { 'question.name': name } },
      { 'dns.question': { name } },
      { dns: [{ question: [{ name: ['x', [name]] }] }] },
      { dns: { answers: [{ data: '192.0.2.1' }, { name }] } },
    ]) {
      expect(hits(document)).toHaveLength(1)
    }
    expect(hits({ dns: { question: { NAME: name } } })).toEqual([])
    expect(hits({ message: name })).toEqual([])
  })

  it('however deep a line is that somebody wants us to choke on', () => {
    const { matcher, enrich } = knowing([{ type: 'domain', value: 'evil.example' }])
    const deep = 400_000
    const nested = `${'['.repeat(deep)}"evil.example"${']'.repeat(deep)}`
    const line = `{"dns":{"question":{"name":${nested}}}}`
    expect(matcher.hits(JSON.parse(line))).toHaveLength(1)
    expect(enrich(line)[0]).toContain('threat')
    const objects = `${'{"a":'.repeat(80_000)}1${'}'.repeat(80_000)}`
    const beside = `{"dns":{"question":{"name":"evil.example"}},"x":${objects}}`
    expect(enrich(beside)[0]).toContain('threat')
  })

  it('Suricata and Zeek call them otherwise', () => {
    const given = [
      { type: 'domain', value: 'evil.example' },
      { type: 'ip-dst|port', value: '192.0.2.9|53' },
      { type: 'hassh-md5', value: 'b12d2871a1189eff20364cf5333619ee' },
    ]
    const suricata = knowing(given, 'suricata')
    const zeek = matcherOf(ledger, { fields: PRESETS.zeek })
    const plain = matcherOf(ledger, { fields: PRESETS.plain })
    open.push(zeek, plain)
    const grouped = { dns: { rrname: 'a.evil.example', grouped: { CNAME: ['evil.example'] } } }
    expect(suricata.hits(grouped)).toHaveLength(2)
    expect(suricata.hits({ dest_ip: '192.0.2.9', dest_port: 53 })).toHaveLength(1)
    expect(suricata.hits({ dest_ip: '192.0.2.9', dest_port: 54 })).toEqual([])
    expect(suricata.hits({ ssh: { client: { hassh: { hash: given[2]!.value } } } })).toHaveLength(1)
    expect(zeek.hits({ 'id.resp_h': '192.0.2.9', 'id.resp_p': 53 })).toHaveLength(1)
    expect(zeek.hits({ query: 'evil.example', answers: ['x.evil.example'] })).toHaveLength(2)
    expect(plain.hits({ dst_ip: '192.0.2.9', dst_port: '53' })).toHaveLength(1)
  })
})

/** Where keys belong: our ring against that of the real Dalli, key by key. */
import { spawnSync } from 'node:child_process'
import { crc32 as zlibCrc32 } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { lookupKeys } from '../../../src/indicators/keys.js'
import { parseAddress } from '../../../src/sinks/memcached/address.js'
import { crc32, ring } from '../../../src/sinks/memcached/ring.js'
import { fuzz } from '../../fuzz.js'
import { hasDalli } from '../../servers/memcached.js'
import { statesOf } from './kinds.js'

const THREE = ['mc1:11211', 'mc2:11211', 'mc3:11211']

/** Names by key, of all keys in stdin; nothing is connected to. */
const DALLI = `
  require "dalli"
  ring = Dalli::Client.new(ARGV).send(:ring)
  STDIN.each_line(chomp: true) do |key|
    server = ARGV.size == 1 ? ring.servers.first : ring.send(:server_for_hash_key, Zlib.crc32(key))
    puts server.name
  end`

function ours(servers: readonly string[]): (key: string) => string {
  const addresses = servers.map((text) => parseAddress(text)!)
  const ownerOf = ring(addresses)
  return (key) => addresses[ownerOf(key)]!.ringName
}

function dallis(servers: readonly string[], keys: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync('ruby', ['-e', DALLI, ...servers], {
    input: keys.join('\n'),
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  })
  if (stderr !== '') throw new Error(stderr)
  return stdout.trimEnd().split('\n')
}

describe('the ring', () => {
  it('places what is known of it', () => {
    const ownerOf = ours(THREE)
    expect(ownerOf('misp-ip:198.51.100.7')).toBe('mc3:11211')
    expect(ownerOf('misp-domain:evil.example')).toBe('mc1:11211')
    expect(ownerOf('misp-url:http://evil.example/a')).toBe('mc1:11211')
  })

  it('hashes as zlib does', () => {
    const text = fc.string({ unit: 'binary-ascii', maxLength: 300 })
    fc.assert(
      fc.property(text, (key) => crc32(key) === zlibCrc32(key)),
      fuzz(10_000),
    )
  })

  it.skipIf(!hasDalli()).each([
    ['one server', ['mc1']],
    ['three servers', THREE],
    ['three servers in another order', THREE.toReversed()],
    ['names without a port, in capitals', ['MC1', 'mc1.example', 'mc1.example:11212']],
    ['weights', ['mc1:11211:1', 'mc2:11211:3', 'mc3:11212:7']],
    ['weights that leave a server hardly a point', ['mc1:11211:1', 'mc2:11211:900']],
    ['addresses and IPv6', ['192.0.2.1', '[2001:db8::1]', '[2001:db8::1]:11212:2', '[::1]:1']],
    ['unix sockets', ['/run/a.sock', '/run/b.sock:4', 'mc1:11211:2']],
    ['twenty servers', Array.from({ length: 20 }, (_, n) => `mc${n}.example:${11211 + n}`)],
  ])('is that of Dalli for 100,000 keys of every kind: %s', (_, servers) => {
    const keys = statesOf(100_000).flatMap(({ space, value }) => lookupKeys(space, value))
    expect(keys.length).toBeGreaterThan(100_000)
    const ownerOf = ours(servers)
    expect(keys.map(ownerOf)).toEqual(dallis(servers, keys))
  })
})

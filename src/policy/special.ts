/** Addresses, names and hashes that half the world meets every day. */
import { parseRange, type Range } from './address.js'
import { Intervals } from './intervals.js'

interface SpecialNet {
  readonly net: string
  /** As in "is a ... address". */
  readonly what: string
}

/**
 * After the IANA special-purpose registries (RFC 6890 and successors). Documentation ranges are not
 * in here: they match nothing real, and demos and tests live on them.
 */
export const SPECIAL_NETS: readonly SpecialNet[] = [
  { net: '0.0.0.0/8', what: 'unspecified' },
  { net: '10.0.0.0/8', what: 'private' },
  { net: '100.64.0.0/10', what: 'carrier-grade NAT' },
  { net: '127.0.0.0/8', what: 'loopback' },
  { net: '169.254.0.0/16', what: 'link-local' },
  { net: '172.16.0.0/12', what: 'private' },
  { net: '192.0.0.0/24', what: 'protocol' },
  { net: '192.168.0.0/16', what: 'private' },
  { net: '198.18.0.0/15', what: 'benchmark' },
  { net: '224.0.0.0/4', what: 'multicast' },
  { net: '255.255.255.255/32', what: 'broadcast' },
  { net: '::/128', what: 'unspecified' },
  { net: '::1/128', what: 'loopback' },
  { net: '64:ff9b:1::/48', what: 'local NAT64' },
  { net: '2001:2::/48', what: 'benchmark' },
  { net: 'fc00::/7', what: 'unique local' },
  { net: 'fe80::/10', what: 'link-local' },
  { net: 'fec0::/10', what: 'site-local' },
  { net: 'ff00::/8', what: 'multicast' },
]

/** Of no bytes at all; an imphash or ja3 of nothing does not exist. */
export const EMPTY_FILE_HASHES: Readonly<Record<string, string>> = {
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  sha224: 'd14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  sha384:
    '38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b',
  sha512:
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
}

const WHAT: ReadonlyMap<string, string> = new Map(SPECIAL_NETS.map(({ net, what }) => [net, what]))

const NETS = new Intervals(
  SPECIAL_NETS.map(({ net }) => ({ range: parseRange(net) as Range, text: net })),
)

/** The special net that the range lies in, or has inside. */
export function specialNet(range: Range): SpecialNet | null {
  const net = NETS.overlapping(range)
  return net === null ? null : { net, what: WHAT.get(net) ?? '' }
}

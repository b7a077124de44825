/**
 * How long a key may live. The groups are MISP2memcached's, with what we know beyond it sorted in;
 * what no group names never expires.
 */
import type { Space } from '../../indicators/indicator.js'
import type { Carrier } from '../sink.js'

/** Seconds for each group; 0: never. */
export interface Expires {
  readonly hash: number
  readonly network: number
  readonly web: number
}

export const EXPIRES_GROUPS: Readonly<Record<keyof Expires, readonly Space[]>> = {
  hash: [
    ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha512-224', 'sha512-256'],
    ...['sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'],
    ...['imphash', 'pehash', 'authentihash', 'cdhash', 'x509'],
  ],
  network: [
    ...['ip', 'net', 'domain', 'hostname', 'mac', 'community-id'],
    ...['ja3', 'hassh', 'jarm', 'ssh-fingerprint'],
  ],
  web: ['url', 'user-agent'],
}

/** Only the spaces that expire at all. */
export function lifetimes(expires: Expires): ReadonlyMap<Space, number> {
  const groups = Object.entries(EXPIRES_GROUPS) as [keyof Expires, readonly Space[]][]
  const all = groups.flatMap(([group, spaces]) => spaces.map((s) => [s, expires[group]] as const))
  return new Map(all.filter(([, seconds]) => seconds > 0))
}

export interface Remainder {
  /** Without those whose time is up. */
  readonly carriers: readonly Carrier[]
  /** Seconds until the last of them is up; Infinity: never. */
  readonly seconds: number
}

/** What is left of a key's carriers; each counts from when the indicator went live through it. */
export function remainder(
  carriers: readonly Carrier[],
  lifetime: number | undefined,
  now: number,
): Remainder {
  if (lifetime === undefined) return { carriers, seconds: Number.POSITIVE_INFINITY }
  const left = carriers.filter((carrier) => carrier.liveSince + lifetime > now)
  let seconds = 0
  for (const carrier of left) seconds = Math.max(seconds, carrier.liveSince + lifetime - now)
  return { carriers: left, seconds }
}

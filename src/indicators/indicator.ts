/**
 * What an indicator is. Pure: no I/O, no clock.
 *
 * An attribute's value means up to two indicators; each is found under a lookup key, which is a
 * lookup space and a value. `ip-port` shares the space of `ip`, because whoever looks up an address
 * wants to hear of both.
 */

export const KINDS = [
  'ip',
  'net',
  'ip-port',
  'domain',
  'hostname',
  'url',
  'md5',
  'sha1',
  'sha224',
  'sha256',
  'sha384',
  'sha512',
  'imphash',
  'email',
  'ja3',
  'hassh',
  'jarm',
  'x509',
  'filename',
  'user-agent',
  'regkey',
  'mutex',
  'named-pipe',
  'community-id',
  'sha512-224',
  'sha512-256',
  'sha3-224',
  'sha3-256',
  'sha3-384',
  'sha3-512',
  'authentihash',
  'pehash',
  'cdhash',
  'ssh-fingerprint',
  'message-id',
  'eppn',
  'mac',
  'azure-application-id',
  'mobile-application-id',
  'chrome-extension-id',
] as const

export type KnownKind = (typeof KINDS)[number]

/** A kind of the type table. The table may know more kinds than this list's founding ones. */
export type Kind = KnownKind | (string & {})

/** Where a value is looked up: the kind, but `ip` for `ip-port`. memcached's namespace is `misp-<space>`. */
export type Space = string

export interface Indicator {
  readonly kind: Kind
  /** Normalised. `ip-port` is `<ip>|<port>`. */
  readonly value: string
}

/** One meaning of an attribute's value. */
export interface Meaning {
  readonly space: Space
  /** Normalised; of an `ip-port` only the address. */
  readonly value: string
  /** The port that goes with an address or host name; 0 where there is none. */
  readonly port: number
  /** A second way to find the same indicator (the raw form of a URL), not one of its own. */
  readonly alias: boolean
  /** A half that is context more than indicator, such as the address of `domain|ip`. */
  readonly weak: boolean
}

/** What normalising a MISP value yields: its meanings, or why it has none. */
export type Normalisation =
  | { readonly ok: true; readonly meanings: readonly Meaning[] }
  | { readonly ok: false; readonly reason: string }

export function kindOf(meaning: { space: Space; port: number }): Kind {
  return meaning.space === 'ip' && meaning.port > 0 ? 'ip-port' : meaning.space
}

export function indicatorOf(meaning: { space: Space; value: string; port: number }): Indicator {
  const kind = kindOf(meaning)
  return { kind, value: kind === 'ip-port' ? `${meaning.value}|${meaning.port}` : meaning.value }
}

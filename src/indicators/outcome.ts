/**
 * What a normaliser answers. Reasons are constant texts that hold nothing of the value: `tipline
 * status` groups by them, and a hostile value must not reach a log by way of its own rejection.
 */
import type { Normalisation, Space } from './indicator.js'

export const REASONS = {
  empty: 'empty',
  tooLong: 'too long',
  control: 'a control character inside',
  brokenUnicode: 'broken Unicode',
  ip: 'not an IP address',
  leadingZero: 'an IPv4 number with a leading zero',
  zone: 'an IPv6 address with a zone',
  prefix: 'not a prefix length',
  netWithPort: 'a network with a port',
  noPort: 'no port',
  port: 'not a port',
  name: 'not a domain name',
  wildcardWithPort: 'a wildcard with a port',
  nameTooLong: 'a domain name that is too long',
  numericName: 'a name that ends in a number',
  onion: 'not an onion address',
  url: 'not a URL',
  urlHost: 'a URL without a valid host',
  relativeUri: 'a URI without scheme and host',
  email: 'not an email address',
  messageId: 'not a message id',
  hex: 'not hexadecimal',
  hashLength: 'wrong length for this hash',
  communityId: 'not a community id',
  sshFingerprint: 'not an SSH fingerprint',
  mac: 'not a MAC address',
  uuid: 'not a UUID',
  applicationId: 'not an application id',
  extensionId: 'not a Chrome extension id',
  unknownType: 'a type that is not in the type table',
} as const

export type Reason = (typeof REASONS)[keyof typeof REASONS]

/** Nothing structured is longer, be it defanged dot by dot; checked before any costly reading. */
export const MAX_STRUCTURED = 4096

/** Bound of URLs and free text, in UTF-16 units. */
export const MAX_TEXT = 65_536

export function means(space: Space, value: string, port = 0): Normalisation {
  return { ok: true, meanings: [{ space, value, port, alias: false, weak: false }] }
}

export function refuse(reason: string): Normalisation {
  return { ok: false, reason }
}

/** Refuses with the general fault of the text where it has one, else with the caller's reason. */
export function refuseText(text: string, reason: Reason): Normalisation {
  return refuse(generalFault(text, MAX_STRUCTURED) ?? reason)
}

const CONTROL = /[\u0000-\u001f\u007f]/

export function generalFault(text: string, maxLength: number): Reason | undefined {
  if (text === '') return REASONS.empty
  if (text.length > maxLength) return REASONS.tooLong
  if (CONTROL.test(text)) return REASONS.control
  return isBrokenUnicode(text) ? REASONS.brokenUnicode : undefined
}

/**
 * A lone surrogate has no UTF-8 form, and U+FFFD stands for what had none (in the ledger also for a NUL):
 * two different values would get one key.
 */
export function isBrokenUnicode(text: string): boolean {
  return !text.isWellFormed() || text.includes('\ufffd')
}

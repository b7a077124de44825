/** Every normaliser by the name that the type table uses. Each trims, never throws, and is idempotent. */
import { email, eppn, messageId } from './email.js'
import { fingerprint, HASH_LENGTHS, hex } from './hashes.js'
import {
  azureApplicationId,
  chromeExtensionId,
  communityId,
  mac,
  mobileApplicationId,
  sshFingerprint,
} from './identifiers.js'
import type { Normalisation } from './indicator.js'
import { ip, ipPort } from './ip.js'
import { domain, hostname, hostnamePort, onion } from './names.js'
import { text } from './text.js'
import { uri, url } from './url.js'

export const NORMALISERS = {
  ip,
  'ip-port': ipPort,
  domain,
  hostname,
  'hostname-port': hostnamePort,
  onion,
  url,
  uri,
  email,
  eppn,
  'message-id': messageId,
  md5: hex('md5', HASH_LENGTHS.md5),
  sha1: hex('sha1', HASH_LENGTHS.sha1),
  sha224: hex('sha224', HASH_LENGTHS.sha224),
  sha256: hex('sha256', HASH_LENGTHS.sha256),
  sha384: hex('sha384', HASH_LENGTHS.sha384),
  sha512: hex('sha512', HASH_LENGTHS.sha512),
  'sha512-224': hex('sha512-224', HASH_LENGTHS['sha512-224']),
  'sha512-256': hex('sha512-256', HASH_LENGTHS['sha512-256']),
  'sha3-224': hex('sha3-224', HASH_LENGTHS['sha3-224']),
  'sha3-256': hex('sha3-256', HASH_LENGTHS['sha3-256']),
  'sha3-384': hex('sha3-384', HASH_LENGTHS['sha3-384']),
  'sha3-512': hex('sha3-512', HASH_LENGTHS['sha3-512']),
  imphash: hex('imphash', HASH_LENGTHS.imphash),
  authentihash: hex('authentihash', HASH_LENGTHS.authentihash),
  pehash: hex('pehash', HASH_LENGTHS.pehash),
  cdhash: hex('cdhash', HASH_LENGTHS.cdhash),
  ja3: hex('ja3', HASH_LENGTHS.ja3),
  hassh: hex('hassh', HASH_LENGTHS.hassh),
  jarm: hex('jarm', HASH_LENGTHS.jarm),
  'x509-md5': fingerprint(32),
  'x509-sha1': fingerprint(40),
  'x509-sha256': fingerprint(64),
  'community-id': communityId,
  'ssh-fingerprint': sshFingerprint,
  mac,
  'azure-application-id': azureApplicationId,
  'mobile-application-id': mobileApplicationId,
  'chrome-extension-id': chromeExtensionId,
  filename: text('filename'),
  'user-agent': text('user-agent'),
  regkey: text('regkey'),
  mutex: text('mutex'),
  'named-pipe': text('named-pipe'),
} as const satisfies Record<string, (value: string) => Normalisation>

export type NormaliserName = keyof typeof NORMALISERS

/** The half of the type table that can be matched exactly. */
import { type Cut, type Half, type MatchableType, OPT_IN_KINDS } from './entry.js'
import {
  ADDRESS_FIELDS,
  ATTACHMENT_FIELDS,
  COMMUNITY_ID_FIELDS,
  certificateFields,
  FILE_NAME_FIELDS,
  HOST_FIELDS,
  hashFields,
  JA3_FIELDS,
  LOGIN_FIELDS,
  MAC_FIELDS,
  MESSAGE_ID_FIELDS,
  PACKAGE_FIELDS,
  PIPE_FIELDS,
  peFields,
  RECIPIENT_FIELDS,
  REGISTRY_FIELDS,
  REPLY_FIELDS,
  SENDER_FIELDS,
  URL_FIELDS,
  USER_AGENT_FIELDS,
} from './fields.js'
import type { HashSpace } from './hashes.js'
import type { Space } from './indicator.js'
import type { NormaliserName } from './normalisers.js'

/** Fields of ECS by hash; an algorithm that ECS doesn't know has none. */
const FILE_HASHES = {
  md5: hashFields('md5'),
  sha1: hashFields('sha1'),
  sha224: [],
  sha256: hashFields('sha256'),
  sha384: hashFields('sha384'),
  sha512: hashFields('sha512'),
  'sha512-224': [],
  'sha512-256': [],
  'sha3-224': [],
  'sha3-256': [],
  'sha3-384': [],
  'sha3-512': [],
  imphash: peFields('imphash'),
  authentihash: [],
  pehash: peFields('pehash'),
} as const satisfies Partial<Record<HashSpace, readonly string[]>>

const HASH_NOTES: Partial<Record<HashSpace, string>> = {
  authentihash: 'the hash that AppLocker and Windows code integrity log for a program',
}

const NO_PORT = 'a value without a port is set aside: any port is not what the analyst said'

const EMAIL_FIELDS = [...SENDER_FIELDS, ...RECIPIENT_FIELDS, ...REPLY_FIELDS]

export const MATCHABLE: readonly MatchableType[] = [
  one('ip-src', 'ip', {
    ecs: ADDRESS_FIELDS,
    note: 'a value with a `/` is a `net`; both directions, as analysts use the two types alike',
  }),
  one('ip-dst', 'ip', { ecs: ADDRESS_FIELDS, note: 'as `ip-src`' }),
  one('ip-src|port', 'ip', { normaliser: 'ip-port', ecs: ADDRESS_FIELDS, note: NO_PORT }),
  one('ip-dst|port', 'ip', { normaliser: 'ip-port', ecs: ADDRESS_FIELDS, note: NO_PORT }),
  one('domain', 'domain', {
    ecs: HOST_FIELDS,
    note: 'itself and everything below; a value that is an IP address counts as `ip`',
  }),
  entry('domain|ip', {
    cut: 'both',
    halves: [half('domain', {}), half('ip', { weak: true })],
    ecs: HOST_FIELDS,
    note: 'the address is weak; where one half is missing or invalid the other counts',
  }),
  one('hostname', 'hostname', {
    ecs: HOST_FIELDS,
    note: 'exact; `*.name` and `.name` are a `domain`; an IP address counts as `ip`',
  }),
  one('hostname|port', 'hostname', {
    normaliser: 'hostname-port',
    ecs: HOST_FIELDS,
    note: NO_PORT,
  }),
  one('onion-address', 'domain', { normaliser: 'onion', ecs: HOST_FIELDS }),
  one('url', 'url', {
    ecs: URL_FIELDS,
    note: 'without fragment, user info and default port, and once more as written; without a scheme: http',
  }),
  one('uri', 'url', {
    normaliser: 'uri',
    ecs: URL_FIELDS,
    note: 'only with scheme and host; a bare path is set aside',
  }),

  ...Object.keys(FILE_HASHES).flatMap((space) => fileHash(space as keyof typeof FILE_HASHES)),
  one('malware-sample', 'md5', {
    cut: 'after-pipe',
    ecs: FILE_HASHES.md5,
    note: 'the hash; the file name is ignored',
  }),
  one('cdhash', 'cdhash', { ecs: hashFields('cdhash') }),

  one('email', 'email', { ecs: EMAIL_FIELDS }),
  one('email-src', 'email', { ecs: SENDER_FIELDS, note: 'senders only' }),
  one('email-dst', 'email', { ecs: RECIPIENT_FIELDS, note: 'recipients only' }),
  one('email-reply-to', 'email', {
    ecs: [...REPLY_FIELDS, ...RECIPIENT_FIELDS],
    note: 'also recipients: it is where victims answer to',
  }),
  one('whois-registrant-email', 'email', { ecs: EMAIL_FIELDS }),
  one('email-message-id', 'message-id', { ecs: MESSAGE_ID_FIELDS }),
  one('email-attachment', 'filename', { ecs: ATTACHMENT_FIELDS }),
  one('eppn', 'eppn', { ecs: LOGIN_FIELDS, note: 'a federated login, not a mailbox' }),

  one('ja3-fingerprint-md5', 'ja3', { ecs: JA3_FIELDS }),
  one('jarm-fingerprint', 'jarm', { note: 'what a scan of the server answers; no field in ECS' }),
  one('hassh-md5', 'hassh', { note: '`hassh` of SSH logs in Zeek and Suricata' }),
  one('hasshserver-md5', 'hassh', { note: '`hasshServer` of SSH logs in Zeek and Suricata' }),
  ...(['md5', 'sha1', 'sha256'] as const).map((algorithm) =>
    one(`x509-fingerprint-${algorithm}`, 'x509', {
      normaliser: `x509-${algorithm}`,
      ecs: certificateFields(algorithm),
    }),
  ),
  one('ssh-fingerprint', 'ssh-fingerprint', {
    note: '`SHA256:...` or `MD5:...`, as OpenSSH logs it (`system.auth.ssh.signature`)',
  }),
  one('community-id', 'community-id', { ecs: COMMUNITY_ID_FIELDS }),
  one('mac-address', 'mac', { ecs: MAC_FIELDS, note: 'lower case with colons' }),
  one('mac-eui-64', 'mac', { ecs: MAC_FIELDS, note: 'lower case with colons' }),

  one('filename', 'filename', { ecs: FILE_NAME_FIELDS }),
  one('user-agent', 'user-agent', { ecs: USER_AGENT_FIELDS }),
  one('mutex', 'mutex', { note: 'no field in ECS; logged by sandboxes and endpoint sensors' }),
  one('named pipe', 'named-pipe', { ecs: PIPE_FIELDS, note: 'Sysmon events 17 and 18' }),
  one('regkey', 'regkey', { ecs: REGISTRY_FIELDS }),
  one('regkey|value', 'regkey', {
    cut: 'before-pipe',
    weak: true,
    ecs: REGISTRY_FIELDS,
    note: 'the key alone; weak, since many such keys exist on every machine',
  }),
  one('azure-application-id', 'azure-application-id', {
    note: "no field in ECS; `app_id` of Entra ID's sign-in and audit logs",
  }),
  one('mobile-application-id', 'mobile-application-id', { ecs: PACKAGE_FIELDS }),
  one('chrome-extension-id', 'chrome-extension-id', {
    note: "no field in ECS; `identifier` of osquery's `chrome_extensions`",
  }),
]

interface Traits {
  /** Where its name differs from the space's. */
  readonly normaliser?: NormaliserName
  readonly weak?: boolean
}

interface Details {
  readonly cut?: Cut
  readonly halves: readonly Half[]
  readonly ecs?: readonly string[]
  readonly note?: string
}

/** MISP's type for the hash alone and for the hash behind a file name. */
function fileHash(space: keyof typeof FILE_HASHES): MatchableType[] {
  const type = space.replace(/^sha512-/, 'sha512/')
  const hash = { ecs: FILE_HASHES[space], ...noteOf(HASH_NOTES[space]) }
  return [one(type, space, hash), one(`filename|${type}`, space, { ...hash, cut: 'after-pipe' })]
}

function one(type: string, space: Space, of: Omit<Details, 'halves'> & Traits): MatchableType {
  return entry(type, { ...of, halves: [half(space, of)] })
}

function half(space: Space, { normaliser, weak = false }: Traits): Half {
  return { space, normaliser: normaliser ?? (space as NormaliserName), weak }
}

function entry(type: string, { cut = 'whole', halves, ecs = [], note }: Details): MatchableType {
  const optIn = halves.some(({ space }) => OPT_IN_KINDS.includes(space))
  return { matchable: true, type, cut, halves, optIn, ecs, ...noteOf(note) }
}

function noteOf(note: string | undefined): { note?: string } {
  return note === undefined ? {} : { note }
}

/** Fields of the Elastic Common Schema that observables of a sort stand in. */

const SENDER_SIDE = ['source', 'client'] as const
const RECEIVER_SIDE = ['destination', 'server'] as const
const BOTH_SIDES = [...SENDER_SIDE, ...RECEIVER_SIDE]
const BOTH_ENDS = ['server', 'client']
const PROGRAMS = ['file', 'process', 'process.parent', 'dll'] as const

export const ADDRESS_FIELDS: readonly string[] = [
  ...BOTH_SIDES.flatMap((side) => [`${side}.ip`, `${side}.nat.ip`, `${side}.address`]),
  'host.ip',
  'dns.resolved_ip',
  'dns.answers.data',
  'network.forwarded_ip',
  'url.domain',
]

export const NAME_FIELDS: readonly string[] = [
  'dns.question.name',
  'dns.answers.name',
  'dns.answers.data',
  ...BOTH_SIDES.flatMap((side) => [`${side}.domain`, `${side}.address`]),
  'host.name',
  'host.hostname',
  'url.domain',
  'tls.client.server_name',
  ...BOTH_ENDS.flatMap((end) => [
    `tls.${end}.x509.subject.common_name`,
    `tls.${end}.x509.alternative_names`,
  ]),
]

/** Names, and addresses where a name was expected: see `names.ts` on why those are let through. */
export const HOST_FIELDS: readonly string[] = [...new Set([...NAME_FIELDS, ...ADDRESS_FIELDS])]

export const URL_FIELDS: readonly string[] = ['url.full', 'url.original', 'http.request.referrer']

export const SENDER_FIELDS: readonly string[] = ['email.from.address', 'email.sender.address']
export const RECIPIENT_FIELDS: readonly string[] = [
  'email.to.address',
  'email.cc.address',
  'email.bcc.address',
]
export const REPLY_FIELDS: readonly string[] = ['email.reply_to.address']
export const MESSAGE_ID_FIELDS: readonly string[] = ['email.message_id']

export const ATTACHMENT_FIELDS: readonly string[] = ['email.attachments.file.name']
export const FILE_NAME_FIELDS: readonly string[] = [
  'file.name',
  'file.path',
  'process.name',
  'process.executable',
  'dll.name',
  'dll.path',
  ...ATTACHMENT_FIELDS,
]
export const PIPE_FIELDS: readonly string[] = ['file.name', 'file.path']
export const REGISTRY_FIELDS: readonly string[] = ['registry.path', 'registry.key']
export const USER_AGENT_FIELDS: readonly string[] = ['user_agent.original']

export const JA3_FIELDS: readonly string[] = ['tls.client.ja3']
export const COMMUNITY_ID_FIELDS: readonly string[] = ['network.community_id']
export const MAC_FIELDS: readonly string[] = [...BOTH_SIDES, 'host'].map((of) => `${of}.mac`)
export const LOGIN_FIELDS: readonly string[] = [
  'user.name',
  'user.email',
  ...SENDER_SIDE.map((side) => `${side}.user.name`),
]
export const PACKAGE_FIELDS: readonly string[] = ['package.name']

/** Fields of a file's digest, e.g. `file.hash.md5`. ECS has no field for some algorithms. */
export function hashFields(algorithm: string): readonly string[] {
  return [...PROGRAMS, 'email.attachments.file'].map((of) => `${of}.hash.${algorithm}`)
}

/** Fields of the headers of a Windows program, e.g. `file.pe.imphash`. */
export function peFields(field: string): readonly string[] {
  return PROGRAMS.map((of) => `${of}.pe.${field}`)
}

export function certificateFields(algorithm: string): readonly string[] {
  return BOTH_ENDS.map((end) => `tls.${end}.hash.${algorithm}`)
}

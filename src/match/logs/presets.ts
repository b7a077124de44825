/** Field maps that ship: `ecs`, `suricata` (EVE), `zeek` (JSON), `plain`. */
import { MATCHABLE_TYPES, typeEntry } from '../../indicators/types.js'
import type { FieldMap, LogField, UrlParts } from './field-map.js'

export const PRESETS = { ecs: ecs(), suricata: suricata(), zeek: zeek(), plain: plain() } as const
export type PresetName = keyof typeof PRESETS
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[]

/**
 * Every field of ECS that the type table names. Left out are copies of what stands in another field
 * (`related.*`, `*.registered_domain`): they would tell each hit twice.
 */
function ecs(): FieldMap {
  const names = new Set(MATCHABLE_TYPES.flatMap(fieldsOf))
  const fields = [...names].map((name) => ({ name, as: name, ...portOf(name) }))
  const url = { host: 'url.domain', scheme: 'url.scheme', port: 'url.port' }
  return {
    fields,
    urls: [
      { ...url, path: 'url.path', query: 'url.query', unless: ['url.full', 'url.original'] },
      { ...url, path: 'url.original', unless: ['url.full'] },
    ],
  }
}

function fieldsOf(type: string): readonly string[] {
  const entry = typeEntry(type)
  return entry?.matchable ? entry.ecs : []
}

/** `source.nat.port` for `source.nat.ip`. */
function portOf(name: string): { port?: string } {
  const side = /^(source|client|destination|server)(\.nat)?\.(?:ip|address|domain)$/.exec(name)
  if (side) return { port: `${side[1]}${side[2] ?? ''}.port` }
  return name === 'url.domain' ? { port: 'url.port' } : {}
}

/** https://docs.suricata.io/en/latest/output/eve/eve-json-format.html */
function suricata(): FieldMap {
  const resolved = ['A', 'AAAA', 'CNAME', 'NS', 'MX', 'PTR', 'SRV']
  return {
    fields: [
      { name: 'src_ip', as: 'source.ip', port: 'src_port' },
      { name: 'dest_ip', as: 'destination.ip', port: 'dest_port' },
      ...all('network.forwarded_ip', ['xff', 'http.xff']),
      ...all('dns.question.name', ['dns.rrname', 'dns.queries.rrname', 'dns.query.rrname']),
      ...all('dns.answers.name', ['dns.answers.rrname', 'dns.answer.rrname']),
      ...all('dns.answers.data', [
        'dns.rdata',
        'dns.answers.rdata',
        'dns.answer.rdata',
        ...resolved.flatMap((type) => [`dns.grouped.${type}`, `dns.answer.grouped.${type}`]),
      ]),
      { name: 'http.hostname', as: 'url.domain', port: 'http.http_port' },
      ...all('url.original', ['http.url', 'http.redirect', 'email.url']),
      { name: 'http.http_refer', as: 'http.request.referrer' },
      ...all('user_agent.original', ['http.http_user_agent', 'quic.ua']),
      ...all('tls.client.server_name', ['tls.sni', 'quic.sni']),
      { name: 'tls.subjectaltname', as: 'tls.server.x509.alternative_names' },
      { name: 'tls.fingerprint', as: 'tls.server.hash.sha1' },
      ...all('tls.client.ja3', ['tls.ja3.hash', 'quic.ja3.hash']),
      ...all('hassh', ['ssh.client.hassh.hash', 'ssh.server.hassh.hash']),
      ...['fileinfo', 'files'].flatMap((of) => [
        ...['md5', 'sha1', 'sha256'].map((hash) => ({
          name: `${of}.${hash}`,
          as: `file.hash.${hash}`,
        })),
        { name: `${of}.filename`, as: 'file.name' },
      ]),
      ...all('file.path', ['smb.filename', 'nfs.filename', 'ftp_data.filename']),
      { name: 'smb.named_pipe', as: 'named-pipe' },
      ...all('email.from.address', ['smtp.mail_from', 'email.from']),
      ...all('email.to.address', ['smtp.rcpt_to', 'email.to']),
      { name: 'email.cc', as: 'email.cc.address' },
      { name: 'email.message_id', as: 'email.message_id' },
      { name: 'email.attachment', as: 'email.attachments.file.name' },
      { name: 'community_id', as: 'network.community_id' },
      { name: 'ether.src_mac', as: 'source.mac' },
      { name: 'ether.dest_mac', as: 'destination.mac' },
    ],
    urls: [{ path: 'http.url', host: 'http.hostname', port: 'http.http_port' }],
  }
}

/** https://docs.zeek.org/en/master/script-reference/log-files.html; `id.orig_h` is one dotted name. */
function zeek(): FieldMap {
  return {
    fields: [
      { name: 'id.orig_h', as: 'source.ip', port: 'id.orig_p' },
      { name: 'id.resp_h', as: 'destination.ip', port: 'id.resp_p' },
      ...all('source.ip', ['src', 'tx_hosts', 'x_originating_ip', 'client_addr']),
      ...all('destination.ip', ['dst', 'rx_hosts', 'server_addr']),
      ...all('network.forwarded_ip', ['path', 'proxied']),
      { name: 'query', as: 'dns.question.name' },
      { name: 'answers', as: 'dns.answers.data' },
      { name: 'host', as: 'url.domain', port: 'id.resp_p' },
      ...all('url.original', ['uri', 'url']),
      { name: 'referrer', as: 'http.request.referrer' },
      { name: 'user_agent', as: 'user_agent.original' },
      { name: 'server_name', as: 'tls.client.server_name' },
      { name: 'san.dns', as: 'tls.server.x509.alternative_names' },
      { name: 'san.ip', as: 'ip' },
      { name: 'ja3', as: 'tls.client.ja3' },
      { name: 'cert_chain_fps', as: 'tls.server.hash.sha256' },
      { name: 'client_cert_chain_fps', as: 'tls.client.hash.sha256' },
      { name: 'fingerprint', as: 'x509' },
      ...all('hassh', ['hassh', 'hasshServer']),
      ...['md5', 'sha1', 'sha256'].map((hash) => ({ name: hash, as: `file.hash.${hash}` })),
      ...all('file.name', ['filename', 'name']),
      { name: 'mailfrom', as: 'email.from.address' },
      { name: 'from', as: 'email.from.address' },
      ...all('email.to.address', ['rcptto', 'to']),
      { name: 'cc', as: 'email.cc.address' },
      { name: 'reply_to', as: 'email.reply_to.address' },
      { name: 'msg_id', as: 'email.message_id' },
      ...all('destination.domain', ['bound.host', 'request.host']),
      { name: 'community_id', as: 'network.community_id' },
      ...all('source.mac', ['orig_l2_addr', 'mac']),
      { name: 'resp_l2_addr', as: 'destination.mac' },
    ],
    urls: [{ path: 'uri', host: 'host', port: 'id.resp_p' }],
  }
}

/** Names that flat logs use for their fields. */
function plain(): FieldMap {
  const sides = [
    ['source', ['src', 'source', 'client', 'orig', 'remote']],
    ['destination', ['dst', 'dest', 'destination', 'server', 'resp']],
  ] as const
  return {
    fields: [
      ...sides.flatMap(([side, words]) =>
        words.flatMap((word) => [
          ...['ip', 'addr', 'address'].map((what) => ({
            name: `${word}_${what}`,
            as: `${side}.address`,
            port: `${word}_port`,
          })),
          ...['host', 'hostname', 'domain'].map((what) => ({
            name: `${word}_${what}`,
            as: `${side}.domain`,
            port: `${word}_port`,
          })),
        ]),
      ),
      ...all('url.domain', ['ip', 'addr', 'address', 'host', 'hostname', 'domain', 'fqdn', 'sni']),
      ...all('dns.question.name', ['query', 'qname', 'rrname']),
      ...all('dns.answers.data', ['answer', 'answers', 'rdata']),
      ...all('url.original', ['url', 'uri', 'referer', 'referrer']),
      ...all('user_agent.original', ['user_agent', 'useragent', 'ua']),
      ...['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'imphash', 'ja3', 'hassh'].map(
        (hash) => ({ name: hash, as: hash }),
      ),
      { name: 'email', as: 'email' },
      ...all('email.from.address', ['from', 'sender', 'mail_from', 'mailfrom']),
      ...all('email.to.address', ['to', 'recipient', 'rcpt_to', 'rcptto']),
      ...all('filename', ['filename', 'file_name', 'file']),
      { name: 'message_id', as: 'message-id' },
      { name: 'mac', as: 'mac' },
      { name: 'community_id', as: 'community-id' },
    ],
    urls: [
      { path: 'url', host: 'host' },
      { path: 'uri', host: 'host' },
    ],
  }
}

function all(as: string, names: readonly string[]): LogField[] {
  return names.map((name) => ({ name, as }))
}

/** Both, without doubles of a name: the second says it anew. */
export function extended(map: FieldMap, by: FieldMap): FieldMap {
  const named = new Set(by.fields.map(({ name }) => name))
  const paths = new Set(by.urls.map(({ path }: UrlParts) => path))
  return {
    fields: [...map.fields.filter(({ name }) => !named.has(name)), ...by.fields],
    urls: [...map.urls.filter(({ path }) => !paths.has(path)), ...by.urls],
  }
}

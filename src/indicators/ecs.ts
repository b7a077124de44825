/**
 * An indicator in the fields of ECS `threat.indicator`. Nothing is written that ECS has no field for.
 * Pure. https://www.elastic.co/docs/reference/ecs/ecs-threat
 */
import type { Indicator, Space } from './indicator.js'

/** Type and value of the indicator, in the terms of STIX 2.0 that ECS asks for. */
export function ecsIndicator({ kind, value }: Indicator): object {
  const [text = '', port] = kind === 'ip-port' ? value.split('|') : [value]
  if (kind === 'ip' || kind === 'ip-port') {
    return { type: addressType(text), ip: text, ...(port !== undefined && { port: Number(port) }) }
  }
  // A net is no address: Elasticsearch would refuse the whole document.
  if (kind === 'net') return { type: addressType(text) }
  if (kind === 'url') return { type: 'url', url: urlFields(value) }
  return FIELDS_OF[kind]?.(value) ?? { type: 'artifact' }
}

function addressType(address: string): string {
  return address.includes(':') ? 'ipv6-addr' : 'ipv4-addr'
}

const domainName = (domain: string) => ({ type: 'domain-name', url: { domain } })
const fileHash = (algorithm: string) => (hash: string) => ({
  type: 'file',
  file: { hash: { [algorithm]: hash } },
})
const file = () => ({ type: 'file' })

const FIELDS_OF: Readonly<Record<Space, (value: string) => object>> = {
  domain: domainName,
  hostname: domainName,
  md5: fileHash('md5'),
  sha1: fileHash('sha1'),
  sha256: fileHash('sha256'),
  sha384: fileHash('sha384'),
  sha512: fileHash('sha512'),
  cdhash: fileHash('cdhash'),
  imphash: (imphash) => ({ type: 'file', file: { pe: { imphash } } }),
  pehash: (pehash) => ({ type: 'file', file: { pe: { pehash } } }),
  ...Object.fromEntries(
    ['sha224', 'sha512-224', 'sha512-256', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'].map(
      (kind) => [kind, file],
    ),
  ),
  authentihash: file,
  filename: (name) => ({ type: 'file', file: { name } }),
  email: (address) => ({ type: 'email-addr', email: { address } }),
  eppn: () => ({ type: 'user-account' }),
  mac: () => ({ type: 'mac-addr' }),
  mutex: () => ({ type: 'mutex' }),
  regkey: (path) => ({ type: 'windows-registry-key', registry: { path } }),
  x509: () => ({ type: 'x509-certificate' }),
  'user-agent': () => ({ type: 'software' }),
  'mobile-application-id': () => ({ type: 'software' }),
  'chrome-extension-id': () => ({ type: 'software' }),
}

/** Parts of the normal form; of an alias only the whole. */
function urlFields(full: string): object {
  const parts =
    /^([a-z][a-z0-9+.-]*):\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?(\/[^?]*)(?:\?(.*))?$/s.exec(full)
  if (parts === null) return { full, original: full }
  const [, scheme, domain, port, path, query] = parts
  return {
    full,
    scheme,
    domain,
    ...(port !== undefined && { port: Number(port) }),
    path,
    ...(query !== undefined && { query }),
  }
}

/**
 * How tipline reaches other machines over HTTP: TLS with a private authority, proxies from the
 * environment, and what a failed connection means.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { Agent, type Dispatcher, errors, Pool, ProxyAgent } from 'undici'
import { UsageError } from './errors.js'

export type { Dispatcher }

export interface DispatcherOptions {
  /** What will be asked: decides over the proxy. */
  readonly url: string
  /** PEM text: the authorities to trust, and no others. */
  readonly ca?: string | undefined
  /** Accepts any certificate; said aloud once. */
  readonly ignoreCertErrors?: boolean
  /** A proxy's URL, or '' for none. Not given: HTTPS_PROXY, HTTP_PROXY and NO_PROXY decide. */
  readonly proxy?: string | undefined
  readonly env?: Environment
  readonly connectTimeoutMs?: number
  /** At most so many connections to one server. */
  readonly connections?: number
  /** Where the warning goes; a pino logger will do. */
  readonly log: { warn(facts: object, message: string): void }
}

type Environment = Readonly<Record<string, string | undefined>>

export interface NetworkFault {
  /** `cut`: the connection broke while an answer was on its way. `not-http`: it speaks something else. */
  readonly fault: 'unreachable' | 'tls' | 'timeout' | 'cut' | 'not-http'
  /** The system's or library's name for it, e.g. `ECONNREFUSED`. */
  readonly code: string
}

const CONNECT_TIMEOUT_MS = 10_000
const CONNECTIONS = 4

/** @throws UsageError when the CA or the proxy can't be used */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  if (options.ignoreCertErrors) warnOfBlindTrust(options)
  const timeout = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  const tls = {
    timeout,
    ...(options.ca === undefined ? {} : { secureContext: secureContext({ ca: options.ca }) }),
    ...(options.ignoreCertErrors ? { rejectUnauthorized: false } : {}),
  }
  const connections = options.connections ?? CONNECTIONS
  const proxy = options.proxy ?? proxyFor(options.url, options.env ?? process.env)
  if (!proxy) return new Agent({ connections, connect: tls })
  return new ProxyAgent({
    uri: checkedProxy(proxy),
    // Proxies are wary of CONNECT to port 80; for plain HTTP they are asked for the whole URL.
    proxyTunnel: new URL(options.url).protocol === 'https:',
    connections,
    requestTls: tls,
    proxyTls: { timeout },
    clientFactory: (origin, pool) => new Pool(origin, { ...pool, headersTimeout: timeout }),
  })
}

/**
 * The proxy that the environment names for a URL; undefined: none. Lower-case names win, as with curl.
 * HTTP_PROXY in capitals is not read for a CGI, which can't be told from outside; we are none.
 */
export function proxyFor(url: string, env: Environment): string | undefined {
  const target = new URL(url)
  const name = target.protocol === 'https:' ? 'https_proxy' : 'http_proxy'
  const read = (key: string) => env[key] ?? env[key.toUpperCase()]
  const proxy = read(name) || read('all_proxy')
  if (!proxy || isExempt(target, read('no_proxy') ?? '')) return undefined
  return proxy.includes('://') ? proxy : `http://${proxy}`
}

/** What to do about a certificate, by the fault's code; undefined: something else is wrong. */
export function certificateHint(
  code: string | undefined,
  caFile: string | undefined,
): string | undefined {
  if (code === undefined) return undefined
  return isUnsigned(code) ? signerHint(caFile) : CERTIFICATES[code]
}

/** No authority that is trusted here has signed the certificate. */
export function isUnsigned(code: string): boolean {
  return UNSIGNED.has(code)
}

const UNSIGNED: ReadonlySet<string> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
])

/** `caFile`: what the config names under `key`, and is trusted instead of the public authorities. */
export function signerHint(caFile: string | undefined, key = 'ca_file'): string {
  return caFile === undefined
    ? `name the authority that signed it in ${key}`
    : `no authority in ${caFile}, which ${key} names, signed it: name the one that did`
}

const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired and must be renewed',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: compare the clocks of both machines',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: use that in the config',
}

/** What a failed request means, by its code; undefined when it is no fault of the network. */
export function networkFault(error: unknown): NetworkFault | undefined {
  for (const code of codesOf(error)) {
    const fault = FAULTS[code] ?? faultByPrefix(code)
    if (fault) return { fault, code }
  }
  return isRefusedConnect(error) ? { fault: 'unreachable', code: error.code } : undefined
}

/** Whatever else the system says of connecting: a unix socket that is not there (ENOENT), or of another kind. */
function isRefusedConnect(error: unknown): error is Error & { code: string } {
  return (
    error instanceof Error && 'syscall' in error && error.syscall === 'connect' && 'code' in error
  )
}

const FAULTS: Readonly<Record<string, NetworkFault['fault']>> = {
  ECONNREFUSED: 'unreachable',
  ECONNRESET: 'unreachable',
  ECONNABORTED: 'unreachable',
  EPIPE: 'unreachable',
  ENOTFOUND: 'unreachable',
  EAI_AGAIN: 'unreachable',
  EAI_FAIL: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EACCES: 'unreachable',
  UND_ERR_SOCKET: 'unreachable',
  // What undici says when a proxy refuses a tunnel.
  UND_ERR_ABORTED: 'unreachable',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'cut',
  HPE_INVALID_EOF_STATE: 'cut',
  Z_BUF_ERROR: 'cut',
  Z_DATA_ERROR: 'cut',
  UND_ERR_HEADERS_OVERFLOW: 'not-http',
  UND_ERR_PRX_TLS: 'tls',
  EPROTO: 'tls',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls',
  UNABLE_TO_GET_ISSUER_CERT: 'tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls',
  HOSTNAME_MISMATCH: 'tls',
  INVALID_CA: 'tls',
  INVALID_PURPOSE: 'tls',
}

function faultByPrefix(code: string): NetworkFault['fault'] | undefined {
  if (/^(ERR_TLS_|ERR_SSL_|CERT_|CRL_)/.test(code)) return 'tls'
  return code.startsWith('HPE_') ? 'not-http' : undefined
}

/** The codes of an error, of those it gathers (one for each address tried) and of its causes. */
function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 5) return []
  const own = codeOf(error)
  const gathered = error instanceof AggregateError ? (error.errors as unknown[]) : []
  return [
    ...(own === undefined ? [] : [own]),
    ...[...gathered, error.cause].flatMap((inner) => codesOf(inner, depth + 1)),
  ]
}

function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string') return error.code
  return error instanceof errors.HTTPParserError ? 'HPE_UNKNOWN' : undefined
}

function warnOfBlindTrust({ url, log }: DispatcherOptions): void {
  log.warn(
    { host: new URL(url).host },
    'CERTIFICATE ERRORS ARE IGNORED: whoever is between tipline and this host can read the key and forge indicators. Use ca_file instead of ignore_cert_errors',
  )
}

/**
 * The text of a file in PEM form. Read when a connection is made, so that a renewed certificate needs no restart;
 * half-way through a renewal it may be missing, so who has other work meanwhile is to go on with that.
 * `setting`: what names it, as in the config. @throws UsageError
 */
export function readPem(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new UsageError({
      what: `${setting} ${file} can't be read (${code})`,
      hint: 'name a PEM file that this user may read; the path is relative to the config',
      cause,
    })
  }
}

/** As the settings of a server name them. */
export interface TlsFiles {
  readonly ca_file?: string | undefined
  readonly client_pem_file?: string | undefined
}

/** What `secureContext` makes of these files. @throws UsageError */
export function contextFrom({ ca_file, client_pem_file }: TlsFiles): SecureContext {
  return secureContext({
    ...(ca_file !== undefined && { ca: readPem('ca_file', ca_file) }),
    ...(client_pem_file !== undefined && { client: readPem('client_pem_file', client_pem_file) }),
  })
}

/**
 * What TLS trusts and shows, from PEM texts. Without `ca`: the public authorities. `client`: our own
 * certificate with its private key. OpenSSL passes over an authority that it can't read, and would then
 * trust nobody; so each is looked at. @throws UsageError
 */
export function secureContext({ ca, client }: { ca?: string; client?: string }): SecureContext {
  return createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: authorities(ca) }),
    ...(client === undefined ? {} : identity(client)),
  })
}

function authorities(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const facts = {
    what: 'The CA holds no certificate in PEM form, or a broken one',
    hint: 'ca_file must name a file with blocks that begin with -----BEGIN CERTIFICATE-----',
  }
  if (blocks.length === 0) throw new UsageError(facts)
  try {
    const trusted = blocks.map((block) => new X509Certificate(block).toString())
    createSecureContext({ ca: trusted })
    return trusted
  } catch (cause) {
    throw new UsageError({ ...facts, cause })
  }
}

function identity(pem: string): { cert: string; key: string } {
  const facts = {
    what: 'The client certificate can not be used',
    hint: 'client_pem_file must hold the certificate and its private key without a password, both in PEM form',
  }
  // Node takes an empty text for none at all.
  if (pem.trim() === '') throw new UsageError(facts)
  try {
    createSecureContext({ cert: pem, key: pem })
    return { cert: pem, key: pem }
  } catch (cause) {
    throw new UsageError({ ...facts, cause })
  }
}

function checkedProxy(proxy: string): string {
  const url = URL.canParse(proxy) ? new URL(proxy) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url.href
  throw new UsageError({
    what: 'The proxy is not an http:// or https:// URL',
    hint: 'Check proxy in the config, or HTTPS_PROXY and HTTP_PROXY in the environment',
  })
}

/** NO_PROXY: names with everything below them, `*`, `host:port`, addresses, and nets in CIDR form. */
function isExempt(target: URL, noProxy: string): boolean {
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase()
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  return noProxy
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => entry === '*' || meets({ entry: entry.toLowerCase(), host, port }))
}

function meets({ entry, host, port }: { entry: string; host: string; port: string }): boolean {
  if (entry.includes('/')) return isInNet(host, entry)
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry)
  if (withPort && withPort[2] !== port) return false
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '').replace(/^\*?\./, '')
  if (name === '') return false
  return host === name || host.endsWith(`.${name}`)
}

function isInNet(host: string, net: string): boolean {
  const [address = '', length = ''] = net.split('/')
  const family = isIP(host)
  const bits = Number(length)
  const isNet = family !== 0 && isIP(address) === family && /^\d{1,3}$/.test(length)
  if (!isNet || bits > (family === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}

/** A request of ClickHouse's HTTP interface, read into what a session needs to answer it. */
import type { IncomingMessage } from 'node:http'
import { OLDEST_PROTOCOL } from './native.js'

/** Parameters of the interface itself; every other one is a setting. */
const RESERVED = new Set([
  'query',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'client_protocol_version',
  'role',
  'compress',
  'decompress',
  'buffer_size',
  'wait_end_of_query',
  'stacktrace',
  'enable_http_compression',
  'http_write_exception_in_output_format',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
])

export interface Ask {
  readonly method: string
  readonly path: string
  /** Of the address; '' where the whole statement stands in the body. */
  readonly query: string
  readonly database: string | null
  readonly format: string
  /** Of the blocks in the format Native; 0: as it is in files. */
  readonly protocol: number
  readonly queryId: string | null
  /** As the interface has them: texts with TSV's escapes. */
  readonly params: readonly (readonly [name: string, value: string])[]
  readonly settings: readonly (readonly [name: string, value: string])[]
  readonly user: string
  readonly password: string
  /** Whether the answer is wanted at its end, and then with an honest status. */
  readonly isWhole: boolean
  readonly gzipAnswer: boolean
  readonly gzipBody: boolean
  /** What the request wants and we do not have; null: nothing. */
  readonly unsupported: string | null
}

export function readRequest(request: IncomingMessage): Ask {
  const url = new URL(request.url ?? '/', 'http://engine')
  const given = url.searchParams
  const header = (name: string) => String(request.headers[name] ?? '')
  const { user, password } = credentials(request, given)
  const encoding = header('content-encoding')
  return {
    method: request.method ?? 'GET',
    path: url.pathname,
    query: given.get('query') ?? '',
    database: given.get('database') ?? (header('x-clickhouse-database') || null),
    format: given.get('default_format') ?? (header('x-clickhouse-format') || 'TabSeparated'),
    protocol: Number(given.get('client_protocol_version') ?? 0),
    queryId: given.get('query_id'),
    params: [...given].flatMap(([name, value]) =>
      name.startsWith('param_') ? [[name, value] as const] : [],
    ),
    settings: [...given].filter(([name]) => !RESERVED.has(name) && !name.startsWith('param_')),
    user,
    password,
    isWhole: given.get('wait_end_of_query') === '1',
    gzipAnswer:
      given.get('enable_http_compression') === '1' && /\bgzip\b/.test(header('accept-encoding')),
    gzipBody: encoding === 'gzip',
    unsupported: unsupported(given, encoding),
  }
}

/** From the address, ClickHouse's headers or HTTP's own. */
function credentials(request: IncomingMessage, given: URLSearchParams) {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (basic !== undefined) {
    const [user = '', ...rest] = Buffer.from(basic, 'base64').toString().split(':')
    return { user, password: rest.join(':') }
  }
  const user = given.get('user') ?? request.headers['x-clickhouse-user'] ?? 'default'
  const password = given.get('password') ?? request.headers['x-clickhouse-key'] ?? ''
  return { user: String(user), password: String(password) }
}

function unsupported(given: URLSearchParams, encoding: string): string | null {
  if (given.has('session_id')) return 'the embedded engine has no sessions'
  if (given.has('role')) return 'the embedded engine has no roles'
  if (given.get('compress') === '1' || given.get('decompress') === '1') {
    return "the embedded engine does not know ClickHouse's own compression; gzip it does"
  }
  if (encoding !== '' && encoding !== 'gzip' && encoding !== 'identity') {
    return `the embedded engine does not know Content-Encoding: ${encoding.slice(0, 20)}`
  }
  const version = given.get('client_protocol_version') ?? '0'
  if (!/^(0|\d{5,9})$/.test(version) || (version !== '0' && Number(version) < OLDEST_PROTOCOL)) {
    return `the embedded engine does not know client_protocol_version=${version.slice(0, 20)}; the oldest is ${OLDEST_PROTOCOL}`
  }
  return null
}

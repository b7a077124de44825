/** What MISP makes of a request: its forgiving paths, and its bodies that silently mean nothing. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

export interface Parsed {
  readonly method: string
  /** As asked. */
  readonly path: string
  /** In lower case, without suffix, slashes and `name:value` parts: ['attributes', 'restsearch']. */
  readonly route: readonly string[]
  readonly body: string
  /** undefined: the body claims to be JSON and isn't. */
  readonly filters: Readonly<Record<string, unknown>> | undefined
  /** Without the key. */
  readonly headers: IncomingHttpHeaders
  readonly key: string
  /** Whether failures are told in JSON. */
  readonly wantsJson: boolean
}

export async function parseRequest(request: IncomingMessage): Promise<Parsed> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const raw = Buffer.concat(chunks)
  const path = (request.url ?? '/').replace(/\?.*$/s, '')
  const method = request.method ?? 'GET'
  const type = request.headers['content-type'] ?? ''
  const { route, named } = routeOf(path)
  const { authorization: key = '', ...headers } = request.headers
  const filters = method === 'POST' ? filtersOf(raw, type) : {}
  return {
    ...{ method, path, route },
    body: raw.toString('utf8'),
    filters: filters && { ...filters, ...named },
    headers,
    key,
    wantsJson: /\.json(\/|$)/.test(path) || accepts(request),
  }
}

function accepts(request: IncomingMessage): boolean {
  return (request.headers.accept ?? '').includes('application/json')
}

function routeOf(path: string): { route: string[]; named: Record<string, string> } {
  const parts = path.split('/').filter((part) => part !== '')
  const named = parts.filter((part) => part.includes(':')).map((part) => part.split(':', 2))
  const plain = parts.filter((part) => !part.includes(':'))
  return {
    route: plain.map((part) =>
      decodeURIComponent(part)
        .replace(/\.json$/, '')
        .toLowerCase(),
    ),
    named: Object.fromEntries(named) as Record<string, string>,
  }
}

/**
 * Without a JSON content type the body is not read at all, and neither is a body that is no
 * object: no filter, so everything.
 */
function filtersOf(raw: Buffer, type: string): Record<string, unknown> | undefined {
  if (type.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(raw.toString('utf8')))
  }
  if (!type.startsWith('application/json') || raw.length === 0) return {}
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
    return unwrapped(JSON.parse(text))
  } catch {
    return undefined
  }
}

function unwrapped(value: unknown): Record<string, unknown> {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return {}
  const { request } = value as { request?: unknown }
  return request === undefined ? (value as Record<string, unknown>) : unwrapped(request)
}

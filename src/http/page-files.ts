/**
 * The built page, from memory. Only paths that are in the table are answered, so no path leads anywhere
 * else; and the browser is told to run and to load nothing that is not ours.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

export interface PageFile {
  readonly body: Buffer<ArrayBuffer>
  readonly gzip: Buffer<ArrayBuffer>
  readonly headers: Readonly<Record<string, string>>
}

/** By path, such as `/` and `/assets/index-D7acpmQe.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/**
 * Trusted types without a policy: no script can make markup of a text, whatever the text is. Styles are
 * set by scripts through the object model, which needs no permission.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const SECURITY = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

/** Beside the code in an installed package, else in the repository: run from `src/` or `.build/src/`. */
const PLACES = ['../page/', '../../dist/page/', '../../../dist/page/']

/** Empty where the page was not built. */
export function readPageFiles(folder = builtPage()): PageFiles {
  if (folder === null) return new Map()
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => statSync(join(folder, name)).isFile())
  return new Map(files.map((name) => [pathOf(name), pageFile(join(folder, name))]))
}

function builtPage(): string | null {
  const folders = PLACES.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  return folders.find((folder) => isFile(join(folder, 'index.html'))) ?? null
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false
}

function pathOf(name: string): string {
  return name === 'index.html' ? '/' : `/${name.replaceAll('\\', '/')}`
}

function pageFile(path: string): PageFile {
  const body = readFileSync(path)
  // The names of all others tell their content.
  const isIndex = path.endsWith('index.html')
  return {
    body,
    gzip: gzipSync(body, { level: 9 }),
    headers: {
      ...SECURITY,
      'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
      'cache-control': isIndex ? 'no-cache' : 'public, max-age=31536000, immutable',
      etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      vary: 'accept-encoding',
    },
  }
}

/** null: it is no path of the page. */
export function answerPage(files: PageFiles, request: Request): Response | null {
  const { pathname } = new URL(request.url)
  const file = files.get(pathname)
  if (file === undefined) return pathname === '/' ? notBuilt() : null
  const { etag = '' } = file.headers
  if (request.headers.get('if-none-match')?.includes(etag)) {
    return new Response(null, { status: 304, headers: file.headers })
  }
  const zipped = /\bgzip\b/.test(request.headers.get('accept-encoding') ?? '')
  const headers = { ...file.headers, ...(zipped && { 'content-encoding': 'gzip' }) }
  return new Response(zipped ? file.gzip : file.body, { headers })
}

function notBuilt(): Response {
  const words = 'The page was not built; `npm run build` does it. The API is at /v1.\n'
  const headers = { ...SECURITY, 'content-type': 'text/plain; charset=utf-8' }
  return new Response(words, { status: 503, headers })
}

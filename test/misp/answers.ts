/** The answers that MISP, and the nginx before it, give; headers in the order of the recordings. */

/** A piece of a body, with how many attributes are in it (for the pace). */
export interface Piece {
  readonly data: Buffer
  readonly rows: number
}

export interface Answer {
  readonly status: number
  readonly type: string
  /** After Set-Cookie. */
  readonly headers: readonly (readonly [string, string])[]
  readonly cookie: boolean
  readonly bytes: number
  readonly rows: number
  /** undefined: sent chunked and empty, as MISP's redirects are. */
  readonly pieces: Iterable<Piece> | undefined
}

const JSON_TYPE = 'application/json; charset=UTF-8'
const HTML_TYPE = 'text/html; charset=UTF-8'

interface Said {
  readonly status?: number
  readonly type?: string
  readonly headers?: readonly (readonly [string, string])[]
  readonly cookie?: boolean
  readonly rows?: number
}

export function said(body: string | Buffer, how: Said = {}): Answer {
  const data = Buffer.from(body)
  const { status = 200, type = JSON_TYPE, headers = [], cookie = true, rows = 0 } = how
  return {
    ...{ status, type, headers, cookie, rows },
    bytes: data.length,
    pieces: data.length > 0 ? [{ data, rows }] : [],
  }
}

/** Most of MISP's JSON is pretty-printed. */
export function pretty(value: unknown, how: Said = {}): Answer {
  return said(JSON.stringify(value, null, 4), how)
}

/** An exception: compact, with escaped slashes. */
export function failure(status: number, message: string, path: string): Answer {
  return said(phpJson({ name: message, message, url: path }), { status })
}

/** As PHP's json_encode without flags. */
export function phpJson(value: unknown): string {
  return JSON.stringify(value)
    .replaceAll('/', '\\/')
    .replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

export const AUTH_FAILED =
  'Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header.'
export const DISABLED = 'Authentication failed. Your user account has been disabled.'
export const BAD_JSON =
  'Invalid JSON input. Make sure that the JSON input is a correctly formatted JSON string. This request has been blocked to avoid an unfiltered request.'
export const GET_WITHOUT_PARAMETERS =
  'Restsearch queries using GET and no parameters are not allowed. If you have passed parameters via a JSON body, make sure you use POST requests.'

/** What a key that is missing or wrong gets: JSON, an HTML page, or a redirect to the login. */
export function authFailure(asked: {
  readonly path: string
  readonly method: string
  readonly wantsJson: boolean
  readonly origin: string
  readonly message?: string
}): Answer {
  const message = asked.message ?? AUTH_FAILED
  if (asked.wantsJson) {
    const answer = failure(403, message, asked.path)
    return asked.method === 'GET' ? { ...answer, cookie: false } : answer
  }
  if (asked.method === 'GET') return redirectToLogin(asked.origin)
  return said(errorPage(asked.origin, message), { status: 403, type: HTML_TYPE })
}

/** Maintenance mode, and a browser that is not logged in. Following it loops. */
export function redirectToLogin(origin: string): Answer {
  const location = ['Location', `${origin}/users/login`] as const
  const answer = said('', { status: 302, type: HTML_TYPE, headers: [location] })
  return { ...answer, pieces: undefined }
}

export function badGateway(): Answer {
  return said(nginxPage('502 Bad Gateway'), { status: 502, type: 'text/html', cookie: false })
}

function nginxPage(title: string): string {
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n`
}

export interface RateLimit {
  readonly limit: number
  readonly remaining: number
  readonly reset: number
}

export function rateHeaders(rate: RateLimit): (readonly [string, string])[] {
  return [
    ['X-Rate-Limit-Limit', String(rate.limit)],
    ['X-Rate-Limit-Remaining', String(rate.remaining)],
    ['X-Rate-Limit-Reset', String(rate.reset)],
  ]
}

/** Pretty-printed and unescaped, unlike the other failures; no Retry-After. */
export function tooMany(path: string, rate: RateLimit): Answer {
  const message = 'Rate limit exceeded.'
  const headers = rateHeaders(rate)
  return pretty({ name: message, message, url: path }, { status: 429, headers })
}

export function errorPage(origin: string, message: string): string {
  return page(origin, 'Errors', `<h2>${message}</h2>`)
}

/** 200 and a form: what a client that follows the redirect, or a portal before MISP, shows. */
export function loginPage(origin: string): string {
  const form = `<form action="${origin}/users/login" method="post"><input name="data[User][email]"><input name="data[User][password]" type="password"></form>`
  return page(origin, 'Users', form)
}

function page(origin: string, title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
    <meta charset="utf-8">
    <link rel="shortcut icon" href="${origin}/img/favicon.png">
    <title>${title} - MISP</title>
    <link rel="stylesheet" href="${origin}/css/bootstrap.css">
</head>
<body>
    <div id="main-view-container" class="container-fluid">
        ${body}
    </div>
</body>
</html>
`
}

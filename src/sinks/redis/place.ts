/** Where a Redis listens, and which of its databases is meant. */

export interface Place {
  /** As it is told to people: `host:port/database` or `/path/of/socket/database`. */
  readonly name: string
  readonly connect: { readonly host: string; readonly port: number } | { readonly path: string }
  readonly database: number
  readonly tls: boolean
}

const DEFAULT_PORT = 6379
const DATABASE = /^\d{1,5}$/

export const EXPECTED =
  'expected redis://host:port/database, rediss:// for TLS, or unix:///path?db=number'
const USERINFO = 'expected no user and password here: they have settings of their own'

/** Answers the place, or what is wrong with the text. */
export function parsePlace(text: string): Place | string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (!url) return EXPECTED
  if (url.username !== '' || url.password !== '') return USERINFO
  if (url.protocol === 'unix:') return socketPlace(url)
  return /^rediss?:$/.test(url.protocol) ? networkPlace(url) : EXPECTED
}

function networkPlace(url: URL): Place | string {
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const database = url.pathname.slice(1) || '0'
  const isPlain = host !== '' && url.search === '' && url.hash === ''
  if (!isPlain || !DATABASE.test(database)) return EXPECTED
  const port = Number(url.port || DEFAULT_PORT)
  return {
    name: `${url.hostname}:${port}/${database}`,
    connect: { host, port },
    database: Number(database),
    tls: url.protocol === 'rediss:',
  }
}

function socketPlace(url: URL): Place | string {
  const database = url.searchParams.get('db') ?? '0'
  const known = [...url.searchParams.keys()].every((key) => key === 'db')
  const isPlain = url.host === '' && url.hash === '' && known
  if (!isPlain || url.pathname.length < 2 || !DATABASE.test(database)) return EXPECTED
  const path = decodeURIComponent(url.pathname)
  return { name: `${path}/${database}`, connect: { path }, database: Number(database), tls: false }
}

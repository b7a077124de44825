/**
 * Who is let in. Everything under /v1 and the metrics pass here, in one step, since it is paid for on
 * every lookup: the name by which we were asked (DNS rebinding), the site that asks (CSRF), the token,
 * and how often.
 */
import type { IncomingMessage } from 'node:http'
import { isIPv6 } from 'node:net'
import { RequestRefused } from '../errors.js'
import type { Scope } from './scopes.js'
import { type HttpSettings, isLoopback, parseListen } from './settings.js'
import { TokenBuckets } from './token-buckets.js'
import type { Tokens } from './tokens.js'

export interface Caller {
  /** The token's; `local` where none is needed. */
  readonly name: string
  readonly scope: Scope
  readonly by: 'token' | 'session' | 'local'
}

export const SESSION_COOKIE = 'tipline_session'

/** Wrong tokens of one address in a second, and at once. */
const WRONG = { perSecond: 1, burst: 20 }

export interface DoorOptions {
  readonly settings: HttpSettings
  readonly tokens: Tokens
  /** Epoch milliseconds. */
  readonly now: () => number
}

export class Door {
  readonly #tokens: Tokens
  readonly #now: () => number
  readonly #hosts: ReadonlySet<string> | null
  readonly #rate: TokenBuckets
  readonly #wrong = new TokenBuckets(WRONG)

  constructor({ settings, tokens, now }: DoorOptions) {
    this.#tokens = tokens
    this.#now = now
    this.#hosts = hostsOf(settings)
    const perSecond = settings.limits.requests_per_second
    this.#rate = new TokenBuckets({ perSecond, burst: 2 * perSecond })
  }

  /** `own`: through the socket that only we can open. @throws RequestRefused */
  admit(incoming: IncomingMessage, { own }: { own: boolean }): Caller {
    if (own) return OWN
    this.checkHost(incoming)
    const caller = this.#caller(incoming)
    if (caller.by !== 'token') refuseOtherSites(incoming)
    const key = caller.by === 'local' ? addressOf(incoming) : caller.name
    const wait = this.#rate.take(key, this.#now())
    if (wait > 0) throw tooMany(wait)
    return caller
  }

  /** Of all that is asked, the page included. @throws RequestRefused */
  checkHost({ headers }: IncomingMessage): void {
    if (this.#hosts === null) return
    const host = hostName(headers.host ?? '')
    if (this.#hosts.has(host) || host.endsWith('.localhost')) return
    throw new RequestRefused({ refusal: 'wrong-host', what: 'it is not reached by this name' })
  }

  /** The token with which somebody logs in. @throws RequestRefused */
  login(incoming: IncomingMessage, secret: string) {
    refuseOtherSites(incoming)
    return this.#find(incoming, secret)
  }

  #caller(incoming: IncomingMessage): Caller {
    if (this.#tokens.size === 0) return LOCAL
    const { authorization, cookie } = incoming.headers
    if (authorization !== undefined) {
      const { name, scope } = this.#find(incoming, bearer(authorization))
      return { name, scope, by: 'token' }
    }
    const session = cookie === undefined ? null : cookieOf(cookie)
    const token = session === null ? null : this.#tokens.unseal(session, this.#now() / 1000)
    if (token === null) throw unauthorized('no token was sent')
    return { name: token.name, scope: token.scope, by: 'session' }
  }

  #find(incoming: IncomingMessage, secret: string) {
    const token = this.#tokens.find(secret)
    if (token !== null) return token
    const wait = this.#wrong.take(addressOf(incoming), this.#now())
    throw wait > 0 ? tooMany(wait) : unauthorized('the token is not known')
  }
}

const OWN: Caller = { name: 'local', scope: 'operate', by: 'local' }
const LOCAL = OWN

/** Names by which we are asked; null: any, since who is elsewhere needs a token anyway. */
function hostsOf({ listen, hosts, tokens }: HttpSettings): ReadonlySet<string> | null {
  const address = parseListen(listen)
  if (address?.kind !== 'tcp') return null
  if (hosts.length > 0 || isLoopback(address.host)) {
    const named = hosts.map((host) => (isIPv6(host) ? host.toLowerCase() : hostName(host)))
    return new Set(['localhost', '127.0.0.1', '::1', address.host, ...named])
  }
  return tokens.length > 0 ? null : new Set()
}

/** Without the port, and brackets. */
function hostName(host: string): string {
  return host
    .toLowerCase()
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}

/**
 * A browser says where a request comes from, in one header or the other, and a page can't forge either.
 * Programs say nothing. What changes something also needs a type of body that no form can send
 * (`body.ts`).
 */
function refuseOtherSites({ headers }: IncomingMessage): void {
  const site = headers['sec-fetch-site']
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (foreign || !isOwnOrigin(headers.origin, headers.host)) {
    throw new RequestRefused({ refusal: 'cross-site', what: 'it comes from another site' })
  }
}

function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && new URL(origin).host === (host ?? '').toLowerCase()
}

function bearer(authorization: string): string {
  const [, secret] = /^Bearer +([\w.~+/=-]{1,256}) *$/i.exec(authorization) ?? []
  if (secret === undefined) throw unauthorized('the header is not `Authorization: Bearer TOKEN`')
  return secret
}

function cookieOf(header: string): string | null {
  for (const part of header.split(';')) {
    const [name, value] = part.trim().split('=', 2)
    if (name === SESSION_COOKIE && value !== undefined) return value
  }
  return null
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unix'
}

function unauthorized(what: string): RequestRefused {
  const headers = { 'www-authenticate': 'Bearer realm="tipline"' }
  return new RequestRefused({ refusal: 'unauthorized', what, headers })
}

function tooMany(seconds: number): RequestRefused {
  const headers = { 'retry-after': String(Math.ceil(seconds)) }
  return new RequestRefused({ refusal: 'too-many-requests', what: 'slow down', headers })
}

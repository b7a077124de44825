/**
 * Who asks. A token is 32 random bytes; the config has its SHA-256, which for so much chance is as good
 * as any slow hash. A page logs in with it once and gets a cookie that its scripts can not read.
 */
import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Scope } from './scopes.js'

export interface Token {
  readonly name: string
  readonly scope: Scope
  /** `sha256:` and 64 hexadecimal digits. */
  readonly hash: string
}

/** `tip_` lets scanners for leaked secrets know it. */
const PREFIX = 'tip_'

export function newToken(): { token: string; hash: string } {
  const token = PREFIX + randomBytes(32).toString('base64url')
  return { token, hash: hashOf(token) }
}

export function hashOf(token: string): string {
  return `sha256:${hash('sha256', token)}`
}

/** Seconds: a shift, and some. */
export const SESSION_SECONDS = 12 * 3600

export class Tokens {
  readonly #tokens: readonly { readonly token: Token; readonly digest: Buffer }[]
  readonly #key: Buffer

  /** `key`: what sessions are sealed with; they are good as long as it stays the same. */
  constructor(tokens: readonly Token[], key: Buffer) {
    this.#tokens = tokens.map((token) => ({ token, digest: digestOf(token) }))
    this.#key = key
  }

  get size(): number {
    return this.#tokens.length
  }

  /** In a time that tells nothing of the tokens. */
  find(secret: string): Token | null {
    const given = hash('sha256', secret, 'buffer')
    let found: Token | null = null
    for (const { token, digest } of this.#tokens) {
      if (timingSafeEqual(given, digest)) found = token
    }
    return found
  }

  /** A session of this token, for a cookie. `now`: epoch seconds. */
  seal(token: Token, now: number): string {
    const until = now + SESSION_SECONDS
    return `${token.name}/${until}/${this.#sealOf(token, until)}`
  }

  /** null: it is none of ours, over, or its token is gone or has changed. */
  unseal(session: string, now: number): Token | null {
    const [name, digits = '', seal = '', ...rest] = session.split('/')
    const until = /^\d{1,12}$/.test(digits) ? Number(digits) : 0
    const token = this.#tokens.find(({ token }) => token.name === name)?.token
    if (token === undefined || rest.length > 0 || until <= now) return null
    return isSame(seal, this.#sealOf(token, until)) ? token : null
  }

  #sealOf({ name, hash }: Token, until: number): string {
    return createHmac('sha256', this.#key).update(`${name}/${until}/${hash}`).digest('base64url')
  }
}

function digestOf({ hash }: Token): Buffer {
  return Buffer.from(hash.replace(/^sha256:/, ''), 'hex')
}

function isSame(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)]
  return a.length === b.length && timingSafeEqual(a, b)
}

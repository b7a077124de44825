/** MISP's rate limit: so many requests per key in 15 minutes; getVersion is free. */
import { type Answer, rateHeaders, tooMany } from './answers.js'
import type { User } from './users.js'

const WINDOW = 900

interface Spent {
  readonly since: number
  used: number
}

export class RateLimiter {
  readonly #spent = new Map<string, Spent>()

  clear(): void {
    this.#spent.clear()
  }

  check(request: {
    readonly who: User
    readonly path: string
    readonly route: readonly string[]
    readonly now: number
  }): { readonly refusal?: Answer; readonly headers: readonly (readonly [string, string])[] } {
    const { who, now } = request
    const limit = who.rate_limit
    if (limit === undefined || request.route[1] === 'getversion') return { headers: [] }
    const spent = this.#window(who, now)
    const reset = spent.since + WINDOW - now
    if (spent.used >= limit) {
      return { refusal: tooMany(request.path, { limit, remaining: 0, reset }), headers: [] }
    }
    spent.used++
    return { headers: rateHeaders({ limit, remaining: limit - spent.used, reset }) }
  }

  #window(who: User, now: number): Spent {
    const old = this.#spent.get(who.key)
    if (old && now < old.since + WINDOW) return old
    const fresh = { since: now, used: 0 }
    this.#spent.set(who.key, fresh)
    return fresh
  }
}

/** Bodies: of a type that no form of another site can send, not too large, and in time. */
import type { MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { RequestRefused } from '../errors.js'
import type { ApiEnv } from './api.js'

/** A body of 8 MiB over a slow line. */
const BODY_MS = 30_000

export function body({ largest, ms = BODY_MS }: { largest: number; ms?: number }) {
  return [ofType('application/json'), notTooLarge(largest), inTime(ms)] as const
}

/** @throws RequestRefused */
export function ofType(...types: readonly string[]): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { method, headers } = c.env.incoming
    const [type = ''] = (headers['content-type'] ?? '').split(';')
    const isBare = method === 'GET' || method === 'HEAD' || method === 'DELETE'
    if (!isBare && !types.includes(type.trim().toLowerCase())) {
      const what = `expected Content-Type: ${types.join(' or ')}`
      throw new RequestRefused({ refusal: 'unsupported-media-type', what })
    }
    await next()
  }
}

function notTooLarge(largest: number): MiddlewareHandler<ApiEnv> {
  return bodyLimit({
    maxSize: largest,
    onError: () => {
      const what = `at most ${largest} bytes are taken`
      const headers = { connection: 'close' }
      throw new RequestRefused({ refusal: 'too-large', what, headers })
    },
  })
}

function inTime(ms: number): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const { incoming } = c.env
    if (incoming.complete) return next()
    const late = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => {
        if (!incoming.complete) reject(tooSlow())
      }, ms)
      incoming.once('close', () => clearTimeout(timer))
    })
    await Promise.race([next(), late])
  }
}

function tooSlow(): RequestRefused {
  const what = 'the body did not arrive in time'
  return new RequestRefused({ refusal: 'too-slow', what, headers: { connection: 'close' } })
}

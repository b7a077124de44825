/**
 * What the client and its pager share: where to ask, with which key, and how often to try.
 */
import { SourceError, UsageError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Dispatcher } from '../net.js'
import type { RetryOptions, Sleep } from '../retry.js'
import { type Target, TIMEOUTS, type Timeouts } from './exchange.js'
import { called, mayPass, RateLimited } from './faults.js'

export interface MispClientOptions extends Patience {
  /** The source's name in the config. */
  readonly name: string
  /** The root of the MISP; may lie below a path. */
  readonly url: string
  readonly key: string
  readonly dispatcher: Dispatcher
  /** What the dispatcher trusts, as the path of a file. */
  readonly caFile?: string | undefined
  readonly log: Logger
  readonly metrics: Metrics
  readonly timeouts?: Partial<Timeouts>
  readonly pageSize?: number
  /** Requests for attributes that may be under way at once; default: 1. */
  readonly requests?: number
}

export interface Wire {
  readonly target: Target
  readonly retries: (signal: AbortSignal) => RetryOptions
}

/** How often and how patiently a source is asked. */
export interface Patience {
  /** Tries for one request. */
  readonly attempts?: number
  /** The longest a rate limit is waited for. */
  readonly maxRateLimitMs?: number
  /** True: that it fails is known, and each further try is worth no warning. */
  readonly quiet?: () => boolean
  readonly sleep?: Sleep
  readonly random?: () => number
}

const ATTEMPTS = 6
const BASE_MS = 1000
const MAX_MS = 30_000
const MAX_RATE_LIMIT_MS = 15 * 60_000

export function openWire(options: MispClientOptions): Wire {
  const base = rootOf(options.url)
  const key = checkedKey(options)
  const target: Target = {
    name: options.name,
    kind: 'MISP',
    place: base.host,
    secrets: [key],
    caFile: options.caFile,
    base,
    headers: { authorization: key },
    dispatcher: options.dispatcher,
    log: options.log,
    metrics: options.metrics,
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  }
  return { target, retries: (signal) => retryOptions({ patience: options, target, signal }) }
}

/** The retries of every request to a source: only what may pass by itself is tried again. */
export function retryOptions(input: {
  patience: Patience
  target: Target
  signal: AbortSignal
}): RetryOptions {
  const { patience, target, signal } = input
  return {
    attempts: patience.attempts ?? ATTEMPTS,
    baseMs: BASE_MS,
    maxMs: MAX_MS,
    signal,
    sleep: patience.sleep,
    random: patience.random,
    isRetryable: (error) => isRetryable(error, patience.maxRateLimitMs ?? MAX_RATE_LIMIT_MS),
    onRetry: ({ attempt, delayMs, error }) => {
      const reason = error instanceof SourceError ? error.fault : 'unknown'
      target.metrics.count('tipline_misp_retries_total', { source: target.name, reason })
      const facts = { source: target.name, attempt, waitMs: delayMs, err: error }
      target.log[patience.quiet?.() ? 'debug' : 'warn'](facts, `${called(target)} is asked again`)
    },
  }
}

function isRetryable(error: unknown, maxRateLimitMs: number): false | { afterMs?: number } {
  if (!(error instanceof SourceError) || !mayPass(error.fault)) return false
  if (!(error instanceof RateLimited) || error.retryAfterMs === undefined) return {}
  return error.retryAfterMs > maxRateLimitMs ? false : { afterMs: error.retryAfterMs }
}

/** Paths are resolved against it, so it ends in a slash; what stands behind the path is not ours. */
function rootOf(url: string): URL {
  const base = new URL(url)
  base.username = ''
  base.password = ''
  base.search = ''
  base.hash = ''
  base.pathname = base.pathname.replace(/\/*$/, '/')
  return base
}

function checkedKey({ key, name }: MispClientOptions): string {
  const trimmed = key.trim()
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed
  throw new UsageError({
    what: `The key of ${name} is empty or holds characters that no key has`,
    hint: 'Copy it again from MISP; check the environment variable or the key_file it comes from.',
  })
}

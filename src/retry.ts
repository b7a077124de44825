/**
 * The one retry loop of the house: exponential backoff with full jitter, so that many clients that
 * failed together do not come back together.
 */
import { setTimeout as timer } from 'node:timers/promises'

/** The longest that a timer of Node's can wait: a longer one it takes for none at all. */
export const LONGEST_WAIT_MS = 2 ** 31 - 1

/** Waits; rejects with the signal's reason when aborted. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

export interface RetryEvent {
  /** Which try has failed, from 1. */
  readonly attempt: number
  readonly delayMs: number
  readonly error: unknown
}

export interface RetryOptions {
  /** Tries in all, the first included. */
  readonly attempts: number
  /** The longest wait after the first failure; doubles with each further one. */
  readonly baseMs: number
  readonly maxMs: number
  /**
   * Whether trying again can help. `afterMs` is how long the other side asked to be left alone; it is
   * kept even where it is longer than `maxMs`.
   */
  readonly isRetryable: (error: unknown) => false | { readonly afterMs?: number }
  /** Called before each wait. */
  readonly onRetry?: (event: RetryEvent) => void
  readonly signal?: AbortSignal | undefined
  readonly sleep?: Sleep | undefined
  /** 0 <= x < 1 */
  readonly random?: (() => number) | undefined
}

/**
 * Works until it succeeds, fails for good, or the tries are used up; then the last error is thrown as
 * it came. An abort is never retried: the signal's reason is thrown.
 */
export async function retry<T>(
  work: (attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      options.signal?.throwIfAborted()
      return await work(attempt)
    } catch (error) {
      await waitOrGiveUp({ error, attempt, options })
    }
  }
}

/**
 * The same for a stream: when it fails half way a new one is opened and read from its beginning, so
 * items may come twice, and none is lost.
 */
export async function* retryStream<T>(
  open: (attempt: number) => AsyncIterable<T>,
  options: RetryOptions,
): AsyncGenerator<T, void, undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      options.signal?.throwIfAborted()
      yield* open(attempt)
      return
    } catch (error) {
      await waitOrGiveUp({ error, attempt, options })
    }
  }
}

export const sleep: Sleep = async (ms, signal) => {
  try {
    await timer(Math.min(ms, LONGEST_WAIT_MS), undefined, signal ? { signal } : {})
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}

async function waitOrGiveUp(failure: {
  error: unknown
  attempt: number
  options: RetryOptions
}): Promise<void> {
  const { error, attempt, options } = failure
  options.signal?.throwIfAborted()
  const verdict = attempt < options.attempts && options.isRetryable(error)
  if (!verdict) throw error
  const delayMs = delayAfter({ attempt, afterMs: verdict.afterMs, options })
  options.onRetry?.({ attempt, delayMs, error })
  await (options.sleep ?? sleep)(delayMs, options.signal)
}

/** How long to wait after so many failures in a row, from 1. */
export function delayAfter(failure: {
  readonly attempt: number
  readonly afterMs: number | undefined
  readonly options: Pick<RetryOptions, 'baseMs' | 'maxMs' | 'random'>
}): number {
  const { attempt, afterMs, options } = failure
  const random = (options.random ?? Math.random)()
  if (afterMs !== undefined) return afterMs + Math.floor(random * options.baseMs)
  const longest = Math.min(options.maxMs, options.baseMs * 2 ** (attempt - 1))
  return Math.floor(random * longest)
}

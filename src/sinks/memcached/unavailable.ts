import { SinkUnavailable } from '../../errors.js'

/** A server that can't be used now: which one, what it did, what to try. */
export function unavailable(
  node: string,
  what: string,
  hint?: string,
  cause?: unknown,
): SinkUnavailable {
  return new SinkUnavailable({
    sink: 'memcached',
    what: `memcached ${node}: ${what}`,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  })
}

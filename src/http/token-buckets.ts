/** How often somebody may ask: a bucket each that fills steadily, up to its burst. */

export interface BucketOptions {
  readonly perSecond: number
  readonly burst: number
}

interface Bucket {
  left: number
  /** Epoch milliseconds. */
  at: number
}

/** Whoever asks with ever new names must not fill the memory. */
const MOST = 10_000

export class TokenBuckets {
  readonly #options: BucketOptions
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: BucketOptions) {
    this.#options = options
  }

  /** How many are kept. */
  get size(): number {
    return this.#buckets.size
  }

  /** Takes one. Answers 0, or how many seconds to wait for one. */
  take(key: string, now: number): number {
    const { perSecond, burst } = this.#options
    const bucket = this.#bucketOf(key, now)
    // A clock that goes back fills nothing.
    bucket.left = Math.min(burst, bucket.left + (Math.max(0, now - bucket.at) / 1000) * perSecond)
    bucket.at = now
    if (bucket.left < 1) return (1 - bucket.left) / perSecond
    bucket.left -= 1
    return 0
  }

  #bucketOf(key: string, now: number): Bucket {
    const known = this.#buckets.get(key)
    if (known) return known
    if (this.#buckets.size >= MOST) this.#forgetFull(now)
    const bucket = { left: this.#options.burst, at: now }
    this.#buckets.set(key, bucket)
    return bucket
  }

  /** A full bucket and none are the same. Where all are in use, all start anew. */
  #forgetFull(now: number): void {
    const { perSecond, burst } = this.#options
    for (const [key, { left, at }] of this.#buckets) {
      if (left + ((now - at) / 1000) * perSecond >= burst) this.#buckets.delete(key)
    }
    if (this.#buckets.size >= MOST) this.#buckets.clear()
  }
}

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RetryOptions, retry, retryStream, sleep } from '../src/retry.js'
import { fuzz } from './fuzz.js'

class Passing extends Error {}

/** Waits are noted, not waited; jitter is the largest there can be. */
function patience(options: Partial<RetryOptions> = {}) {
  const waits: number[] = []
  const all: RetryOptions = {
    attempts: 5,
    baseMs: 100,
    maxMs: 500,
    isRetryable: (error) => (error instanceof Passing ? {} : false),
    sleep: async (ms) => {
      waits.push(ms)
    },
    random: () => 0.999_999,
    ...options,
  }
  return { waits, options: all }
}

/** Fails so many times, then answers which try it was. */
function failing(times: number, error: Error = new Passing()) {
  return async (attempt: number) => {
    if (attempt <= times) throw error
    return attempt
  }
}

describe('retry', () => {
  it('does not wait when the work succeeds', async () => {
    const { waits, options } = patience()
    expect(await retry(failing(0), options)).toBe(1)
    expect(waits).toEqual([])
  })

  it('doubles the longest wait up to the limit', async () => {
    const { waits, options } = patience()
    expect(await retry(failing(4), options)).toBe(5)
    expect(waits).toEqual([99, 199, 399, 499])
  })

  it('throws the last error as it came when the tries are used up', async () => {
    const error = new Passing('as it came')
    const { waits, options } = patience()
    await expect(retry(failing(5, error), options)).rejects.toBe(error)
    expect(waits).toHaveLength(4)
  })

  it('does not try again what can not pass', async () => {
    const { waits, options } = patience()
    await expect(retry(failing(1, new Error('for good')), options)).rejects.toThrow('for good')
    expect(waits).toEqual([])
  })

  it('leaves the other side alone for as long as it asked, even beyond the limit', async () => {
    const { waits, options } = patience({ isRetryable: () => ({ afterMs: 900_000 }) })
    await retry(failing(1), options)
    expect(waits).toEqual([900_099])
  })

  it('tells of each try that is made again', async () => {
    const told: unknown[] = []
    const { options } = patience({
      random: () => 0.5,
      onRetry: ({ attempt, delayMs }) => told.push([attempt, delayMs]),
    })
    await retry(failing(2), options)
    expect(told).toEqual([
      [1, 50],
      [2, 100],
    ])
  })

  it('does not begin once aborted', async () => {
    let begun = 0
    const { options } = patience({ signal: AbortSignal.abort(new Error('stop')) })
    const work = async () => begun++
    await expect(retry(work, options)).rejects.toThrow('stop')
    expect(begun).toBe(0)
  })

  it('throws the reason of the abort, not the error it hid', async () => {
    const controller = new AbortController()
    const { options } = patience({ signal: controller.signal })
    const work = async () => {
      controller.abort(new Error('stop'))
      throw new Passing('hidden')
    }
    await expect(retry(work, options)).rejects.toThrow('stop')
  })

  it('is woken from its wait by an abort', async () => {
    const controller = new AbortController()
    const { options } = patience({ signal: controller.signal, sleep, baseMs: 60_000_000 })
    const work = retry(failing(1), { ...options, maxMs: 60_000_000 })
    setTimeout(() => controller.abort(new Error('stop')), 5)
    await expect(work).rejects.toThrow('stop')
  })

  it('spreads waits evenly between nothing and the longest', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 0.999, noNaN: true }), async (random) => {
        const { waits, options } = patience({ random: () => random })
        await retry(failing(4), options)
        expect(waits).toEqual([100, 200, 400, 500].map((longest) => Math.floor(random * longest)))
      }),
      fuzz(1000),
    )
  })
})

describe('sleep', () => {
  it('for longer than a timer can wait is no sleep of nothing', async () => {
    const reason = new Error('stop')
    const controller = new AbortController()
    const waiting = sleep(2 ** 31, controller.signal)
    setTimeout(() => controller.abort(reason), 50)
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('retryStream', () => {
  it('reads a stream that broke from its beginning', async () => {
    const { waits, options } = patience()
    const stream = retryStream(async function* (attempt) {
      yield `${attempt}a`
      if (attempt < 3) throw new Passing()
      yield `${attempt}b`
    }, options)
    expect(await all(stream)).toEqual(['1a', '2a', '3a', '3b'])
    expect(waits).toHaveLength(2)
  })

  it('throws what can not pass, after what came before it', async () => {
    const { options } = patience()
    const stream = retryStream(async function* () {
      yield 'a'
      throw new Error('for good')
    }, options)
    const seen: string[] = []
    await expect(
      (async () => {
        for await (const item of stream) seen.push(item)
      })(),
    ).rejects.toThrow('for good')
    expect(seen).toEqual(['a'])
  })

  it('lets the stream clean up when its reader leaves', async () => {
    let cleaned = 0
    const { options } = patience()
    const stream = retryStream(async function* () {
      try {
        yield 'a'
        yield 'b'
      } finally {
        cleaned++
      }
    }, options)
    for await (const item of stream) if (item === 'a') break
    expect(cleaned).toBe(1)
  })
})

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

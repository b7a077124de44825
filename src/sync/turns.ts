/** One after the other, in the order in which they came. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Waits until all before have released. Answers the release. @throws the signal's reason */
  async take(signal: AbortSignal): Promise<() => void> {
    const before = this.#last
    let release = (): void => undefined
    const mine = new Promise<void>((resolve) => {
      release = resolve
    })
    this.#last = before.then(() => mine)
    try {
      await unlessAborted(before, signal)
      return release
    } catch (error) {
      release()
      throw error
    }
  }

  /** Works when its turn has come. @throws what the work throws, or the signal's reason */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const release = await this.take(signal)
    try {
      return await work()
    } finally {
      release()
    }
  }
}

/** Waits no longer than until the abort. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort, { once: true })
    void work.then(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
  })
}

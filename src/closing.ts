/** What was opened is closed, the last first, however the work ends. */

/** Puts off the closing of what has just been opened. */
export type Later = (close: () => Promise<void> | void) => void

export async function closing<T>(work: (later: Later) => Promise<T>): Promise<T> {
  const closers: Parameters<Later>[0][] = []
  try {
    return await work((close) => void closers.push(close))
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

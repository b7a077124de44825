/** What was opened is closed, the last first, however the work ends. */

/** Puts off the closing of what has just been opened. */
export type Later = (close: Close) => void
type Close = () => Promise<void> | void

/** @throws what the work throws; else the first failure of the closing, once all has been tried */
export async function closing<T>(work: (later: Later) => Promise<T>): Promise<T> {
  const closers: Close[] = []
  let answer: T
  try {
    answer = await work((close) => void closers.push(close))
  } catch (error) {
    // Why the work failed is what is wanted; what fails now mostly follows from it.
    await closeAll(closers)
    throw error
  }
  const failures = await closeAll(closers)
  if (failures.length > 0) throw failures[0]
  return answer
}

/** One that fails keeps no other open. Answers what failed. */
async function closeAll(closers: readonly Close[]): Promise<unknown[]> {
  const failures: unknown[] = []
  for (const close of closers.toReversed()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  return failures
}

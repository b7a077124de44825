/**
 * Works on several items at once, begun in their order. The first that fails stops the rest; its error
 * is thrown when all have come to an end, so that nothing runs on behind the caller's back.
 */
export async function inLanes<T>(
  items: readonly T[],
  { lanes, signal }: { lanes: number; signal: AbortSignal },
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  const queue = items.values()
  const lane = async () => {
    for (const item of queue) {
      either.throwIfAborted()
      await work(item, either)
    }
  }
  const running = Array.from({ length: lanes }, () =>
    lane().catch((error: unknown) => {
      // The first one counts: the others fail because they are stopped.
      stop.abort(error)
    }),
  )
  await Promise.all(running)
  signal.throwIfAborted()
  stop.signal.throwIfAborted()
}

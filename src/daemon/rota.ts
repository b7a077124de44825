/** Works that go on beside each other until they are told to stop. The first that fails is told of. */

export type Work = (signal: AbortSignal) => Promise<void>

/**
 * Gives a work a signal of its own, which goes with it: what listens to one that lives as long as the
 * process is never let go of.
 */
export async function withOwnSignal<T>(
  signal: AbortSignal,
  work: (own: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const abort = () => own.abort(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await work(own.signal)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

interface Shift {
  readonly controller: AbortController
  readonly ended: Promise<void>
}

export class Rota {
  readonly #shifts = new Map<string, Shift>()
  readonly #onFailure: (error: unknown) => void

  /** `onFailure`: a work has thrown; it is for the caller to end the others. */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  start(name: string, work: Work): void {
    if (this.#shifts.has(name)) throw new Error(`${name} is at work already`)
    const controller = new AbortController()
    const ended = work(controller.signal).catch((error: unknown) => this.#onFailure(error))
    this.#shifts.set(name, { controller, ended })
  }

  /** Ends these, all at once, and waits until they have. */
  async stop(names: readonly string[]): Promise<void> {
    const shifts = names.flatMap((name) => this.#shifts.get(name) ?? [])
    for (const name of names) this.#shifts.delete(name)
    for (const { controller } of shifts) controller.abort(new Error('told to stop'))
    await Promise.all(shifts.map(({ ended }) => ended))
  }

  stopAll(): Promise<void> {
    return this.stop([...this.#shifts.keys()])
  }
}

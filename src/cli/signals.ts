/** SIGINT and SIGTERM: the first asks the work to end well, the second ends the process at once. */
import { Interrupted } from '../errors.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export class Stop {
  #by: Interrupted | undefined
  #controller: AbortController | undefined

  /** What came, if anything did. */
  get by(): Interrupted | undefined {
    return this.#by
  }

  /**
   * Takes the signals over, so only who has something to end well asks for it. The reason of the abort
   * is an Interrupted.
   */
  get signal(): AbortSignal {
    this.#controller ??= this.#takeOver()
    return this.#controller.signal
  }

  #takeOver(): AbortController {
    const controller = new AbortController()
    const stop = (signal: (typeof SIGNALS)[number]) => {
      // From here on the system's default counts again.
      for (const each of SIGNALS) process.off(each, stop)
      this.#by = new Interrupted({
        what: `stopped by ${signal}; nothing half-done was kept`,
        hint: 'run the command again: it goes on from where it was',
        signal,
      })
      controller.abort(this.#by)
    }
    for (const each of SIGNALS) process.on(each, stop)
    return controller
  }
}

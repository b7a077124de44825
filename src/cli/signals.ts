/** SIGINT and SIGTERM: the first asks the work to end well, the second ends the process at once. */
import { constants } from 'node:os'
import { Interrupted } from '../errors.js'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export class Stop {
  #by: NodeJS.Signals | undefined
  #controller: AbortController | undefined

  /** Which signal came. */
  get by(): NodeJS.Signals | undefined {
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
    const stop = (signal: NodeJS.Signals) => {
      // From here on the system's default counts again.
      for (const each of SIGNALS) process.off(each, stop)
      this.#by = signal
      controller.abort(
        new Interrupted({
          what: `stopped by ${signal}; nothing half-done was kept`,
          hint: 'run the command again: it goes on from where it was',
        }),
      )
    }
    for (const each of SIGNALS) process.on(each, stop)
    return controller
  }
}

/** The exit status that shells know: 128 and the signal's number. */
export function statusOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal]
}

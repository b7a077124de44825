/**
 * What signals ask for. SIGINT and SIGTERM: the first asks the work to end well, the second ends the
 * process at once. SIGHUP: a daemon reads its config anew.
 */
import { setMaxListeners } from 'node:events'
import { Bell } from '../daemon/bell.js'
import { Interrupted } from '../errors.js'

const STOPS = ['SIGINT', 'SIGTERM'] as const

export class Signals {
  /** Rung by SIGHUP. One that comes before anybody listens is not lost. */
  readonly reloads = new Bell()
  #by: Interrupted | undefined
  #controller: AbortController | undefined

  /** What asked for the end, if anything did. */
  get by(): Interrupted | undefined {
    return this.#by
  }

  /**
   * Takes SIGINT and SIGTERM over, so only who has something to end well asks for it. The reason of the
   * abort is an Interrupted.
   */
  get stop(): AbortSignal {
    this.#controller ??= this.#takeOver()
    return this.#controller.signal
  }

  /** From here on none of them ends the process by itself: a service may be told anything at any time. */
  attend(): void {
    this.#controller ??= this.#takeOver()
    process.on('SIGHUP', () => this.reloads.ring())
  }

  #takeOver(): AbortController {
    const controller = new AbortController()
    // Each channel, source and sink may listen to it at once: Node would warn of the eleventh.
    setMaxListeners(0, controller.signal)
    const stop = (signal: (typeof STOPS)[number]) => {
      // From here on the system's default counts again.
      for (const each of STOPS) process.off(each, stop)
      this.#by = new Interrupted({
        what: `stopped by ${signal}; nothing half-done was kept`,
        hint: 'run the command again: it goes on from where it was',
        signal,
      })
      controller.abort(this.#by)
    }
    for (const each of STOPS) process.on(each, stop)
    return controller
  }
}

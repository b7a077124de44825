import { LONGEST_WAIT_MS } from '../retry.js'

/** A wait that can be cut short. One waits at a time; a ring that nobody hears is heard by the next. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Until the bell (true), the time, or the abort. */
  wait(ms: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        const rung = this.#rung
        this.#wake = undefined
        this.#rung = false
        resolve(rung && !signal.aborted)
      }
      const timer = setTimeout(done, Math.min(ms, LONGEST_WAIT_MS))
      this.#wake = done
      signal.addEventListener('abort', done)
      if (this.#rung || signal.aborted) done()
    })
  }
}

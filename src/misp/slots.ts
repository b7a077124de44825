/** How many requests for attributes may be under way at once; who comes later waits for a turn. */
export class Slots {
  readonly #limit: () => number
  readonly #waiting: (() => void)[] = []
  #taken = 0

  /** The limit may change at any time; at least one is let through. */
  constructor(limit: () => number) {
    this.#limit = limit
  }

  /** Answers how to give the slot back. */
  async take(): Promise<() => void> {
    if (!this.#isFree()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    else this.#taken += 1
    return () => this.#giveBack()
  }

  /** Handed on rather than freed, so that nobody who comes just then is served first. */
  #giveBack(): void {
    this.#taken -= 1
    while (this.#waiting.length > 0 && this.#isFree()) {
      this.#taken += 1
      this.#waiting.shift()!()
    }
  }

  #isFree(): boolean {
    return this.#taken < Math.max(1, this.#limit())
  }
}

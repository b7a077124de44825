/** Tells when nobody has used something for a while. */
export class Idle {
  readonly #ms: number | null
  readonly #then: () => void
  #open = 0
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number | null, then: () => void) {
    this.#ms = ms
    this.#then = then
    this.use(0)
  }

  /** 1 when a use begins, -1 when it ends. */
  use(by: number): void {
    this.#open += by
    clearTimeout(this.#timer)
    if (this.#open === 0 && this.#ms !== null) this.#timer = setTimeout(this.#then, this.#ms)
  }
}

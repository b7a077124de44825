/** Keys to be written and taken away, gathered into few commands: one for each would cost far more. */
import type { Command } from './connection.js'
import type { Register } from './register.js'

const MOST_KEYS = 2000
/** Bytes of values; a value may have a MiB. */
const MOST_BYTES = 2 * 1024 * 1024

export class Batch {
  readonly #prefix: string
  readonly #keys: string[] = []
  readonly #plain: string[] = []
  readonly #expiring: Command[] = []
  readonly #gone: string[] = []
  #bytes = 0

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /** `seconds` to live; Infinity: for ever. */
  set(key: string, value: string, seconds: number): void {
    const place = `${this.#prefix}${key}`
    this.#keys.push(key)
    this.#bytes += value.length
    if (seconds === Number.POSITIVE_INFINITY) this.#plain.push(place, value)
    else this.#expiring.push(['SET', place, value, 'EX', Math.max(1, Math.ceil(seconds))])
  }

  unset(key: string): void {
    this.#gone.push(key)
  }

  get isFull(): boolean {
    return this.#keys.length + this.#gone.length >= MOST_KEYS || this.#bytes >= MOST_BYTES
  }

  /** In this order a key never stands there without its name in the register. */
  commands(register: Register): Command[] {
    const taken = this.#gone.map((key) => `${this.#prefix}${key}`)
    return [
      ...register.enter(this.#keys),
      ...(this.#plain.length > 0 ? [['MSET', ...this.#plain]] : []),
      ...this.#expiring,
      ...(taken.length > 0 ? [['UNLINK', ...taken]] : []),
      ...register.strike(this.#gone),
    ]
  }
}

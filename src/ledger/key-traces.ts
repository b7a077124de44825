/**
 * A set of lookup keys that keeps 32 bits of each: some 8 bytes a key, and no strings. One key in
 * thousands is taken for another that is in it; none that is in it is ever missed. Pure.
 */
import { randomInt } from 'node:crypto'

const FIRST_SLOTS = 1 << 16
const FULLEST = 0.7
/** Bytes of a key that is asked for; a longer one counts as there. */
const LONGEST = 32_768

export class KeyTraces {
  /** Whoever makes up indicators must not know which of them would crowd one place. */
  readonly #seed = randomInt(2 ** 32)
  readonly #asked = Buffer.allocUnsafe(LONGEST)
  /** 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** `packed`: `<space>\0<value>\0` each, in UTF-8. */
  add(packed: Uint8Array): void {
    for (let at = 0; at < packed.length; ) {
      const end = packed.indexOf(0, packed.indexOf(0, at) + 1)
      this.#addTrace(traceOf({ bytes: packed, from: at, to: end, seed: this.#seed }))
      at = end + 1
    }
  }

  has(space: string, value: string): boolean {
    const key = `${space}\0${value}`
    // No character takes more than three bytes.
    if (key.length > LONGEST / 3) return true
    const to = this.#asked.write(key)
    const trace = traceOf({ bytes: this.#asked, from: 0, to, seed: this.#seed })
    return this.#slots[this.#placeOf(trace)] === trace
  }

  #addTrace(trace: number): void {
    const place = this.#placeOf(trace)
    if (this.#slots[place] === trace) return
    this.#slots[place] = trace
    this.#size += 1
    if (this.#size > FULLEST * this.#slots.length) this.#grow()
  }

  #grow(): void {
    const before = this.#slots
    this.#slots = new Uint32Array(2 * before.length)
    for (const trace of before) if (trace !== 0) this.#slots[this.#placeOf(trace)] = trace
  }

  /** Where it is, or would go. */
  #placeOf(trace: number): number {
    const mask = this.#slots.length - 1
    let place = trace & mask
    while (this.#slots[place] !== 0 && this.#slots[place] !== trace) place = (place + 1) & mask
    return place
  }
}

interface Traced {
  readonly bytes: Uint8Array
  readonly from: number
  readonly to: number
  readonly seed: number
}

/** FNV-1a from a secret start, its bits then mixed as MurmurHash3 does; never 0. */
function traceOf({ bytes, from, to, seed }: Traced): number {
  let trace = seed
  for (let at = from; at < to; at += 1) trace = Math.imul(trace ^ bytes[at]!, 0x01000193)
  trace = Math.imul(trace ^ (trace >>> 16), 0x85ebca6b)
  trace = Math.imul(trace ^ (trace >>> 13), 0xc2b2ae35)
  return (trace ^ (trace >>> 16)) >>> 0 || 1
}

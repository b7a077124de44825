/**
 * A set of lookup keys that keeps 32 bits of each: some 8 bytes a key, and no strings. One key in
 * thousands is taken for another that is in it; none that is in it is ever missed. Pure.
 *
 * A text is asked for under a dozen spaces. So each space has a table of its own, those of which the
 * ledger has little a small one that stays in the processor's cache, and a value is hashed once for all.
 */
import { randomInt } from 'node:crypto'

/** Bytes of a value that is asked for; a longer one counts as there. */
const LONGEST = 32_768

export class KeyTraces {
  /** Whoever makes up indicators must not know which of them would crowd one place. */
  readonly #seed = randomInt(2 ** 32)
  readonly #spaces = new Map<string, TraceTable>()
  readonly #bytes = Buffer.allocUnsafe(LONGEST)
  /** What was asked for last. */
  #asked = ''
  #trace = traceOf({ bytes: this.#bytes, from: 0, to: 0, seed: this.#seed })

  get size(): number {
    return [...this.#spaces.values()].reduce((sum, { size }) => sum + size, 0)
  }

  /** `packed`: `<space>\0<value>\0` each, in UTF-8. */
  add(packed: Uint8Array): void {
    const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.length)
    for (let at = 0; at < bytes.length; ) {
      const from = bytes.indexOf(0, at) + 1
      const to = bytes.indexOf(0, from)
      const space = bytes.toString('latin1', at, from - 1)
      this.#tableOf(space).add(traceOf({ bytes, from, to, seed: this.#seed }))
      at = to + 1
    }
  }

  has(space: string, value: string): boolean {
    const table = this.#spaces.get(space)
    if (table === undefined) return false
    // No character takes more than three bytes.
    if (value.length > LONGEST / 3) return true
    if (value !== this.#asked) {
      const to = this.#bytes.write(value)
      this.#trace = traceOf({ bytes: this.#bytes, from: 0, to, seed: this.#seed })
      this.#asked = value
    }
    return table.has(this.#trace)
  }

  #tableOf(space: string): TraceTable {
    const known = this.#spaces.get(space)
    if (known) return known
    const table = new TraceTable()
    this.#spaces.set(space, table)
    return table
  }
}

const FIRST_SLOTS = 64
const FULLEST = 0.7

/** Numbers that are not 0: each stands where its last bits say, or in the next free place. */
class TraceTable {
  /** 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS)
  #size = 0

  get size(): number {
    return this.#size
  }

  has(trace: number): boolean {
    return this.#slots[this.#placeOf(trace)] === trace
  }

  add(trace: number): void {
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

/**
 * Whether a server throws out items for want of memory, from one cycle to the next. What is known
 * stands in the server itself, for its counter starts anew with it.
 */
import type { WatchState } from '../layout/memory.js'

/** As long as this after evictions were last seen to rise nothing is repaired: it would push out more. */
const PATIENCE = 86_400

type Stats = ReadonlyMap<string, string>

export class EvictionWatch implements WatchState {
  /** The server's counter. */
  evictions: number
  /** When it was last seen to have grown; epoch seconds. */
  risen: number | null
  /** Bytes that tipline's items take, as far as could be estimated. */
  need: number | null
  /** -m, in bytes. */
  readonly limit: number

  constructor({ before, stats, now }: { before: WatchState | null; stats: Stats; now: number }) {
    this.evictions = before?.evictions ?? counterIn(stats)
    this.risen = before?.risen ?? null
    this.need = before?.need ?? null
    this.limit = Number(stats.get('limit_maxbytes') ?? 0)
    this.look(stats, now)
  }

  look(stats: Stats, now: number): void {
    const evictions = counterIn(stats)
    if (evictions > this.evictions) this.risen = now
    this.evictions = evictions
  }

  /** `bytesEach`: what a lookup key takes here, by a sample of all. */
  estimate(bytesEach: number, keys: number): void {
    this.need = Math.ceil(bytesEach * keys)
  }

  isShort(now: number): boolean {
    return this.risen !== null && now - this.risen < PATIENCE
  }
}

function counterIn(stats: Stats): number {
  return Number(stats.get('evictions') ?? 0)
}

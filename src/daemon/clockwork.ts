/**
 * When is something due? An interval goes by a clock that nobody can put forward or back; a calendar
 * has to go by the one on the wall, and looks at it often enough to notice a jump.
 */
import { Cron } from 'croner'
import type { Schedule } from '../misp/settings.js'
import { parseDuration } from '../policy/duration.js'
import type { Clocks } from '../time.js'

export interface Clockwork {
  /** Milliseconds after which to ask again; 0: it is due. */
  waitMs(): number
  /** It has been begun; the next time counts from here. */
  begun(): void
}

/** `last`: when it was done last, as epoch seconds; null: never. What was missed meanwhile is due, once. */
export function clockwork(schedule: Schedule, clocks: Clocks, last: number | null): Clockwork {
  return typeof schedule === 'string'
    ? new Interval((parseDuration(schedule) ?? 60) * 1000, clocks)
    : new Calendar(schedule, { clocks, last })
}

/** The first time is now. A run that took longer than the interval is followed by the next at once. */
class Interval implements Clockwork {
  readonly #everyMs: number
  readonly #clocks: Clocks
  #due: number

  constructor(everyMs: number, clocks: Clocks) {
    this.#everyMs = everyMs
    this.#clocks = clocks
    this.#due = clocks.monotonic()
  }

  waitMs(): number {
    return Math.max(0, this.#due - this.#clocks.monotonic())
  }

  begun(): void {
    this.#due = this.#clocks.monotonic() + this.#everyMs
  }
}

/** A clock that was put forward or back is noticed within this time. */
const LOOK_AGAIN_MS = 15_000

class Calendar implements Clockwork {
  readonly #cron: Cron
  readonly #clocks: Clocks
  #next: number

  constructor(
    { cron, time_zone }: Exclude<Schedule, string>,
    { clocks, last }: { clocks: Clocks; last: number | null },
  ) {
    this.#cron = new Cron(cron, { timezone: time_zone, paused: true })
    this.#clocks = clocks
    this.#next = last === null ? clocks.wall() : this.#after(last * 1000)
  }

  waitMs(): number {
    const now = this.#clocks.wall()
    // Planned by a clock that has been put back since, it may be days away.
    this.#next = Math.min(this.#next, this.#after(now))
    return Math.min(Math.max(0, this.#next - now), LOOK_AGAIN_MS)
  }

  begun(): void {
    this.#next = this.#after(this.#clocks.wall())
  }

  #after(ms: number): number {
    return this.#cron.nextRun(new Date(ms))?.getTime() ?? Number.POSITIVE_INFINITY
  }
}

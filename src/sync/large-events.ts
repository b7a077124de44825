/**
 * Events so large that they are not read whole with every edit. What an edit changed is asked for by its
 * time; what that can't show (a hard deletion, an event's tag) is found when the event is read whole, which
 * happens at most hourly. In the ledger such an event is marked to be read again, so that a one-shot sync,
 * or a daemon that was started anew, reads it whole.
 */
export const LARGE_ATTRIBUTES = 50_000
const WHOLE_MS = 3_600_000

export class LargeEvents {
  readonly #clock: () => number
  readonly #readAt = new Map<string, number>()

  /** `clock`: milliseconds, never jumping. */
  constructor(clock: () => number) {
    this.#clock = clock
  }

  /** Whether this event may be read whole now. */
  isDue(uuid: string): boolean {
    const at = this.#readAt.get(uuid)
    return at === undefined || this.#clock() - at >= WHOLE_MS
  }

  /** It is being read whole. */
  note(uuid: string): void {
    this.#readAt.set(uuid, this.#clock())
  }
}

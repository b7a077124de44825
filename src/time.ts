/** Times are epoch seconds inside, and ISO 8601 wherever somebody else reads them. */

/** Null stays null; so does what a source made up beyond all calendars. */
export function iso(at: number | null): string | null {
  return at === null || Math.abs(at) > 8.64e12 ? null : new Date(at * 1000).toISOString()
}

export interface Clocks {
  /** Milliseconds from some moment on; never jumps. */
  readonly monotonic: () => number
  /** Milliseconds since 1970, as the machine has it. */
  readonly wall: () => number
}

export const CLOCKS: Clocks = { monotonic: () => performance.now(), wall: () => Date.now() }

/** Times are epoch seconds inside, and ISO 8601 wherever somebody else reads them. */

/** Null stays null; so does what a source made up beyond all calendars. */
export function iso(at: number | null): string | null {
  return at === null || Math.abs(at) > 8.64e12 ? null : new Date(at * 1000).toISOString()
}

const ISO = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/i

/**
 * Epoch milliseconds of a date, or of a date and time, as ISO 8601 writes them; without a zone in UTC,
 * whatever the zone of the machine. Null for what is none, and for a day that no calendar has.
 */
export function parseIso(text: string): number | null {
  const [, date, time = '00:00', zone = 'Z'] = ISO.exec(text) ?? []
  if (date === undefined || !isInCalendar(date)) return null
  const offset = zone.replace(/^(.\d\d):?(\d\d)$/, '$1:$2').toUpperCase()
  const at = Date.parse(`${date}T${time}${offset}`)
  return Number.isNaN(at) ? null : at
}

/** JavaScript takes the 30th of February for a day in March. */
function isInCalendar(date: string): boolean {
  const at = Date.parse(date)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date)
}

export interface Clocks {
  /** Milliseconds from some moment on; never jumps. */
  readonly monotonic: () => number
  /** Milliseconds since 1970, as the machine has it. */
  readonly wall: () => number
}

export const CLOCKS: Clocks = { monotonic: () => performance.now(), wall: () => Date.now() }

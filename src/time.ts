/** Times are epoch seconds inside, and ISO 8601 wherever somebody else reads them. */

/** Null stays null; so does what a source made up beyond all calendars. */
export function iso(at: number | null): string | null {
  return at === null || Math.abs(at) > 8.64e12 ? null : new Date(at * 1000).toISOString()
}

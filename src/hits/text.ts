/** What `hits.db` can hold of a text, whichever SQLite it is. Pure. */

/**
 * One driver ends a text at a NUL when it writes, the other when it reads; half a surrogate pair is no
 * UTF-8. Both become U+FFFD, so that nothing behind them is lost, and what is asked for is found.
 */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}

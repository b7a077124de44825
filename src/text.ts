/** What SQLite can hold of a text, whichever driver it is. Pure. */

/**
 * One driver ends a text at a NUL when it writes, the other when it reads; half a surrogate pair is no
 * UTF-8. Both become U+FFFD, so that nothing behind them is lost, and what is asked for is found.
 */
export function storable(text: string): string {
  // Almost every text is, and a million of them come in a pull.
  if (!text.includes('\0') && text.isWellFormed()) return text
  return text.toWellFormed().replaceAll('\0', '\ufffd')
}

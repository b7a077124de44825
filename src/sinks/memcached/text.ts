/** From this length on a call into native code is faster than a loop. */
const LONG = 64

/** One byte a character, whatever it is: what was announced is the length of the string. */
export function writeText(bytes: Buffer, at: number, text: string): number {
  const { length } = text
  if (length >= LONG) return at + bytes.write(text, at, 'latin1')
  for (let n = 0; n < length; n++) bytes[at + n] = text.charCodeAt(n)
  return at + length
}

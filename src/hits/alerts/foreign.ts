/**
 * Foreign text on its way to people: nothing in it may hide, move, mention or be clicked. Pure.
 */
import { isIP } from 'node:net'
import { printable } from '../../log.js'

/** What people read needs no more of a value or title. */
const LONGEST = 300

/** One line, without control characters, of bounded length. */
export function plain(text: string, longest = LONGEST): string {
  const visible = printable(wellFormed(clipped(text, longest)).replace(/\s+/gu, ' ').trim())
  // Escapes may have made it longer.
  return clipped(visible, longest)
}

/** `evil[.]example`, `https[:]//evil[.]example`, `me[@]evil[.]example`: no client makes a link of it. */
export function defanged(text: string): string {
  return text
    .replace(/(?<=\S)\.(?=\S)/g, '[.]')
    .replace(/:(?=\/\/)/g, '[:]')
    .replace(/[@\uff20\ufe6b]/g, '[@]')
}

/** For people. An address of ours stays as it is, to be copied. */
export function ours(text: string): string {
  return isIP(text) === 0 ? defanged(plain(text)) : text
}

export function theirs(text: string): string {
  return defanged(plain(text))
}

export function clipped(text: string, longest: number): string {
  if (text.length <= longest) return text
  return `${text.slice(0, longest - 1)}\u2026`
}

/** Halves of surrogate pairs, which no wire can carry, become U+FFFD. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd')
}

/** What is done to foreign text before it is shown. */

/** Control and format characters, separators of lines, halves of characters, and what stands for none. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}\u115f\u1160\u2800\u3164\uffa0\ufffc]/gu
/** Marks piled on one another climb over the lines above. */
const PILED = /(\p{M}{4})\p{M}+/gu

/** What a cut may leave of a character. */
const HALF = /[\ud800-\udbff]$/

/** Every character that can't be seen as `\u{202e}`. */
export function visible(text: string): string {
  return text
    .replace(UNSEEN, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
    .replace(PILED, '$1…')
}

/** At most so many characters, and how many there are in all. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return visible(text)
  return `${visible(text.slice(0, most).replace(HALF, ''))}… (${text.length.toLocaleString('en-US')} characters)`
}

/**
 * The address as it may stand in a link: only to a web page, and only one that the config names (the API
 * puts links together from it). null: it becomes no link.
 */
export function safeLink(link: string | null): string | null {
  if (link === null || !URL.canParse(link)) return null
  const { protocol, href, username, password } = new URL(link)
  const plain = (protocol === 'https:' || protocol === 'http:') && username + password === ''
  return plain ? href : null
}

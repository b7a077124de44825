/**
 * Undoes what analysts do to a value so that nobody clicks on it. One pass and only bracketed marks:
 * whatever is still defanged afterwards is refused by the reader of its type.
 */
const MARK = /\[(?:\.|dot|:|@|at|\/)\]|[({](?:\.|dot|@|at)[)}]/gi
const ANY_MARK = new RegExp(MARK.source, 'i')
const DEFANGED_SCHEME = /^h[x*]{2}p(s?)(?=\[?:)/i
const DEFANGED_FTP = /^f[x*]p(?=\[?:)/i
const DEFANGED_SLASHES = /^([a-z][a-z0-9+.-]{0,31})(?:\[:\]\/\/|\[:\/\/\]|:\[\/\/\])/i

/** For addresses, names and email addresses. */
export function refang(text: string): string {
  return hasBracket(text) ? text.replace(MARK, plainMark) : text
}

/** Every mark has one, and hardly any value. */
function hasBracket(text: string): boolean {
  return text.includes('[') || text.includes('(') || text.includes('{')
}

/**
 * For URLs. A path may hold `[.]` of its own, so marks count only when scheme or authority show that
 * the whole was defanged.
 */
export function refangUrl(text: string): string {
  if (/^https?:\/\//.test(text) && !hasBracket(text)) return text
  const opened = refangScheme(text)
  return opened !== text || ANY_MARK.test(authorityOf(opened)) ? refang(opened) : text
}

function refangScheme(text: string): string {
  return text
    .replace(DEFANGED_SCHEME, 'http$1')
    .replace(DEFANGED_FTP, 'ftp')
    .replace(DEFANGED_SLASHES, '$1://')
}

/** From behind `://` to the first delimiter; without a scheme, from the start. */
function authorityOf(url: string): string {
  const scheme = url.indexOf('://')
  const rest = scheme < 0 ? url : url.slice(scheme + 3)
  const end = rest.search(/[/?#\\]/)
  // `evil.example[/]path`: the first slash is the defanged one, take its bracket along.
  return end < 0 ? rest : rest.slice(0, end + 2)
}

function plainMark(mark: string): string {
  const inner = mark.slice(1, -1).toLowerCase()
  if (inner === 'dot') return '.'
  return inner === 'at' ? '@' : inner
}

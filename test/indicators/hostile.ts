/** Text that nobody sends by accident. */
import fc from 'fast-check'

const PIECES = [
  ...['192.0.2.1', '010.1.1.1', '2001:db8::1', '::ffff:', '/24', '/0', ':443', '|443', '|'],
  ...['evil', '.', '..', '*.', 'example', 'xn--', 'bücher', 'ß', '。', '_', '-', '@', '0x7f'],
  ...['http://', 'hxxp', '://', '[.]', '(.)', '[dot]', '[at]', '[:]', '[', ']', '(', '}', '%{[a]}'],
  ...['?', '#', '%', '%2e', '\\', '/', '../', ' ', '\t', '\n', '\r\nflush_all\r\n', '\0', '\u007f'],
  ...['😀', '\ud800', '\udc00', '\u200b', '\u202e', 'İ', 'Σ', '<', '>', '"', "'", ',', ';', '&'],
  ...['86af938f85895f7eed698da2d2fa9f1e', 'ab', 'AB', '0', '65536', 'SHA256:', 'MD5:', '1:', '='],
]

const units = fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit))

/** Patchwork of what readers look for, arbitrary Unicode, and arbitrary UTF-16, lone surrogates too. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map(joined) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme' }) },
  { weight: 1, arbitrary: fc.string({ unit: units }) },
)

/** Path, query and fragment, of anything but control characters and lone surrogates. */
export const pathOf: fc.Arbitrary<string> = fc
  .array(
    fc.constantFrom('/', 'a', 'Ü', '😀', '..', '%2e', '^', '|', '{', '"', '?', '#', '&', ' x'),
    {
      maxLength: 8,
    },
  )
  .map((pieces) => (pieces.length === 0 ? '' : `/${joined(pieces)}`))

function joined(pieces: readonly string[]): string {
  return pieces.join('')
}

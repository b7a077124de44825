/** Values that somebody would write into a MISP to break what reads them. */
import fc from 'fast-check'

export const POISONS: readonly string[] = [
  '\r\nflush_all\r\n',
  'x\r\nflush_all\r\n',
  'flush_all',
  'x 0 0 0\r\nflush_all\r\n',
  'ms canary 5\r\nstung\r\n',
  'x 2\r\nhi\r\nms canary 5\r\nstung\r\n',
  'x q\r\nmd canary\r\n',
  'md canary',
  'mn\r\n',
  'quit\r\n',
  'shutdown\r\n',
  'a b c',
  ' leading',
  'trailing ',
  '\u0000',
  'a\u0000b',
  '\t\n\v\f\r',
  '\u007f\u0080\u009f',
  '\u{1f525}\u{1f480}',
  '\u010a\u010dflush_all\u010d\u010a',
  'ｆｌｕｓｈ＿ａｌｌ',
  '\ud800',
  '\udfff\ud800',
  '../../../../etc/passwd',
  '%{[field]}',
  '%{[@metadata][canary]}',
  '#{7*7}',
  '$(reboot)',
  'misp-ip:198.51.100.7',
  'tipline:state',
  'canary',
  'Zm9v',
  'Zm9v b q',
  '====',
  'Zm9v\u0000====',
  '%0d%0aflush_all%0d%0a',
  'k'.repeat(180),
  'k'.repeat(233),
  'k'.repeat(251),
  'k '.repeat(90),
  'k '.repeat(125),
  'x'.repeat(10_240),
  '\u{1f525}'.repeat(2500),
  `${'y'.repeat(10_000)}\r\nflush_all\r\n`,
]

/** Poison, alone and mixed with whatever else strings can hold. */
export function poison(): fc.Arbitrary<string> {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...POISONS) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 40 }) },
    { weight: 1, arbitrary: fc.constantFrom('\r\n', ' ', '\n', '\u0000', ':', ',', '#', '|') },
  )
  return fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''))
}

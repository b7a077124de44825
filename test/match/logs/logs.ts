/** A matcher of log lines over a ledger of a test. */
import { KeyIndex } from '../../../src/match/logs/key-index.js'
import { LineMatcher, type MatchSettings } from '../../../src/match/logs/line-matcher.js'
import { PRESETS } from '../../../src/match/logs/presets.js'
import { States } from '../../../src/match/logs/states.js'
import type { KnownLedger } from '../ledger.js'

export interface TestMatcher {
  readonly matcher: LineMatcher
  readonly index: KeyIndex
  /** The lines as they go out. */
  enrich(...lines: readonly string[]): string[]
  /** `field: observable via kind value` of each hit of a document. */
  hits(document: object): string[]
  follow(): void
  close(): void
}

export function matcherOf(ledger: KnownLedger, settings: Partial<MatchSettings> = {}): TestMatcher {
  const all = { fields: PRESETS.ecs, references: {}, legacy: false, ...settings }
  const states = new States(ledger.folder)
  states.refresh()
  const index = new KeyIndex({ states, fields: all.fields, threads: 1 })
  const matcher = new LineMatcher({ ...all, states })
  matcher.use(index.scan)
  const match = (lines: readonly string[]) =>
    matcher.matchBlock(Buffer.from(lines.map((line) => `${line}\n`).join('')))
  return {
    matcher,
    index,
    enrich: (...lines) => lines.map((line) => match([line]).hitLines[0]?.bytes.toString() ?? line),
    hits(document) {
      const told = matcher
        .hits(document)
        .map(({ field, observable, via, indicator: { kind, value } }) =>
          [`${field}:`, observable, via, kind, value].join(' '),
        )
      // Whatever is asked of the exact way, the scan must have let through.
      const found = match([JSON.stringify(document)]).hitLines.length > 0
      if (found !== told.length > 0) throw new Error('the scan found otherwise')
      return told
    },
    follow() {
      states.refresh()
      index.follow()
      matcher.use(index.scan)
    },
    close: () => states.close(),
  }
}

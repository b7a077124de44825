/** Answers log lines with what they hit, as `tipline enrich` would. */
import type { Hit } from '../../match/logs/hit.js'
import { openMatcher } from '../../match/logs/open-matcher.js'

export interface Answered {
  readonly line: Readonly<Record<string, unknown>>
  readonly hits: readonly Hit[]
  /** As it would go out; null: as it came. */
  readonly enriched: string | null
}

export function answerLines(
  dataDir: string,
  lines: readonly Readonly<Record<string, unknown>>[],
): Answered[] {
  const matcher = openMatcher({ dataDir })
  try {
    return lines.map((line) => ({
      line,
      hits: matcher.match(line),
      enriched: matcher.enrich(JSON.stringify(line))?.toString() ?? null,
    }))
  } finally {
    matcher.close()
  }
}

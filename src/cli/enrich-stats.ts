/** What `tipline enrich --stats` ends with. */
import type { RecordCounts } from '../hits/recorder.js'
import type { EnrichCounts } from '../match/logs/enrich.js'
import { bytes, count, number } from './words.js'

export interface EnrichStats {
  readonly counts: EnrichCounts
  readonly seconds: number
  /** null: nothing was to be recorded. */
  readonly recorded: RecordCounts | null
}

export function statsDocument({ counts, seconds, recorded }: EnrichStats): object {
  const { lines, bytes, hitLines, hits, odd, long } = counts
  return {
    lines,
    bytes,
    hit_lines: hitLines,
    hits,
    not_json: odd,
    too_long: long,
    seconds: Number(seconds.toFixed(3)),
    lines_per_second: Math.round(lines / Math.max(seconds, 0.001)),
    ...(recorded && {
      recorded: recorded.recorded,
      recorded_before: recorded.known,
      not_recorded: recorded.lost,
    }),
  }
}

export function statsLines({ counts, seconds, recorded }: EnrichStats): string[] {
  const { lines, hitLines, hits, odd, long } = counts
  const rate = number(Math.round(lines / Math.max(seconds, 0.001)))
  return [
    `${count(lines, 'line')} (${bytes(counts.bytes)}) in ${seconds.toFixed(1)} s, ${rate} a second`,
    `${count(hitLines, 'line')} with hits, ${count(hits, 'hit')}`,
    ...(odd > 0
      ? [`${count(odd, 'line')} passed through that ${odd === 1 ? 'is' : 'are'} no JSON object`]
      : []),
    ...(long > 0
      ? [
          `${count(long, 'line')} passed through that ${long === 1 ? 'is' : 'are'} longer than 1 MiB`,
        ]
      : []),
    ...(recorded ? [recordedWords(recorded)] : []),
  ]
}

function recordedWords({ recorded, known, lost }: RecordCounts): string {
  return [
    `${count(recorded, 'hit')} recorded`,
    ...(known > 0 ? [`${number(known)} recorded before`] : []),
    ...(lost > 0 ? [`${number(lost)} could not be recorded`] : []),
  ].join(', ')
}

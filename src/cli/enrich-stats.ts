/** What `tipline enrich --stats` ends with. */
import type { EnrichCounts } from '../match/logs/enrich.js'
import { bytes, count, number } from './words.js'

export function statsDocument(counts: EnrichCounts, seconds: number): object {
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
  }
}

export function statsLines(counts: EnrichCounts, seconds: number): string[] {
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
  ]
}

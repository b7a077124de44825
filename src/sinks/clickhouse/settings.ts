/** The part `sinks.clickhouse` of the config. */
import { z } from 'zod'
import type { Telling } from '../../clickhouse/matching.js'
import { clickhouseSettings } from '../../clickhouse/settings.js'

export const clickhouseSinkSettings = clickhouseSettings.safeExtend({
  weak: z
    .boolean()
    .default(false)
    .describe('Also the address of `domain|ip`, which many names may share.'),
  backscan: z
    .string()
    .regex(/^\d{1,5}[hdw]$/, 'expected a duration such as 12h, 7d or 4w')
    .optional()
    .describe(
      'After each `tipline sync`, look for new indicators this far back in the flows. Default: only when asked (`tipline backscan`).',
    ),
  max_hits: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .default(10_000)
    .describe(
      'Hits of one indicator that are stored in an hour. Those beyond are counted, by indicator and hour.',
    ),
  sampled: z
    .boolean()
    .default(false)
    .describe(
      'Flows are sampled: whether a contact was answered is then not known, and none is counted instead of stored.',
    ),
  keep_old: z
    .boolean()
    .default(false)
    .describe('Keep rows of indicators that were revoked; misp2ch calls it `remove_old = False`.'),
})

export type ClickHouseSinkSettings = z.output<typeof clickhouseSinkSettings>

/** How hits are told. */
export function tellingOf(
  { sampled, max_hits: maxHits }: Pick<ClickHouseSinkSettings, 'sampled' | 'max_hits'>,
  networks: Telling['networks'],
): Telling {
  return { networks, sampled, maxHits }
}

/** For commands that need one. */
export const NO_CLICKHOUSE = {
  what: 'the config has no ClickHouse',
  hint: 'add `clickhouse: {}` under `sinks` for the embedded one',
}

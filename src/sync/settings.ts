/** The part `guard` of the config, and what it says of history. */
import { z } from 'zod'
import { limitSetting } from '../policy/duration.js'

export const guardSettings = z.strictObject({
  revoke_percent: z
    .number()
    .min(0)
    .max(100)
    .default(20)
    .describe(
      'Share of a source in percent that may vanish without a word within 24 h; more is withheld and the source frozen.',
    ),
  revoke_min: z
    .int()
    .min(0)
    .default(100)
    .describe('Up to this many attributes may vanish whatever the share.'),
  growth_factor: z
    .number()
    .min(1)
    .default(10)
    .describe('A source may grow by this many times its size in one pull; more is withheld.'),
  growth_min: z
    .int()
    .min(0)
    .default(1000)
    .describe('Up to this many attributes may be added whatever the size.'),
})

export const historySetting = limitSetting
  .default('400d')
  .describe(
    'How long is remembered that a value was live, from when it stopped: what `tipline explain` can tell of the past. A duration such as 400d or 2y, or never to forget nothing.',
  )

export type GuardSettings = z.output<typeof guardSettings>

/** The part of the config that is about hits. */
import { limitSetting } from '../policy/duration.js'

export const keepHitsSetting = limitSetting
  .default('90d')
  .describe(
    'How long hits are kept, from when they were recorded: those of log lines, and those of flows in tables that tipline made. A duration such as 90d, or never to forget none.',
  )

/** What all keepers of the daemon work with. */
import type { Ledger } from '../ledger/ledger.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Outages } from '../outage.js'
import type { Deriver } from '../sync/derive.js'
import type { GuardSettings } from '../sync/settings.js'
import type { Turns } from '../sync/turns.js'
import type { Clocks } from '../time.js'

export interface Works {
  readonly ledger: Ledger
  readonly deriver: Deriver
  /** The ledger has one staging. */
  readonly turns: Turns
  /** As the config has it now. */
  guard: GuardSettings
  readonly clocks: Clocks
  readonly outages: Outages
  readonly log: Logger
  readonly metrics: Metrics
}

/** Epoch seconds. */
export function epoch({ clocks }: Pick<Works, 'clocks'>): number {
  return Math.floor(clocks.wall() / 1000)
}

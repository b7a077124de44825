/** An observable met an indicator. */
import type { Indicator } from '../../indicators/indicator.js'
import type { StateCarrier } from '../../ledger/state.js'
import type { Via } from './reading.js'

export type { StateCarrier } from '../../ledger/state.js'

export interface Hit {
  /** Name of the field in the line, dotted. */
  readonly field: string
  /** As the line has it; of a URL put together, the whole. */
  readonly observable: string
  readonly indicator: Indicator
  /**
   * `exact`: they are the same; `net`: the net holds the address; `parent`: a domain above the name;
   * `host`: the host of the URL, or what holds it.
   */
  readonly via: Via
  /** The attributes that make it an indicator and may be met in this field; newest first, never none. */
  readonly carriers: readonly StateCarrier[]
}

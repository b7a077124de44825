/** How far alerts and sightings have got: for status and metrics. */
import type { Database } from '../ledger/sqlite.js'
import { type ChannelStatus, channelStatuses } from './alerts/status.js'
import { type SightingStatus, sightingStatuses } from './sightings/status.js'

export interface HitsStatus {
  readonly alerts: readonly ChannelStatus[]
  readonly sightings: readonly SightingStatus[]
}

/** What the config has of them. */
export interface Tellings {
  /** Names of the channels of alerts. */
  readonly channels: readonly string[]
  /** Names of the sources that are told of sightings. */
  readonly sightings: readonly string[]
}

/** `db`: `hits.db`; null: there is none yet. */
export function readHitsStatus(db: Database | null, { channels, sightings }: Tellings): HitsStatus {
  return {
    alerts: channelStatuses(db, channels),
    sightings: sightingStatuses(db, sightings),
  }
}

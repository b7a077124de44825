/** What a backscan is asked for, and what it works on. */
import type { ClickHouse } from '../../clickhouse/client.js'
import type { Gap } from '../../clickhouse/gaps.js'
import type { LiveNames } from '../../clickhouse/live-tables.js'
import type { FlowColumns, Telling } from '../../clickhouse/matching.js'
import type { Tables } from '../../clickhouse/schema.js'

export interface Backscan {
  readonly db: ClickHouse
  readonly tables: Tables
  /** Epoch seconds: where the past begins (taken back to a whole hour), and where it ends. */
  readonly since: number
  readonly until: number
  /** Only indicators of this address or net; null: all. */
  readonly value: string | null
  /** Also where it was looked before. */
  readonly again?: boolean
  readonly telling?: Telling
  readonly limits?: Limits
  /** Told once, before anything is read. */
  readonly announce?: (plan: Announcement) => void
  /** Told after each slice. */
  readonly progress: (slice: Progress) => void
  readonly signal: AbortSignal
}

/** Where one is reached, the run ends well; the next one goes on there. */
export interface Limits {
  /** Threads of ClickHouse. */
  readonly threads?: number
  readonly seconds?: number
  /** The longest stretch of time that is looked at at once. */
  readonly sliceSeconds?: number
  /** Of flows, as they are stored. */
  readonly bytes?: number
  /** Up to so many new indicators are looked for with the help of the index on flows. */
  readonly few?: number
}

export interface Announcement {
  readonly indicators: number
  readonly slices: number
  /** At most, estimated by ClickHouse: what is left out by address is not known before. */
  readonly rows: number
  readonly bytes: number
}

export interface Progress {
  /** Epoch seconds. */
  readonly from: number
  readonly to: number
  readonly hits: number
  /** Of the rows announced, those that are done. */
  readonly rows: number
}

/** The moment back to which an indicator was looked for that was never looked for. */
export const NEVER = 4_294_967_295

export interface Plan extends Backscan {
  readonly telling: Telling
  readonly flows: FlowColumns
  readonly live: LiveNames
  readonly jobs: readonly Job[]
}

export interface Job {
  /** Only those that have been looked for back to this moment (`NEVER` at all); null: all. */
  readonly back: number | null
  readonly indicators: number
  /** Which they are, where they are few and no nets. */
  readonly few: Few | null
  /** Set where a gap is to be closed. */
  readonly gap: Gap | null
  /** Newest first. */
  readonly slices: readonly Slice[]
}

/** Epoch seconds; `from` is a whole hour, so that what is counted by the hour is counted whole. */
export interface Slice {
  readonly from: number
  readonly to: number
  /** Estimated. */
  readonly rows: number
  readonly bytes: number
  /** Whether hardly a flow there is lies outside it. */
  readonly holdsAll: boolean
}

export interface Few {
  /** 64-bit numbers, as decimals. */
  readonly targets: readonly string[]
  /** The last 32 bits of their addresses, in the same order. */
  readonly bits: readonly number[]
  /** 0: any. In the same order. */
  readonly ports: readonly number[]
}

/**
 * An observable met an indicator: in a flow or in a log line, it is one type. One attribute each: a
 * value that stands in three events is three hits, as each event wants its own sighting.
 */
import type { Indicator } from '../indicators/indicator.js'
import type { Tlp } from '../policy/tlp.js'

export const HIT_KINDS = ['flow', 'log'] as const
export type HitKind = (typeof HIT_KINDS)[number]

/** How it was met. `live`: as the flow arrived; `backscan`: later; the others are lines of logs. */
export const WAYS = ['live', 'backscan', 'enrich', 'api'] as const
export type Way = (typeof WAYS)[number]

/** What was met in which way. */
export const KIND_OF_WAY = {
  live: 'flow',
  backscan: 'flow',
  enrich: 'log',
  api: 'log',
} as const satisfies Record<Way, HitKind>

export interface Hit {
  /** Stays the same, however often it is read: `flow-` or `log-` and 16 hexadecimal digits. */
  readonly id: string
  readonly kind: HitKind
  /** Epoch milliseconds: of a flow its begin and its end, of a line its own time, twice. */
  readonly first: number
  readonly last: number
  /** Epoch milliseconds: when it was written down. */
  readonly recorded: number
  readonly way: Way
  /** What met: an address of the flow, a value of the line as it stands there. */
  readonly observable: string
  /** Name of the field in the line, dotted; of a flow `source.ip` or `destination.ip`. */
  readonly field: string
  readonly indicator: Indicator
  readonly attribute: { readonly uuid: string; readonly type: string }
  readonly event: HitEvent
  /** The strictest of attribute and event, as the ledger has it now; null: nobody says. */
  readonly tlp: Tlp | null
  /** Where it was seen: `--label` of logs, `flowsrc` of flows; empty where nobody said. */
  readonly label: string
  /** Who of ours it was; null where that is not known. */
  readonly inside: { readonly address: string; readonly network: string | null } | null
  /** Of a flow: who of the two sides called the other. */
  readonly role: 'outbound' | 'inbound' | 'unknown'
  /** Of a flow: whether the called side ever said anything. */
  readonly answered: 'yes' | 'no' | 'unknown'
  /** Of a flow: the port and the counts; null of a line. */
  readonly flow: { readonly port: number; readonly packets: number; readonly bytes: number } | null
  /** Of a line: every field that was looked up; nothing else of a line is kept. */
  readonly fields: Readonly<Record<string, readonly string[]>>
  /** Somebody said that it is none. */
  readonly falsePositive: FalsePositive | null
  /** The attribute is served no longer (revoked, expired, held): not a thing to wake anybody for. */
  readonly stale: boolean
}

export interface HitEvent {
  /** MISP's number; empty of a feed. */
  readonly id: string
  readonly uuid: string
  readonly info: string
  /** The name of the source in the config. */
  readonly source: string
  /** Its page in the MISP, for people; null where it has none. */
  readonly link: string | null
}

export interface FalsePositive {
  /** Epoch milliseconds. */
  readonly at: number
  readonly by: string
  /** Empty where nobody said. */
  readonly why: string
}

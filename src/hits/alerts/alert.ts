/**
 * What an alert tells of. A sight gathers the hits of one pair, an indicator and a place of ours; an
 * alert tells of one sight, or, as a digest, of many.
 */
import type { Tlp } from '../../policy/tlp.js'

/** An attribute that makes the value an indicator, with its event. */
export interface SightEvent {
  /** The name of the source in the config. */
  readonly source: string
  /** MISP's number; empty of a feed. */
  readonly id: string
  readonly uuid: string
  readonly info: string
  /** Its page in the MISP; null where it has none. */
  readonly link: string | null
  readonly attribute: { readonly uuid: string; readonly type: string }
  /** The strictest of attribute and event; null: nobody says. */
  readonly tlp: Tlp | null
  /** The newest hit on this attribute: tipline's own id. */
  readonly hit: string
}

export interface Sight {
  readonly indicator: { readonly kind: string; readonly value: string }
  /** Who of ours it was, and the name of its network; empty where that is not known. */
  readonly inside: string
  readonly network: string
  /** Of the newest hit: what met, in which field, and where it was seen. */
  readonly observable: string
  readonly field: string
  readonly label: string
  /** Epoch milliseconds. */
  readonly first: number
  readonly last: number
  /** How often they met: flows, or lines of logs. */
  readonly count: number
  /** Found in the past, or told late. */
  readonly backscan: boolean
  /** The hits' own id in tipline, of the newest. */
  readonly hit: string
  /** Never none. */
  readonly events: readonly SightEvent[]
  /** The newest of those it counts, newest first; absent in what an earlier version has queued. */
  readonly meetings?: readonly Meeting[]
}

/** A flow or a line of a log in which they met; as many hits as attributes tell of it. */
export interface Meeting
  extends Pick<Sight, 'inside' | 'network' | 'observable' | 'field' | 'label' | 'first' | 'last'> {
  /** tipline's own ids, each with the uuid of its attribute. */
  readonly hits: readonly { readonly id: string; readonly attribute: string }[]
}

/**
 * `hit`: a first sight; `digest`: what came after; `flood`: the limit of an hour is reached;
 * `test`: by `tipline doctor --alerts`.
 */
export const ALERT_KINDS = ['hit', 'digest', 'flood', 'test'] as const
export type AlertKind = (typeof ALERT_KINDS)[number]

export interface Alert {
  /** A UUID, the same however often it is sent: the receiver may know it again. */
  readonly id: string
  readonly kind: AlertKind
  /** Epoch milliseconds: when it was made. */
  readonly at: number
  readonly sights: readonly Sight[]
  /** Sights of a digest that are counted, but not told one by one. */
  readonly more: number
  /** Of `flood`: the limit. */
  readonly limit?: number
}

/** A value and a place in one text. */
export function pairOf(
  { indicator, inside, network }: PairFacts,
  per: 'inside' | 'network',
): string {
  const place = per === 'network' || inside === '' ? `network ${network}` : `inside ${inside}`
  return JSON.stringify([indicator.kind, indicator.value, place])
}

type PairFacts = Pick<Sight, 'indicator' | 'inside' | 'network'>

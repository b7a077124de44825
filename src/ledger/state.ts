/** The state of a lookup key, as ship reads it. */

/**
 * One attribute that carries an indicator; the shape that a sink takes (sinks/sink.ts), so that a
 * million of them need not be copied on their way.
 */
export interface StateCarrier {
  readonly eventId: string
  readonly eventUuid: string
  readonly eventInfo: string
  readonly attributeUuid: string
  readonly type: string
  readonly port: number
  /** The attribute's and its event's. */
  readonly tags: readonly string[]
  readonly threatLevel: number
  readonly source: string
  readonly timestamp: number
  readonly firstSeen: number | null
  readonly lastSeen: number | null
  readonly liveSince: number
}

/** A lookup key with its served carriers, newest first; none: the key is to be absent. */
export interface State {
  readonly space: string
  readonly value: string
  readonly carriers: readonly StateCarrier[]
}

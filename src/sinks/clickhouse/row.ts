/** From the state of a lookup key to rows of `iocs`, one for each attribute. Pure. */
import { createHash } from 'node:crypto'
import { IOC_VALUES } from '../../clickhouse/schema.js'
import { kindOf } from '../../indicators/indicator.js'
import type { Carrier, KeyState } from '../sink.js'

/** Of the batch table: these, then those of `IOC_VALUES`. */
export const BATCH_VALUES: readonly string[] = ['batch', 'turn', 'present', ...IOC_VALUES]

export type Row = readonly unknown[]

export interface RowOptions {
  readonly batch: string
  /** Later turns win. */
  readonly turn: number
  /** Whether weak halves of composite types count. */
  readonly weak: boolean
}

/** Flows have addresses; what has none is not for this sink. */
export function isMatchable({ space }: Pick<KeyState, 'space'>): boolean {
  return space === 'ip' || space === 'net'
}

/** What is wanted of a key; where that is nothing, one row that says so. */
export function rowsOf(state: KeyState, options: RowOptions): Row[] {
  const rows = state.carriers
    .filter(({ type }) => options.weak || !WEAK.has(type))
    .map((carrier) => rowOf(state, carrier, options))
  return rows.length > 0 ? rows : [absence(state, options)]
}

/** The address of `domain|ip` is context more than indicator: many names may share it. */
const WEAK: ReadonlySet<string> = new Set(['domain|ip'])

function rowOf({ space, value }: KeyState, carrier: Carrier, { batch, turn }: RowOptions): Row {
  const { port } = carrier
  const values = [
    seconds(carrier.timestamp),
    carrier.source,
    carrier.attributeUuid,
    carrier.eventUuid,
    eventNumber(carrier.eventId),
    value,
    port,
    carrier.eventInfo,
    kindOf({ space, port }),
    carrier.type,
    space === 'net' ? Number(value.slice(value.indexOf('/') + 1)) : 0,
    carrier.tags,
    carrier.threatLevel,
    nullable(carrier.firstSeen),
    nullable(carrier.lastSeen),
    seconds(carrier.liveSince),
  ]
  return [batch, turn, 1, ...values, printOf(values)]
}

function absence({ value }: KeyState, { batch, turn }: RowOptions): Row {
  return [batch, turn, 0, 0, '', '', '', 0, value, 0, '', '', '', 0, [], 0, null, null, 0, '']
}

/** Tells whether a row is as it should be. */
function printOf(values: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, 16)
}

const MOST = 2 ** 32 - 1

/** A DateTime holds what fits into 32 bits. */
function seconds(at: number): number {
  return Math.min(Math.max(Math.floor(at), 0), MOST)
}

function nullable(at: number | null): number | null {
  return at === null ? null : seconds(at)
}

/** A feed's events have no number. */
function eventNumber(id: string): number {
  return /^\d{1,10}$/.test(id) && Number(id) <= MOST ? Number(id) : 0
}

/** Which hits are asked for, and where a page of them ends. */
import { UsageError } from '../errors.js'
import { addressSpellings, readIp } from '../indicators/ip.js'
import { exactCandidates } from '../indicators/observable.js'
import { storable } from '../text.js'
import { type Hit, type HitKind, KIND_OF_WAY, type Way } from './hit.js'

export interface HitFilter {
  /** Epoch milliseconds of a hit's `first`: from this on. */
  readonly since?: number | undefined
  /** Epoch milliseconds: before this. */
  readonly until?: number | undefined
  /** An address, name, hash or whatever: the observable, the indicator, who of ours, or seen beside it. */
  readonly value?: string | undefined
  /** MISP's number of an event, or its uuid. */
  readonly event?: string | undefined
  /** The name of a source in the config. */
  readonly source?: string | undefined
  readonly label?: string | undefined
  readonly kind?: HitKind | undefined
  readonly way?: Way | undefined
}

/** Whether there can be hits of this kind. */
export function admits({ kind, way }: HitFilter, asked: HitKind): boolean {
  return (kind ?? asked) === asked && (way === undefined || KIND_OF_WAY[way] === asked)
}

/** A place in the order of hits: newest first, of the same time the greater id first. */
export type Place = Pick<Hit, 'first' | 'id'>

export function isBefore(one: Place, other: Place): boolean {
  return one.first !== other.first ? one.first > other.first : one.id > other.id
}

export function cursorOf({ first, id }: Place): string {
  return Buffer.from(`${first} ${id}`).toString('base64url')
}

const PLACE = /^(-?\d{1,16}) ((?:flow|log)-[0-9a-f]{16})$/

/** @throws UsageError for what no page has given */
export function placeOf(cursor: string): Place {
  const [, first, id] = PLACE.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (first === undefined || id === undefined) {
    throw new UsageError({
      what: 'the cursor is none that a page of hits ends with',
      hint: 'begin without a cursor',
    })
  }
  return { first: Number(first), id }
}

/** How a value may stand in a hit: as it was given, as the normalisers write it, and as programs do. */
export function spellings(value: string): string[] {
  const given = storable(value)
  const normal = exactCandidates(given).map((candidate) => candidate.value)
  return [...new Set([given, ...normal, ...normal.flatMap(addressSpellings)])]
}

/** Whether a text that was recorded is this value, in whatever way an address is spelled. */
export function recognise(value: string): (text: string) => boolean {
  const known = new Set(spellings(value))
  const address = readIp(value.trim())
  return (text) => known.has(text) || (address !== null && readIp(text) === address)
}

const ID = /^(flow|log)-([0-9a-f]{16})$/

export function parseId(id: string): { kind: HitKind; hex: string } | null {
  const [, kind, hex] = ID.exec(id) ?? []
  return kind === undefined ? null : { kind: kind as HitKind, hex: hex! }
}

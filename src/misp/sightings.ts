/**
 * Sightings on MISP's wire. What MISP answers with 200 it need not have stored; what it could not answer
 * it may have stored. So a sighting is never sent again by itself: whoever sends it looks first.
 */
import { retry } from '../retry.js'
import { askJson, type Question } from './exchange.js'
import { cleaned, shapeError } from './faults.js'
import { isFields, readText } from './rows.js'
import { type MispClientOptions, openWire, type Wire } from './wire.js'

/** 0: seen. 1: a false positive. */
export type SightingType = 0 | 1

export interface Sighting {
  /** The attribute's uuid. MISP finds no composite attribute by its value. */
  readonly attribute: string
  readonly type: SightingType
  /** MISP takes at most 255 characters; more is a 500. */
  readonly source: string
  /** Epoch seconds. Milliseconds and the future are stored as they are, and wreck the decay score. */
  readonly at: number
}

export type StoredSighting = Omit<Sighting, 'attribute' | 'type'> & { readonly type: number }

export type Reception =
  | { readonly stored: true }
  | { readonly stored: false; readonly reason: string }

export interface SightingClient {
  /**
   * Sends one. @throws SourceError: `forbidden` and `maintenance` stored nothing; after any other fault
   * nobody knows
   */
  add(sighting: Sighting, signal: AbortSignal): Promise<Reception>
  /** Those that this key sees of an attribute, its own organisation's always. @throws SourceError */
  list(attribute: string, signal: AbortSignal): Promise<StoredSighting[]>
  /** Epoch seconds by MISP's clock. @throws SourceError */
  clock(signal: AbortSignal): Promise<number>
}

export function createSightingClient(options: MispClientOptions): SightingClient {
  const wire = openWire(options)
  return {
    add: (sighting, signal) => add(wire, sighting, signal),
    list: (attribute, signal) => list(wire, attribute, signal),
    clock: (signal) => clock(wire, signal),
  }
}

const MAX_BYTES = 8 * 1024 * 1024
/** Becomes part of a path, and comes from elsewhere. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

async function add(
  { target }: Wire,
  { attribute, type, source, at }: Sighting,
  signal: AbortSignal,
): Promise<Reception> {
  if (!UUID.test(attribute)) return { stored: false, reason: 'the attribute has no uuid' }
  const body = { type: String(type), source, timestamp: at }
  const question = { path: `sightings/add/${attribute}`, body }
  const { json } = await askJson(target, { question, maxBytes: MAX_BYTES, signal })
  return receptionOf(json, (text) => cleaned(target, text))
}

function receptionOf(json: unknown, clean: (text: string) => string): Reception {
  if (isFields(json) && isFields(json.Sighting)) return { stored: true }
  const message = isFields(json) ? readText(json.message) : ''
  return { stored: false, reason: clean(message) || 'MISP answered 200 without a sighting' }
}

async function list(wire: Wire, attribute: string, signal: AbortSignal): Promise<StoredSighting[]> {
  if (!UUID.test(attribute)) return []
  // A soft-deleted attribute has its sightings still.
  const body = { returnFormat: 'json', uuid: attribute, includeSightings: 1, deleted: [0, 1] }
  const json = await reading(wire, { path: 'attributes/restSearch', body }, signal)
  const response = isFields(json) && isFields(json.response) ? json.response : {}
  if (!Array.isArray(response.Attribute)) {
    throw shapeError(wire.target, { missing: 'response.Attribute', body: '' })
  }
  return (response.Attribute as readonly unknown[])
    .filter((row) => isFields(row) && row.uuid === attribute)
    .flatMap((row) => (isFields(row) && Array.isArray(row.Sighting) ? row.Sighting : []))
    .filter(isFields)
    .map((row) => ({
      type: Number(row.type),
      source: readText(row.source),
      at: Number(row.date_sighting),
    }))
}

async function clock(wire: Wire, signal: AbortSignal): Promise<number> {
  const { answer } = await retry(
    () =>
      askJson(wire.target, {
        question: { path: 'servers/getVersion' },
        maxBytes: MAX_BYTES,
        signal,
      }),
    wire.retries(signal),
  )
  if (answer.date === null) {
    throw shapeError(wire.target, { missing: 'a Date header, which tells its clock', body: '' })
  }
  return answer.date
}

async function reading(wire: Wire, question: Question, signal: AbortSignal): Promise<unknown> {
  const { json } = await retry(
    () => askJson(wire.target, { question, maxBytes: MAX_BYTES, signal }),
    wire.retries(signal),
  )
  return json
}

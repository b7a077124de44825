/**
 * Which fields of a log line are looked up, and as what. A field of another schema stands for a field
 * of ECS, or for a kind of indicator: so the type table (indicators/) decides everywhere which MISP
 * types it may meet.
 */
import type { Space } from '../../indicators/indicator.js'
import { MATCHABLE_TYPES, typeEntry } from '../../indicators/types.js'

export interface LogField {
  /** As it stands in the line, dotted: `source.ip` is `{"source.ip": ...}` and `{"source": {"ip": ...}}`. */
  readonly name: string
  /** A field of ECS (`source.ip`) or a kind of indicator (`sha256`). */
  readonly as: string
  /** The field that holds the port of the same side. */
  readonly port?: string
}

/** Fields that make a URL together. */
export interface UrlParts {
  /** With its leading slash; perhaps also the query. It is the field that a hit names. */
  readonly path: string
  readonly host: string
  readonly query?: string
  readonly scheme?: string
  readonly port?: string
  /** Fields that hold the whole URL: where one of them is there, nothing is put together. */
  readonly unless?: readonly string[]
}

export interface FieldMap {
  readonly fields: readonly LogField[]
  readonly urls: readonly UrlParts[]
}

/** What a field may meet. */
export interface Admission {
  readonly spaces: ReadonlySet<Space>
  /** MISP types; null: all. */
  readonly types: ReadonlySet<string> | null
}

/** Of names and addresses on their own, be it as the host of a URL. */
export const HOST_SPACES: readonly Space[] = ['ip', 'net', 'domain', 'hostname']

/** Null where `as` is neither a field of ECS that the type table knows nor a kind. */
export function admissionOf(as: string): Admission | null {
  const types = MATCHABLE_TYPES.filter((type) => fieldsOf(type).includes(as))
  if (types.length > 0) return { spaces: spacesOf(types), types: new Set(types) }
  const ofKind = MATCHABLE_TYPES.filter((type) => halvesOf(type).includes(as))
  const spaces = as === 'ip' ? ['ip', 'net'] : [as]
  return ofKind.length > 0 ? { spaces: new Set(spaces), types: null } : null
}

/** Of the host of a URL. */
export const URL_HOST: Admission = {
  spaces: new Set(HOST_SPACES),
  types: new Set(MATCHABLE_TYPES.filter((type) => fieldsOf(type).includes('url.domain'))),
}

function spacesOf(types: readonly string[]): Set<Space> {
  const spaces = new Set(types.flatMap(halvesOf))
  if (spaces.has('ip')) spaces.add('net')
  return spaces
}

function halvesOf(type: string): Space[] {
  const entry = typeEntry(type)
  return entry?.matchable ? entry.halves.map(({ space }) => space) : []
}

function fieldsOf(type: string): readonly string[] {
  const entry = typeEntry(type)
  return entry?.matchable ? entry.ecs : []
}

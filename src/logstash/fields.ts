/** Which fields of an event are looked up, under which namespaces, and which types of MISP they may meet. */
import type { Space } from '../indicators/indicator.js'
import { MATCHABLE } from '../indicators/matchable.js'

/** A field as the script in Logstash is told of it. */
export interface LookupField {
  /** What a hit says that it was found in, e.g. `source.ip`. */
  readonly name: string
  /** From the top of the event: `['source', 'ip']`. */
  readonly path: readonly string[]
  readonly spaces: readonly Space[]
  readonly types: readonly string[]
  /** Logstash's reference to the port that goes with it, e.g. `[source][port]`. */
  readonly port?: string
}

/** What the config serves; the rest need not be asked for. */
export interface Served {
  /** MISP types that the sources are asked for; undefined: all. */
  readonly types: ReadonlySet<string> | undefined
  /** Of the kinds that are served only on demand. */
  readonly kinds: readonly string[]
}

type Meaning = Pick<LookupField, 'spaces' | 'types'>

/** Every field of ECS that the type table names. */
export function ecsFields(served: Served): LookupField[] {
  const names = new Set(MATCHABLE.flatMap(({ ecs }) => ecs))
  return [...names].flatMap((name) => {
    const field = { name, path: name.split('.'), ...meaningOfEcs(name, served) }
    return field.types.length > 0 ? [withPort(field, portOfEcs(name))] : []
  })
}

export function isEcsField(name: string): boolean {
  return MATCHABLE.some(({ ecs }) => ecs.includes(name))
}

export function isSpace(name: string): boolean {
  return MATCHABLE.some(({ halves }) => halves.some(({ space }) => space === name))
}

/** What may be met in this field of ECS. */
export function meaningOfEcs(name: string, served: Served): Meaning {
  return meaningOf(MATCHABLE.filter(({ ecs }) => ecs.includes(name)).filter(isServed(served)))
}

/** What may be met where values of this namespace stand, whatever ECS calls it. */
export function meaningOfSpace(space: Space, served: Served): Meaning {
  const entries = MATCHABLE.filter(({ halves }) => halves.some((half) => half.space === space))
  const { types, spaces } = meaningOf(entries.filter(isServed(served)))
  const kept = space === 'ip' ? ['ip', 'net'] : [space]
  return { types, spaces: spaces.filter((each) => kept.includes(each)) }
}

/** Of `source.ip`, `source.nat.ip` and `source.domain` the port on that side. */
export function portOfEcs(name: string): string | undefined {
  const side = /^((?:source|client|destination|server)(?:\.nat)?|url)\.(?:ip|domain)$/.exec(name)
  return side?.[1] === undefined ? undefined : `${side[1]}.port`
}

export const PORT_FIELDS: readonly string[] = [
  ...new Set(MATCHABLE.flatMap(({ ecs }) => ecs.flatMap((name) => portOfEcs(name) ?? []))),
]

/** `[source][port]`. */
export function referenceOf(path: readonly string[]): string {
  return path.map((name) => `[${name}]`).join('')
}

function withPort(field: LookupField, port: string | undefined): LookupField {
  return port === undefined ? field : { ...field, port: referenceOf(port.split('.')) }
}

function isServed({ types, kinds }: Served) {
  return ({ type, optIn, halves }: (typeof MATCHABLE)[number]): boolean => {
    const isKind = !optIn || halves.some(({ space }) => kinds.includes(space))
    return isKind && (types === undefined || types.has(type))
  }
}

/** An address may stand under a type for names, and a net under a type for addresses. */
function meaningOf(entries: readonly (typeof MATCHABLE)[number][]): Meaning {
  const spaces = new Set(entries.flatMap(({ halves }) => halves.map(({ space }) => space)))
  if (spaces.has('ip')) spaces.add('net')
  if (spaces.has('domain') || spaces.has('hostname')) {
    spaces.add('domain')
    spaces.add('ip')
  }
  return { spaces: [...spaces], types: entries.map(({ type }) => type) }
}

/**
 * Attributes out of nothing, for worlds of a million: each is a function of (seed, id), and its
 * value is made when somebody reads it. Only addresses and names of the documentation.
 */

import type { AttributeRow, Generated, MispEvent } from './model.js'
import { hex, mix, pick, uuidOf } from './random.js'

export interface GenerateOptions {
  readonly seed: number
  readonly count: number
  readonly firstId: number
}

/** Shares in per cent: 40 addresses, 25 names, 15 URLs, 20 hashes. */
const KINDS: readonly (readonly [share: number, type: string])[] = [
  [14, 'ip-dst'],
  [8, 'ip-src'],
  [16, 'ip-dst|port'],
  [2, 'domain|ip'],
  [15, 'domain'],
  [10, 'hostname'],
  [15, 'url'],
  [9, 'sha256'],
  [6, 'md5'],
  [3, 'sha1'],
  [2, 'filename|sha256'],
]
const TYPES: readonly string[] = KINDS.flatMap(([share, type]) => Array<string>(share).fill(type))
const ZONES = ['example.com', 'example.net', 'example.org', 'evil.example', 'bad.test']
const PORTS = [443, 80, 8080, 8443, 4444, 22, 53, 1337]
const NO_TAGS: readonly string[] = []
const SOME_TAGS: readonly (readonly string[])[] = [
  ['tlp:amber'],
  ['tlp:green', 'kill-chain:Delivery'],
  ['kill-chain:Command and Control'],
]

export function generated({ seed, count, firstId }: GenerateOptions): Generated {
  return {
    count,
    firstId,
    make: (event) =>
      Array.from({ length: count }, (_, i) => new GeneratedRow(seed, firstId + i, event)),
  }
}

/** Cheap until its value or uuid is read: a filter on type or to_ids looks at millions. */
class GeneratedRow implements AttributeRow {
  object_id = 0
  object_relation: string | null = null
  distribution = 5
  deleted = false
  first_seen: string | null = null
  last_seen: string | null = null
  readonly event_id: number
  timestamp: number
  #type: string | undefined
  #value: string | undefined
  #to_ids: boolean | undefined
  #comment: string | undefined
  #category: string | undefined
  #tags: readonly string[] | undefined
  readonly #seed: number

  constructor(
    seed: number,
    readonly id: number,
    event: MispEvent,
  ) {
    this.#seed = seed
    this.event_id = event.id
    this.timestamp = event.timestamp
  }

  get uuid(): string {
    return uuidOf(this.#seed, this.id)
  }

  get type(): string {
    return this.#type ?? typeOf(this.#seed, this.id)
  }

  set type(type: string) {
    this.#type = type
  }

  get value(): string {
    return this.#value ?? valueOfType(this.type, this.#seed, this.id)
  }

  set value(value: string) {
    this.#value = value
  }

  /** One in twenty is context rather than something to detect with. */
  get to_ids(): boolean {
    return this.#to_ids ?? mix(this.#seed, this.id, 101) % 20 !== 0
  }

  set to_ids(to_ids: boolean) {
    this.#to_ids = to_ids
  }

  get comment(): string {
    return this.#comment ?? (this.id % 7 === 0 ? `seen in campaign ${this.event_id}` : '')
  }

  set comment(comment: string) {
    this.#comment = comment
  }

  get category(): string {
    return this.#category ?? (/md5|sha/.test(this.type) ? 'Payload delivery' : 'Network activity')
  }

  set category(category: string) {
    this.#category = category
  }

  get tags(): readonly string[] {
    if (this.#tags) return this.#tags
    const word = mix(this.#seed, this.id, 102)
    return word % 10 === 0 ? SOME_TAGS[pick(word, SOME_TAGS.length)]! : NO_TAGS
  }

  set tags(tags: readonly string[]) {
    this.#tags = tags
  }
}

function typeOf(seed: number, id: number): string {
  return TYPES[pick(mix(seed, id, 100), TYPES.length)]!
}

/** The value that row `id` would have if it were of that type. */
export function valueOfType(type: string, seed: number, id: number): string {
  switch (type) {
    case 'ip-dst|port':
    case 'ip-src|port':
      return `${address(seed, id)}|${PORTS[pick(mix(seed, id, 103), PORTS.length)]}`
    case 'ip-dst':
    case 'ip-src':
      return address(seed, id)
    case 'domain|ip':
      return `${name(seed, id)}|${address(seed, id)}`
    case 'hostname':
      return `h${id % 97}.${name(seed, id)}`
    case 'url':
      return `http://${name(seed, id)}/${hex(seed, id, 4)}/gate.php?id=${id}`
    case 'sha256':
      return hex(seed, id, 32)
    case 'sha1':
      return hex(seed, id, 20)
    case 'md5':
      return hex(seed, id, 16)
    case 'filename|sha256':
      return `dropper-${id % 1000}.exe|${hex(seed, id, 32)}`
    default:
      return name(seed, id)
  }
}

/**
 * IPv4 has 762 usable addresses in the documentation's blocks, so most are IPv6. They go round by
 * id: MISP takes a value only once for an event.
 */
function address(seed: number, id: number): string {
  const word = mix(seed, id, 104)
  if (word % 5 === 0) {
    const block = ['192.0.2', '198.51.100', '203.0.113'][id % 3]!
    return `${block}.${1 + (Math.floor(id / 3) % 254)}`
  }
  const low = mix(seed, id, 106)
  const group = (bits: number) => (1 + (bits % 0xfffe)).toString(16)
  return `2001:db8:${group(word >>> 8)}:${group(low >>> 16)}:${group(low)}:${group(id >>> 16)}:${group(id)}:1`
}

function name(seed: number, id: number): string {
  const zone = ZONES[pick(mix(seed, id, 107), ZONES.length)]!
  return `${hex(seed, id, 4)}${(id % 46_656).toString(36)}.${zone}`
}

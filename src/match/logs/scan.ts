/** A thread's hold on the scanner; code and memory are shared between threads. */
import type { Space } from '../../indicators/indicator.js'
import { keysOf, type NetLengths } from './reading.js'
import {
  KIND_BYTES,
  KINDS,
  LANES,
  MAX_BLOCK,
  MAX_PLACED,
  MOST_FOUND,
  type Places,
  placesOf,
  type ScanMemory,
  TEXT_BYTES,
} from './scan-memory.js'
import type { ScanKind, ScanPlan } from './scan-plan.js'

interface Exports {
  readonly stopped: WebAssembly.Global
  readonly lines: WebAssembly.Global
  readonly blanks: WebAssembly.Global
  readonly longs: WebAssembly.Global
  place(scratch: number): void
  addKeys(at: number, end: number): void
  mayKnow(space: number, spaceLength: number, value: number, length: number): number
  mayKnowUrlOn(value: number, length: number): number
  mayMeet(kind: number, at: number, length: number): number
  seedOf(space: number, length: number): bigint
  urlHostSeed(): bigint
  addName(state: number, name: number, length: number, kind: number, below: number): void
  scan(at: number, end: number, found: number, most: number): number
}

/** Byte offsets in the block: of a line that is to be examined, and of its line feed. */
export type Line = readonly [start: number, end: number]

export interface Scanned {
  readonly found: readonly Line[]
  readonly lines: number
  /** Of these, those that hold nothing, and those that are too long to be looked at. */
  readonly blanks: number
  readonly longs: number
}

export class Scan {
  readonly #exports: Exports
  readonly #places: Places
  readonly #bytes: Buffer
  readonly #numbers: Uint32Array
  readonly #kinds: readonly ScanKind[]
  readonly #kindsOf: ReadonlyMap<string, number>
  #lengths: NetLengths = { v4: [], v6: [] }

  /** `thread`: its number, from 0. */
  constructor(shared: ScanMemory & { readonly plan: ScanPlan }, thread: number) {
    const { memory, module, plan } = shared
    this.#kinds = plan.kinds
    this.#kindsOf = plan.kindsOf
    const look = (kind: number, at: number, length: number) => Number(this.#look(kind, at, length))
    const { exports } = new WebAssembly.Instance(module, { env: { memory }, host: { look } })
    this.#exports = exports as unknown as Exports
    this.#places = placesOf(shared, thread)
    this.#bytes = Buffer.from(memory.buffer)
    this.#numbers = new Uint32Array(memory.buffer)
    this.#exports.place(this.#places.scratch)
  }

  /** Once for a memory. */
  writePlan({ kinds, steps }: ScanPlan): void {
    for (const [at, kind] of kinds.entries()) this.#writeKind(at + 1, kind)
    const { text } = this.#places
    for (const { state, name, kind, below } of steps) {
      this.#exports.addName(state, text, this.#write(text, name), kind, below)
    }
  }

  /** Of the nets that are live, for the exact reading of single values. */
  useLengths(lengths: NetLengths): void {
    this.#lengths = lengths
  }

  #writeKind(number: number, { lane, also, spaces }: ScanKind): void {
    const at = KINDS + number * KIND_BYTES
    this.#numbers.set([LANES[lane], Number(also), spaces.length], at / 4)
    const seeds = [...spaces.map((space) => this.#seedOf(space)), this.#exports.urlHostSeed()]
    for (const [n, seed] of seeds.entries()) this.#bytes.writeBigInt64LE(seed, at + 16 + 8 * n)
  }

  /** `<space>\0<value>\0`, as often as there are keys. */
  addKeys(packed: Uint8Array): void {
    const block = this.#places.blocks[0]!
    for (let from = 0; from < packed.length; ) {
      const to = from + wholeKeys(packed.subarray(from, from + MAX_BLOCK))
      this.#bytes.set(packed.subarray(from, to), block)
      this.#exports.addKeys(block, block + to - from)
      from = to
    }
  }

  /** False: surely no such key is live. */
  mayKnow(space: Space, value: string): boolean {
    if (value.length * 3 > TEXT_BYTES - 256) return true
    const { text } = this.#places
    const spaceLength = this.#write(text, space)
    const length = this.#write(text + 128, value)
    return this.#exports.mayKnow(text, spaceLength, text + 128, length) !== 0
  }

  /** False: surely this field meets nothing that is live with this text. */
  mayMeet(field: string, value: string): boolean {
    const kind = this.#kindsOf.get(field)
    if (kind === undefined) return false
    const isRead = this.#kinds[kind - 1]!.lane !== 'look' && value.length <= TEXT_BYTES - 256
    if (!isRead || !PLAIN.test(value)) return true
    const { text } = this.#places
    return this.#exports.mayMeet(kind, text, this.#write(text, value)) !== 0
  }

  /**
   * Where a block is scanned, whoever writes it. It has to be whole lines, each with its line feed.
   * @throws RangeError where a place is smaller
   */
  block(place: number, length: number): Buffer {
    if (length > MAX_PLACED) throw new RangeError(`a block of ${length}`)
    const start = this.#places.blocks[place]!
    return this.#bytes.subarray(start, start + length)
  }

  scan(place: number, length: number): Scanned {
    const start = this.#places.blocks[place]!
    const end = start + length
    const found: Line[] = []
    let [lines, blanks, longs] = [0, 0, 0]
    for (let at = start; at < end; at = this.#exports.stopped.value) {
      const count = this.#exports.scan(at, end, this.#places.found, MOST_FOUND)
      lines += this.#exports.lines.value
      blanks += this.#exports.blanks.value
      longs += this.#exports.longs.value
      const first = this.#places.found / 4
      for (let n = first; n < first + 2 * count; n += 2) {
        found.push([this.#numbers[n]! - start, this.#numbers[n + 1]! - start])
      }
    }
    return { found, lines, blanks, longs }
  }

  /** The exact reading of one value in the block, as it stands between its quotes. */
  #look(number: number, at: number, length: number): boolean {
    const kind = this.#kinds[number - 1]!
    const raw = this.#bytes.toString('utf8', at, at + length)
    const text = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw
    const asked = { field: '', text, admission: kind.admission, ports: [], hostElsewhere: false }
    return (
      keysOf(asked, this.#lengths).some(({ space, value }) => this.mayKnow(space, value)) ||
      (kind.also && HOST_OF_URLS.has(kind.lane) && this.#mayKnowUrlOn(text))
    )
  }

  #mayKnowUrlOn(text: string): boolean {
    const asHost = { spaces: new Set(['ip', 'hostname', 'domain']), types: null }
    const asked = { field: '', text, admission: asHost, ports: [], hostElsewhere: false }
    return keysOf(asked, { v4: [], v6: [] }).some(({ space, value }) => {
      if (space === 'domain') return false
      const at = this.#places.text
      return this.#exports.mayKnowUrlOn(at, this.#write(at, value)) !== 0
    })
  }

  #seedOf(space: Space): bigint {
    const { text } = this.#places
    return this.#exports.seedOf(text, this.#write(text, space))
  }

  /** What follows is cleared, as the scanner reads words. */
  #write(at: number, text: string): number {
    const length = this.#bytes.write(text, at, 'utf8')
    this.#bytes.fill(0, at + length, at + length + 8)
    return length
  }
}

/** What stands in a line just as it is read. */
const PLAIN = /^[ !#-[\]-~]*$/

/** Where `also` means that a field may be the host of a URL that is put together. */
const HOST_OF_URLS = new Set<string>(['host', 'look'])

/** Bytes of the whole keys that it begins with. */
function wholeKeys(packed: Uint8Array): number {
  if (packed.length < MAX_BLOCK) return packed.length
  // A key has two NULs; whether one ends a space or a value shows only from the start.
  let [end, nuls] = [0, 0]
  for (let at = packed.indexOf(0); at >= 0; at = packed.indexOf(0, at + 1)) {
    nuls += 1
    if (nuls % 2 === 0) end = at + 1
  }
  return end
}

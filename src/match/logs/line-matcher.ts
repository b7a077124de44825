/** Matches lines in one thread: the scan tells which are worth the exact way, the ledger what is true. */
import type { LineHits } from '../../hits/record.js'
import type { Space } from '../../indicators/indicator.js'
import { netLengths } from '../../ledger/knowledge.js'
import type { State } from '../../ledger/state.js'
import { eventLink, type References } from './enrichment.js'
import { Examiner, type Known } from './examiner.js'
import type { FieldMap } from './field-map.js'
import { type FileRange, readRange } from './file-ranges.js'
import type { Hit } from './hit.js'
import { LineEnricher } from './line-enricher.js'
import { lineHits } from './line-hits.js'
import { Observer } from './observe.js'
import type { NetLengths } from './reading.js'
import type { Scan, Scanned } from './scan.js'
import type { States } from './states.js'

/** What is asked for; can be sent to a thread. */
export interface MatchSettings {
  readonly fields: FieldMap
  readonly references: References
  /** Also `misp.event_id` and `misp.type`. */
  readonly legacy: boolean
  /** Also tell what is to be recorded. Default: no. */
  readonly record?: boolean
}

/** A line of a block that hit. */
export interface HitLine {
  /** Byte offsets in the block: of the line, and of its line feed. */
  readonly start: number
  readonly end: number
  /** The line with what was added, without its line feed. */
  readonly bytes: Buffer
  readonly hits: number
  /** To be recorded; null where that was not asked for. */
  readonly kept: LineHits | null
}

export interface BlockResult {
  readonly hitLines: readonly HitLine[]
  /** That hold something. */
  readonly lines: number
  /** Lines that are no JSON objects. */
  readonly odd: number
  /** Lines that are longer than is looked at. */
  readonly long: number
}

export interface Matched extends BlockResult {
  /** The lines as they came. Those of a file only until `release`, which makes room for others. */
  readonly bytes: Buffer
  release(): void
}

export class LineMatcher implements Known {
  readonly #states: States
  readonly #examiner: Examiner
  readonly #enricher: LineEnricher
  readonly #observer: Observer | null
  #scan!: Scan
  #lengths: NetLengths = { v4: [], v6: [] }

  /** Made ready by `use`, when the keys are read: what is done here takes a new thread some milliseconds. */
  constructor({
    states,
    fields,
    references,
    legacy,
    record = false,
  }: MatchSettings & { states: States }) {
    this.#states = states
    this.#examiner = new Examiner(fields, this)
    this.#enricher = new LineEnricher(this.#examiner, { link: eventLink(references), legacy })
    this.#observer = record ? new Observer(fields) : null
  }

  /** Before the first line, and after the ledger has changed. */
  use(scan: Scan): void {
    this.#scan = scan
    const [v4, v6] = [netLengths(this.#states.db, 4), netLengths(this.#states.db, 6)]
    this.#lengths = { v4: v4.reverse(), v6: v6.reverse() }
    scan.useLengths(this.#lengths)
  }

  get lengths(): NetLengths {
    return this.#lengths
  }

  mayKnow(space: Space, value: string): boolean {
    return this.#scan.mayKnow(space, value)
  }

  mayMeet(field: string, text: string): boolean {
    return this.#scan.mayMeet(field, text)
  }

  state(space: Space, value: string): State {
    return this.#states.of(space, value)
  }

  hits(document: object): Hit[] {
    return this.#examiner.hits(document)
  }

  /** Whole lines, each with its line feed; at most MAX_BLOCK bytes. */
  matchBlock(block: Buffer): BlockResult {
    this.#scan.block(0, block.length).set(block)
    return this.examine(block, this.#scan.scan(0, block.length))
  }

  /** What is read to that place. `bytes`: what is there now. @throws an error of reading */
  matchRange(place: number, range: FileRange): BlockResult & { readonly bytes: Buffer } {
    const bytes = this.read(place, range)
    return { bytes, ...this.examine(bytes, this.#scan.scan(place, bytes.length)) }
  }

  /**
   * Answers what is there now. The scan relies on the last line feed; a file that was cut in the meantime
   * may lack it.
   */
  read(place: number, range: FileRange): Buffer {
    const block = this.#scan.block(place, range.length + 1)
    const length = readRange(range, block)
    if (length === 0 || block[length - 1] === LINE_FEED) return block.subarray(0, length)
    block[length] = LINE_FEED
    return block.subarray(0, length + 1)
  }

  /** Of a block that any thread has scanned. */
  examine(block: Buffer, { found, lines, blanks, longs }: Scanned): BlockResult {
    const hitLines: HitLine[] = []
    let odd = 0
    for (const [start, end] of found) {
      const line = block.subarray(start, end)
      const result = this.#enricher.enrich(line)
      if (result.verdict === 'odd') odd += 1
      else if (result.verdict === 'hit') {
        const observer = this.#observer
        const kept = observer && lineHits(line, { ...result, observer })
        hitLines.push({ start, end, bytes: result.bytes, hits: result.hits.length, kept })
      }
    }
    return { hitLines, lines: lines - blanks, odd, long: longs }
  }
}

const LINE_FEED = 0x0a

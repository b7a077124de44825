/** Another thread of a crew, as the first one sees it. */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { FileRange } from './file-ranges.js'
import type { SharedIndex } from './key-index.js'
import type { BlockResult, Matched, MatchSettings } from './line-matcher.js'
import type { Scanned } from './scan.js'
import { PLACES, type View, viewOf } from './scan-memory.js'

export interface HelperData extends MatchSettings {
  readonly dataDir: string
  readonly thread: number
}

/** To a helper: match what is there, or what is to be read to there. */
export interface Task {
  readonly place: number
  readonly block: { readonly length: number } | FileRange
}

/** What it is sent; the index before the first task, and whenever it is another one. */
export type Order = Task | { readonly index: SharedIndex }

/** `length`: bytes that are in the place now. What is only scanned is left to the first thread. */
export type Answer = (BlockResult | Scanned) & { readonly length: number }

/** With the lines as they came; those of a file only until `release`. */
export type Helped = (BlockResult | Scanned) & Pick<Matched, 'bytes' | 'release'>

/** What it says when it can match by the index that it was sent. */
export const READY = 'ready'

/** Blocks that it is asked for ahead, so that it need not wait for us: work of some ten milliseconds. */
export const AHEAD = 3

const THREAD = fileURLToPath(new URL('./crew-thread.js', import.meta.url))

interface Waiting {
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** Answers in the order in which it was asked. */
export class CrewHelper {
  readonly #worker: Worker
  readonly #thread: number
  readonly #places = Array.from({ length: PLACES }, (_, n) => n + 1)
  #isReady = false
  #view: View | undefined
  #waiting: Waiting[] = []
  #broken: unknown

  constructor(data: HelperData) {
    this.#thread = data.thread
    this.#worker = new Worker(THREAD, { workerData: data })
    // It holds up no end of the process; who waits for a block does.
    this.#worker.unref()
    this.#worker.on('message', (told: Answer | typeof READY) => {
      if (told === READY) this.#isReady = true
      else this.#answered(told)
    })
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('a thread of the matcher ended')))
  }

  /**
   * It makes itself ready for that; what it was asked before is matched by the one before. Nothing is to be
   * asked before the keys are in it.
   */
  use(index: SharedIndex): void {
    this.#view = viewOf(index, this.#thread)
    this.#worker.postMessage({ index } satisfies Order)
  }

  /**
   * Not while it starts: what it was given would hold up all that comes behind.
   * @throws what it failed with
   */
  hasRoom(): boolean {
    if (this.#broken !== undefined) throw this.#broken
    return this.#isReady && this.#waiting.length < AHEAD && this.#places.length > 0
  }

  /** Where it has room. */
  match(lines: Buffer | FileRange): Promise<Helped> {
    const place = this.#places.pop()!
    return Buffer.isBuffer(lines) ? this.#matchBlock(lines, place) : this.#matchRange(lines, place)
  }

  async #matchBlock(bytes: Buffer, place: number): Promise<Helped> {
    const { length } = bytes
    this.#view!(place, length).set(bytes)
    const answer = await this.#ask({ place, block: { length } })
    this.#places.push(place)
    return { bytes, release: () => undefined, ...answer }
  }

  async #matchRange(range: FileRange, place: number): Promise<Helped> {
    const view = this.#view!
    const answer = await this.#ask({ place, block: range })
    const bytes = view(place, answer.length)
    return { bytes, release: () => this.#places.push(place), ...answer }
  }

  #ask(task: Task): Promise<Answer> {
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(task satisfies Order)
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #answered(answer: Answer): void {
    this.#waiting.shift()?.resolve(answer)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #fail(error: unknown): void {
    this.#broken ??= error
    for (const { reject } of this.#waiting) reject(this.#broken)
    this.#waiting = []
  }
}

/**
 * Blocks matched by one or several threads, answered in any order. This thread does its share; with one
 * thread it does all.
 */
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { KeyIndex, type SharedIndex } from './key-index.js'
import { type BlockResult, LineMatcher, type MatchSettings } from './line-matcher.js'
import { BLOCKS, placesOf } from './scan-memory.js'
import { States } from './states.js'

export interface CrewOptions extends MatchSettings {
  readonly dataDir: string
  /** Threads, this one included. */
  readonly threads: number
}

/** How to feed a crew. */
export interface Feed {
  /** Blocks to have under way, so that no thread waits. */
  readonly inFlight: number
  /** Bytes to read at once. */
  readonly chunk: number
}

/** What stays in a core's cache; to wake another thread costs as much as to scan some dozen lines. */
export function feedOf(threads: number): Feed {
  return threads === 1 ? { inFlight: 1, chunk: 1 << 17 } : { inFlight: 3 * threads, chunk: 1 << 18 }
}

/** Bytes of a block that are worth another thread. */
const WORTH_SENDING = 1 << 14

export interface ThreadData extends MatchSettings {
  readonly dataDir: string
  readonly thread: number
  readonly shared: SharedIndex
}

/** To a thread: match the block that was put there; `shared` where the index has become another one. */
export interface Task {
  readonly place: number
  readonly length: number
  readonly shared: SharedIndex | null
}

/** How long a change in the ledger may go unnoticed. */
const FOLLOW_MS = 1000

const THREAD = fileURLToPath(new URL('./crew-thread.js', import.meta.url))

export class Crew {
  readonly #states: States
  readonly #index: KeyIndex
  readonly #own: LineMatcher
  readonly #helpers: Helper[]
  #followed = performance.now()

  /** Reads all live keys. @throws LedgerError */
  constructor({ dataDir, threads, ...settings }: CrewOptions) {
    this.#states = new States(dataDir)
    this.#states.refresh()
    this.#index = new KeyIndex({ states: this.#states, fields: settings.fields, threads })
    this.#own = new LineMatcher(this.#index.scan, { ...settings, states: this.#states })
    const { shared } = this.#index
    this.#helpers = Array.from(
      { length: threads - 1 },
      (_, n) => new Helper({ ...settings, dataDir, shared, thread: n + 1 }),
    )
  }

  /** Whole lines, each with its line feed. */
  async match(block: Buffer): Promise<BlockResult> {
    this.#follow()
    const isWorth = block.length >= WORTH_SENDING
    const helper = isWorth ? this.#helpers.find(({ hasRoom }) => hasRoom) : undefined
    return helper ? helper.match(block, this.#index.shared) : this.#own.matchBlock(block)
  }

  async close(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.close()))
    this.#states.close()
  }

  #follow(): void {
    if (performance.now() - this.#followed < FOLLOW_MS) return
    this.#followed = performance.now()
    if (!this.#states.refresh()) return
    this.#index.follow()
    this.#own.refreshed(this.#index.scan)
  }
}

interface Waiting {
  resolve(result: BlockResult): void
  reject(error: unknown): void
}

/** Another thread; answers in the order in which it was asked. */
class Helper {
  readonly #worker: Worker
  readonly #thread: number
  #shared: SharedIndex
  #place = 0
  #waiting: Waiting[] = []
  #broken: unknown

  constructor(data: ThreadData) {
    this.#shared = data.shared
    this.#thread = data.thread
    this.#worker = new Worker(THREAD, { workerData: data })
    // It holds up no end of the process; who waits for a block does.
    this.#worker.unref()
    this.#worker.on('message', (result: BlockResult) => this.#answer(result))
    this.#worker.on('error', (error) => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('a thread of the matcher ended')))
  }

  /** It has at most one block waiting behind the one at hand: then it never waits for us. */
  get hasRoom(): boolean {
    return this.#waiting.length < BLOCKS && this.#broken === undefined
  }

  match(block: Buffer, shared: SharedIndex): Promise<BlockResult> {
    const place = this.#put(block, shared)
    const isOther = shared !== this.#shared
    const task: Task = { place, length: block.length, shared: isOther ? shared : null }
    this.#shared = shared
    this.#worker.ref()
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#worker.postMessage(task)
    })
  }

  /** In turns, and answered in their order: it has done with what stood there before. */
  #put(block: Buffer, shared: SharedIndex): number {
    this.#place = (this.#place + 1) % BLOCKS
    const at = placesOf(shared, this.#thread).blocks[this.#place]!
    new Uint8Array(shared.memory.buffer).set(block, at)
    return this.#place
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #answer(result: BlockResult): void {
    this.#waiting.shift()?.resolve(result)
    if (this.#waiting.length === 0) this.#worker.unref()
  }

  #fail(error: unknown): void {
    this.#broken ??= error
    for (const { reject } of this.#waiting) reject(this.#broken)
    this.#waiting = []
  }
}

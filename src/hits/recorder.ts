/**
 * Records hits of log lines beside the work that finds them. It holds nobody up: what can't be written
 * now waits here, and what there is no room for is counted and let go.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { HitsError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { type Outage, Outages } from '../outage.js'
import { sleep } from '../retry.js'
import { type Batch, type BatchAnswer, BatchWriter } from './batch-writer.js'
import type { LineHits, Occasion } from './record.js'

export interface RecorderOptions {
  readonly dataDir: string
  readonly log: Logger
  readonly metrics: Metrics
  /** What fails is told there; default: in the log alone. */
  readonly outages?: Outages
  /** Epoch milliseconds. */
  readonly clock?: () => number
  /** Lines that may wait. */
  readonly room?: number
  /** How long `close` goes on trying when the store can't be written to. */
  readonly graceMs?: number
}

export interface RecordCounts {
  /** Hits that were new. */
  recorded: number
  /** Hits that had been recorded before. */
  known: number
  /** Hits that could not be written. */
  lost: number
}

const ROOM = 100_000
const BATCH = 1000
const GRACE_MS = 5000
const [FIRST_WAIT_MS, LONGEST_WAIT_MS] = [250, 30_000]

export class Recorder {
  readonly counts: RecordCounts = { recorded: 0, known: 0, lost: 0 }
  readonly #options: RecorderOptions
  readonly #host: Host
  readonly #outage: Outage
  /** More hits than there is room for. */
  readonly #crowd: Outage
  readonly #closing = new AbortController()
  #waiting: Queued[] = []
  /** Lines that were ever taken, and those of them that are done with. */
  #taken = 0
  #settled = 0
  #watchers: { readonly upTo: number; readonly resolve: () => void }[] = []
  #writing: Promise<void> | null = null

  /** Opens nothing before there is a hit. */
  constructor(options: RecorderOptions) {
    this.#options = options
    const { outages = new Outages(options.log) } = options
    this.#outage = outages.of({ part: 'recording of hits', meanwhile: 'the logs go on' })
    this.#crowd = outages.of({ part: 'room for hits', meanwhile: 'the logs go on' })
    this.#host = existsSync(THREAD)
      ? new ThreadHost(options.dataDir)
      : new DirectHost(options.dataDir)
  }

  /** Returns at once. */
  add(lines: readonly LineHits[], occasion: Occasion): void {
    if (lines.length === 0) return
    const { room = ROOM, clock = Date.now } = this.#options
    const now = clock()
    const fitting = Math.max(0, room - this.#waiting.length)
    for (const line of lines.slice(0, fitting)) this.#waiting.push({ line, occasion, now })
    this.#taken += Math.min(lines.length, fitting)
    this.#turnAway(lines.slice(fitting))
    this.#writing ??= this.#writeAll()
  }

  /** Everything that was added is on the disk; or can't be written for now, and waits. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#watchers.push({ upTo: this.#taken, resolve })
      this.#tellWatchers()
    })
  }

  #tellWatchers(): void {
    const isFailing = this.#outage.since !== null
    const isDone = ({ upTo }: { upTo: number }) => isFailing || upTo <= this.#settled
    for (const { resolve } of this.#watchers.filter(isDone)) resolve()
    this.#watchers = this.#watchers.filter((watcher) => !isDone(watcher))
  }

  #settle(lines: number): void {
    this.#settled += lines
    this.#tellWatchers()
  }

  /** Everything that was added has been written, or is counted as lost. */
  async close(): Promise<void> {
    const { graceMs = GRACE_MS } = this.#options
    const timer = setTimeout(
      () => this.#closing.abort(),
      this.#outage.since === null ? graceMs * 6 : graceMs,
    )
    await this.#writing
    clearTimeout(timer)
    await this.#host.close()
  }

  async #writeAll(): Promise<void> {
    // Whoever adds goes on; what it adds in the meantime goes with the first batch.
    await sleep(0)
    let wait = FIRST_WAIT_MS
    while (this.#waiting.length > 0) {
      const batch = this.#next()
      const answer = await this.#host.write(batch)
      if (answer.ok) {
        this.#waiting.splice(0, batch.lines.length)
        this.#count(batch, answer.added)
        this.#outage.over()
        this.#settle(batch.lines.length)
        wait = FIRST_WAIT_MS
        continue
      }
      this.#outage.failed(faultOf(answer))
      this.#tellWatchers()
      await sleep(wait, this.#closing.signal).catch(() => undefined)
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
      if (this.#closing.signal.aborted) this.#giveUp()
    }
    this.#crowd.over()
    // At once, not when the promise is seen to be done: what is added in between would wait for ever.
    this.#writing = null
  }

  /** Lines of one occasion, since a batch has one. */
  #next(): Batch {
    const [{ occasion, now }] = this.#waiting as [Queued]
    const other = this.#waiting.findIndex((each) => each.occasion !== occasion)
    const end = Math.min(other < 0 ? this.#waiting.length : other, BATCH)
    return { ...occasion, now, lines: this.#waiting.slice(0, end).map(({ line }) => line) }
  }

  #count({ lines, way }: Batch, added: number): void {
    const hits = hitsIn(lines)
    this.counts.recorded += added
    this.counts.known += hits - added
    this.#options.metrics.count('tipline_hits_recorded_total', { way }, added)
  }

  #turnAway(lines: readonly LineHits[]): void {
    if (lines.length === 0) return
    this.#lose(lines)
    this.#crowd.failed(new HitsError({ what: 'hits come faster than they can be recorded' }))
  }

  #giveUp(): void {
    this.#lose(this.#waiting.map(({ line }) => line))
    this.#settle(this.#waiting.length)
    this.#waiting = []
  }

  #lose(lines: readonly LineHits[]): void {
    if (lines.length === 0) return
    this.counts.lost += hitsIn(lines)
    this.#options.metrics.count('tipline_hits_unrecorded_total', {}, hitsIn(lines))
  }
}

function faultOf({ what, hint }: { what: string; hint: string | undefined }): HitsError {
  return new HitsError({ what, ...(hint !== undefined && { hint }) })
}

interface Queued {
  readonly line: LineHits
  readonly occasion: Occasion
  readonly now: number
}

function hitsIn(lines: readonly LineHits[]): number {
  return lines.reduce((sum, { met }) => sum + met.length, 0)
}

interface Host {
  write(batch: Batch): Promise<BatchAnswer>
  close(): Promise<void>
}

/** Absent where the sources run uncompiled (tests): then it is done in this thread. */
const THREAD = fileURLToPath(new URL('./recorder-thread.js', import.meta.url))

class DirectHost implements Host {
  readonly #writer: BatchWriter

  constructor(dataDir: string) {
    this.#writer = new BatchWriter(dataDir)
  }

  async write(batch: Batch): Promise<BatchAnswer> {
    try {
      return { ok: true, added: this.#writer.write(batch) }
    } catch (error) {
      if (!(error instanceof HitsError)) throw error
      return { ok: false, what: error.message, hint: error.hint }
    }
  }

  async close(): Promise<void> {
    this.#writer.close()
  }
}

/** One batch after the other, each answered before the next. */
class ThreadHost implements Host {
  readonly #dataDir: string
  #worker: Worker | undefined

  constructor(dataDir: string) {
    this.#dataDir = dataDir
  }

  write(batch: Batch): Promise<BatchAnswer> {
    this.#worker ??= new Worker(THREAD, { workerData: { dataDir: this.#dataDir } })
    const worker = this.#worker
    return new Promise((resolve, reject) => {
      const settle = (work: () => void) => {
        worker.off('message', done).off('error', failed)
        work()
      }
      const done = (answer: BatchAnswer) => settle(() => resolve(answer))
      const failed = (error: unknown) => settle(() => reject(error))
      worker.on('message', done).on('error', failed)
      worker.postMessage(batch)
    })
  }

  async close(): Promise<void> {
    const worker = this.#worker
    this.#worker = undefined
    if (!worker) return
    const ended = new Promise((resolve) => worker.once('exit', resolve))
    worker.postMessage('close')
    await ended
  }
}

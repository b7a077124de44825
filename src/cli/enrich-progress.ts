/** A progress bar on stderr while logs are enriched; only where nothing else is on the terminal. */
import { SingleBar } from 'cli-progress'
import type { EnrichCounts } from '../match/logs/enrich.js'
import type { LogInput } from './enrich-input.js'
import { bytes, number } from './words.js'

const EVERY_MS = 200

export class EnrichProgress {
  readonly #inputs: readonly LogInput[]
  readonly #counts: EnrichCounts
  readonly #bar: SingleBar | null = null
  readonly #timer: NodeJS.Timeout | undefined

  /** `counts` is looked at now and then. */
  constructor(inputs: readonly LogInput[], counts: EnrichCounts) {
    this.#inputs = inputs
    this.#counts = counts
    const isShown = process.stderr.isTTY === true && process.stdout.isTTY !== true
    if (!isShown) return
    this.#bar = new SingleBar({
      format: '{name} {bar} {done}',
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      clearOnComplete: true,
      hideCursor: true,
      gracefulExit: false,
    })
    this.#bar.start(this.#total(), 0, { name: 'enrich', done: '' })
    this.#timer = setInterval(() => this.#draw(), EVERY_MS).unref()
  }

  end(): void {
    clearInterval(this.#timer)
    this.#bar?.stop()
  }

  /** At least 1: a bar of nothing can't be drawn. */
  #total(): number {
    return Math.max(1, ...[this.#inputs.reduce((sum, { size }) => sum + (size ?? 0), 0)])
  }

  #draw(): void {
    const read = this.#inputs.reduce((sum, input) => sum + input.bytesRead, 0)
    const { lines, hitLines } = this.#counts
    const done = `${bytes(read)}, ${number(lines)} lines, ${number(hitLines)} with hits`
    this.#bar?.update(Math.min(read, this.#total()), { name: 'enrich', done })
  }
}

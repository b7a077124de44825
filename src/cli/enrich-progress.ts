/** A progress bar on stderr while logs are enriched; only where nothing else is on the terminal. */
import type { SingleBar } from 'cli-progress'
import type { EnrichCounts } from '../match/logs/enrich.js'
import type { LogInput } from './enrich-input.js'
import { bytes, count, number } from './words.js'

const EVERY_MS = 200

export class EnrichProgress {
  readonly #inputs: readonly LogInput[]
  readonly #counts: EnrichCounts
  readonly #bar: SingleBar | null
  readonly #timer: NodeJS.Timeout | undefined

  private constructor(
    bar: SingleBar | null,
    { inputs, counts }: { inputs: readonly LogInput[]; counts: EnrichCounts },
  ) {
    this.#bar = bar
    this.#inputs = inputs
    this.#counts = counts
    if (bar === null) return
    // At least 1: a bar of nothing can't be drawn.
    bar.start(Math.max(1, sizeOf(inputs)), 0, { name: 'enrich', done: '' })
    this.#timer = setInterval(() => this.#draw(), EVERY_MS).unref()
  }

  /** `counts` is looked at now and then. */
  static async open(inputs: readonly LogInput[], counts: EnrichCounts): Promise<EnrichProgress> {
    const isShown = process.stderr.isTTY === true && process.stdout.isTTY !== true
    const bar = isShown ? await openBar({ isMeasured: sizeOf(inputs) > 0 }) : null
    return new EnrichProgress(bar, { inputs, counts })
  }

  end(): void {
    clearInterval(this.#timer)
    this.#bar?.stop()
  }

  #draw(): void {
    const read = this.#inputs.reduce((sum, input) => sum + input.bytesRead, 0)
    const { lines, hitLines } = this.#counts
    const done = `${bytes(read)}, ${count(lines, 'line')}, ${number(hitLines)} with hits`
    this.#bar?.update(Math.min(read, Math.max(1, sizeOf(this.#inputs))), { name: 'enrich', done })
  }
}

function sizeOf(inputs: readonly LogInput[]): number {
  return inputs.reduce((sum, { size }) => sum + (size ?? 0), 0)
}

/** Not loaded where nobody looks, as in a pipe of a service. */
async function openBar({ isMeasured }: { isMeasured: boolean }): Promise<SingleBar> {
  const { SingleBar } = await import('cli-progress')
  return new SingleBar({
    // Of a pipe nobody knows how much there is to come.
    format: isMeasured ? '{name} {bar} {done}' : '{name} {done}',
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    hideCursor: true,
    // SIGINT is ours.
    gracefulExit: false,
  })
}

/** Progress bars on stderr, one for each source and sink; log lines go above them. */
import type { MultiBar } from 'cli-progress'
import { printable } from '../log.js'
import type { SyncProgress } from '../sync/sync.js'

const FORMAT = '{name} {bar} {done}'
const BAR = 24

export class Progress {
  readonly #bars: MultiBar | null
  readonly #byName = new Map<string, ReturnType<MultiBar['create']>>()

  private constructor(bars: MultiBar | null) {
    this.#bars = bars
  }

  /** `shown`: stderr is a terminal, and nobody asked for JSON. */
  static async open({ shown }: { shown: boolean }): Promise<Progress> {
    return new Progress(shown ? await openBars() : null)
  }

  get isShown(): boolean {
    return this.#bars !== null
  }

  show(progress: SyncProgress): void {
    if (progress.phase === 'pull') {
      const { source, done, total } = progress
      const of = total === 0 ? done.toLocaleString('en-US') : `${done} of ${total} events`
      this.draw(source, { value: done, total: Math.max(total, done, 1), done: of })
    } else {
      const { sink, keys } = progress
      // How many there will be is not known before the source has been applied.
      this.draw(sink, { value: 0, total: 1, done: `${keys.toLocaleString('en-US')} keys` })
    }
  }

  /** A line of the log. */
  log(line: string): void {
    if (this.#bars?.isActive) this.#bars.log(line)
    else process.stderr.write(line)
  }

  /** Takes the bars away; what the log still had to say comes out. */
  end(): void {
    if (!this.#bars?.isActive) return
    this.#bars.update()
    this.#bars.stop()
  }

  /** `name` tells the bars apart. */
  draw(name: string, { value, total, done }: { value: number; total: number; done: string }): void {
    if (!this.#bars) return
    const payload = { name: printable(name).padEnd(12), done }
    const bar = this.#byName.get(name)
    if (bar) {
      bar.setTotal(total)
      bar.update(value, payload)
    } else this.#byName.set(name, this.#bars.create(total, value, payload))
  }
}

/** Not loaded where nobody looks, as under cron. */
async function openBars(): Promise<MultiBar> {
  const { MultiBar } = await import('cli-progress')
  return new MultiBar({
    format: FORMAT,
    barsize: BAR,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    clearOnComplete: true,
    hideCursor: true,
    // Log lines overwrite the bars, which then must be drawn anew though nothing moved.
    forceRedraw: true,
    // SIGINT is ours.
    gracefulExit: false,
  })
}

/** `tipline run` as a process that is killed again and again, and how it is. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { median, ROOT } from '../process.js'

/** What the last process held, in the second half of its life by the first; its start left out. */
export interface Memory {
  readonly minutes: number
  /** After a collection: of the main thread. */
  readonly heap: number
  readonly heap_mb: number
  /** Of the whole process, as the system counts it. */
  readonly rss: number
  readonly rss_mb: number
}

export interface DaemonOptions {
  readonly args: readonly string[]
  /** In which the process writes down its heap. */
  readonly heapFile: string
}

/** Caches fill, and the rest of a sync is made up for. */
const START_SHARE = 0.2

export class Daemon {
  readonly #options: DaemonOptions
  #child: ChildProcess | null = null
  #begun = 0
  readonly log: string[] = []
  readonly #rss: number[] = []
  /** How it ended where nobody had killed it: exit statuses and signals. */
  readonly falls: (number | string | null)[] = []
  #isReady = false

  constructor(options: DaemonOptions) {
    this.#options = options
  }

  start(): void {
    const { args, heapFile } = this.#options
    const main = join(ROOT, '.build/src/cli/main.js')
    const watched = ['--expose-gc', '-r', join(ROOT, 'bench/soak/heap.cjs')]
    const child = spawn(process.execPath, [...watched, main, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, HEAP_FILE: heapFile },
    })
    this.#child = child
    this.#begun = Date.now()
    this.#rss.length = 0
    this.#isReady = false
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.log.push(text)
      if (this.#child === child && text.includes('"at work"')) this.#isReady = true
    })
    child.once('exit', (status, signal) => {
      if (this.#child !== child) return
      this.falls.push(status ?? signal)
      this.start()
    })
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  async end(): Promise<number | null> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null
    child.kill('SIGTERM')
    await once(child, 'exit')
    return child.exitCode
  }

  /** As systemd does it: not before it is ready, since Node itself dies of one as it starts. */
  reload(): boolean {
    return this.#isReady && (this.#child?.kill('SIGHUP') ?? false)
  }

  /** Notes how large the process is now. */
  look(): void {
    const status = this.#child && readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const kilobytes = /VmRSS:\s+(\d+)/.exec(status ?? '')?.[1]
    if (kilobytes) this.#rss.push(Number(kilobytes) * 1024)
  }

  /** Of the process that runs now. */
  memory(): Memory {
    const [heap, rss] = [halves(this.#heaps()), halves(this.#rss)]
    return {
      minutes: round((Date.now() - this.#begun) / 60_000),
      heap: round(heap.second / heap.first),
      heap_mb: Math.round(heap.second / 1e6),
      rss: round(rss.second / rss.first),
      rss_mb: Math.round(rss.second / 1e6),
    }
  }

  #heaps(): number[] {
    const { heapFile } = this.#options
    if (!existsSync(heapFile)) return []
    const lines = readFileSync(heapFile, 'utf8').trimEnd().split('\n')
    const own = lines
      .map((line) => line.split(' '))
      .filter(([pid]) => Number(pid) === this.#child?.pid)
    return own.map(([, bytes]) => Number(bytes))
  }
}

function halves(values: readonly number[]): { first: number; second: number } {
  const settled = values.slice(Math.floor(values.length * START_SHARE))
  const middle = Math.floor(settled.length / 2)
  return { first: median(settled.slice(0, middle)), second: median(settled.slice(middle)) }
}

function round(n: number): number {
  return Math.round(n * 100) / 100
}

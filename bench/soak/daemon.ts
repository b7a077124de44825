/** `tipline run` as a process that is killed again and again, and how it is. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../process.js'

export class Daemon {
  readonly #args: readonly string[]
  #child: ChildProcess | null = null
  readonly log: string[] = []
  readonly rss: number[] = []
  /** It ended though nobody had killed it. */
  falls = 0

  constructor(args: readonly string[]) {
    this.#args = args
  }

  start(): void {
    const main = join(ROOT, '.build/src/cli/main.js')
    const child = spawn(process.execPath, [main, ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => this.log.push(text))
    child.once('exit', () => {
      if (this.#child !== child) return
      this.falls += 1
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

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name)
  }

  /** Kilobytes, as the system counts them. */
  look(): void {
    const status = this.#child && readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    const rss = /VmRSS:\s+(\d+)/.exec(status ?? '')?.[1]
    if (rss) this.rss.push(Number(rss))
  }
}

/** `tipline run` as a process at a site, and what it says. */
import { expect } from 'vitest'
import type { Ran, Running } from '../cli/cli.js'
import { type Site, until } from '../cli/site.js'

export class Daemon {
  readonly #running: Running
  readonly #ended: Promise<Ran>

  static start(site: Site, env: Record<string, string> = {}): Daemon {
    return new Daemon(site.start(['run', '--json'], { env }))
  }

  /** Until it is at work. Fails where it ends before. */
  static async atWork(site: Site, env: Record<string, string> = {}): Promise<Daemon> {
    const daemon = Daemon.start(site, env)
    await until(() => daemon.hasSaid('at work') || daemon.hasEnded)
    expect(daemon.hasEnded, daemon.log).toBe(false)
    return daemon
  }

  private constructor(running: Running) {
    this.#running = running
    this.#ended = running.end()
  }

  get log(): string {
    return this.#running.stderr
  }

  get hasEnded(): boolean {
    const { exitCode, signalCode } = this.#running.child
    return exitCode !== null || signalCode !== null
  }

  /** Entries of its log whose message or fault has this in it. */
  said(text: string): Record<string, unknown>[] {
    return this.log
      .split('\n')
      .filter((line) => line.includes(text) && line.endsWith('}'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  hasSaid(text: string): boolean {
    return this.said(text).length > 0
  }

  get url(): string {
    return this.said('"listening"')[0]?.url as string
  }

  /** From its API. */
  async get<T>(path: string): Promise<T> {
    return (await (await fetch(`${this.url}${path}`)).json()) as T
  }

  signal(name: NodeJS.Signals): void {
    this.#running.child.kill(name)
  }

  /** Ended by SIGKILL. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.#ended
  }

  /** As it ended by itself, or as it was told to. */
  end(): Promise<Ran> {
    return this.#ended
  }
}

/**
 * Tells systemd how we are (sd_notify(3)). Node has no datagrams over unix sockets, so systemd's own
 * `systemd-notify` sends them, which the unit has to allow (`NotifyAccess=all`).
 */
import { spawn } from 'node:child_process'
import type { Logger } from '../log.js'

export interface NotifyOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
}

type Facts = Readonly<Record<string, string>>

export class Notifier {
  readonly #options: NotifyOptions
  /** Messages go one after the other: READY must not overtake RELOADING. */
  #last: Promise<void> = Promise.resolve()
  #status = ''
  #isBroken = false

  constructor(options: NotifyOptions) {
    this.#options = options
  }

  /** Milliseconds between two signs of life; null: nobody watches. */
  get watchdogMs(): number | null {
    const { WATCHDOG_USEC: micros, WATCHDOG_PID: pid } = this.#options.env
    if (!this.#isWanted || !micros || !/^\d+$/.test(micros)) return null
    if (pid && Number(pid) !== process.pid) return null
    // Half of it, as systemd recommends.
    return Math.max(Number(micros) / 2000, 100)
  }

  ready(status: string): Promise<void> {
    return this.#say({ READY: '1', STATUS: status })
  }

  reloading(): Promise<void> {
    const micros = process.hrtime.bigint() / 1000n
    return this.#say({ RELOADING: '1', MONOTONIC_USEC: String(micros) })
  }

  stopping(): Promise<void> {
    return this.#say({ STOPPING: '1', STATUS: 'stopping' })
  }

  /** Nothing is sent where it is as before. */
  async status(status: string): Promise<void> {
    if (status === this.#status) return
    this.#status = status
    await this.#say({ STATUS: status })
  }

  alive(): Promise<void> {
    return this.#say({ WATCHDOG: '1' })
  }

  get #isWanted(): boolean {
    return Boolean(this.#options.env.NOTIFY_SOCKET) && !this.#isBroken
  }

  #say(facts: Facts): Promise<void> {
    if (!this.#isWanted) return Promise.resolve()
    this.#last = this.#last.then(() => this.#send(facts))
    return this.#last
  }

  /** Never throws: that systemd is not told is no reason to stop, but its watchdog may see it otherwise. */
  async #send(facts: Facts): Promise<void> {
    const words = Object.entries(facts).map(([key, value]) => `${key}=${oneLine(value)}`)
    const fault = await run('systemd-notify', words, this.#options.env)
    if (fault === null) return
    this.#isBroken = fault === 'ENOENT'
    this.#options.log.warn({ fault }, `systemd could not be told ${words[0]}: ${fault}`)
  }
}

/** A line break would begin another variable. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ')
}

const PATIENCE_MS = 10_000

/** null, or what went wrong. */
function run(
  program: string,
  args: readonly string[],
  env: NotifyOptions['env'],
): Promise<string | null> {
  return new Promise((resolve) => {
    const { PATH, NOTIFY_SOCKET } = env
    const child = spawn(program, args, {
      stdio: 'ignore',
      env: { PATH, NOTIFY_SOCKET },
      timeout: PATIENCE_MS,
    })
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    child.once('exit', (status, signal) =>
      resolve(status === 0 ? null : `${program} ended with ${status ?? signal}`),
    )
  })
}

/**
 * A real memcached on a free port of loopback, as a child process. Where the program is missing the
 * tests that need it are skipped with a message; under `CI=true` they fail.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { userInfo } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs, freePort, hasProgram } from './program.js'

const PATIENCE_MS = 30_000

/** Whether tests with a real memcached run. @throws under CI, where it may not be missing */
export function hasMemcached(): boolean {
  return hasProgram('memcached', ['-V'], 'apt-get install memcached')
}

/** The same for a user of Cyrus SASL, with whom a memcached (-S) can be told who may come in. */
export function hasSasl(): boolean {
  return hasProgram('saslpasswd2', ['-v'], 'apt-get install sasl2-bin')
}

/** The same for Ruby with Dalli, the client of Logstash. */
export function hasDalli(): boolean {
  return hasProgram('ruby', ['-e', 'require "dalli"'], 'apt-get install ruby-dalli')
}

export interface Around {
  readonly env?: Readonly<Record<string, string>>
  /** It also listens with TLS, on `securePort`; the options say with which certificate. */
  readonly tls?: boolean
}

export class Memcached {
  readonly port: number
  readonly securePort: number
  readonly #options: readonly string[]
  readonly #around: Around
  #child: ChildProcess | null = null

  /** `options` are memcached's, e.g. `['-m', '16', '-I', '64k']`. */
  static async start(options: readonly string[] = [], around: Around = {}): Promise<Memcached> {
    const ports = [await freePort(), around.tls ? await freePort() : 0] as const
    const server = new Memcached(ports, { options, around })
    await server.restart()
    return server
  }

  private constructor(
    [port, securePort]: readonly [number, number],
    { options, around }: { options: readonly string[]; around: Around },
  ) {
    this.port = port
    this.securePort = securePort
    this.#options = options
    this.#around = around
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Starts it empty on the same port. */
  async restart(): Promise<void> {
    await this.stop()
    const user = userInfo().username === 'root' ? ['-u', 'nobody'] : []
    const args = [...this.#listening(), '-U', '0', ...user, ...this.#options]
    const env = { ...process.env, ...this.#around.env }
    this.#child = spawn('memcached', args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    const child = this.#child
    endWithUs(child)
    let complaint = ''
    child.stderr?.on('data', (text) => {
      complaint += text
    })
    await this.#answers(() => complaint)
  }

  #listening(): string[] {
    if (!this.#around.tls) return ['-l', '127.0.0.1', '-p', String(this.port)]
    return ['-Z', '-l', `127.0.0.1:${this.securePort}`, '-l', `notls:127.0.0.1:${this.port}`]
  }

  /** At once, as a crash would. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** It keeps its connections and says nothing any more. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Sends text as it is and collects the answer up to `end`; bytes as Latin-1. */
  async say(text: string, end: string): Promise<string> {
    const socket = connect(this.port, '127.0.0.1')
    socket.setEncoding('latin1')
    socket.write(Buffer.from(text, 'latin1'))
    const pieces: string[] = []
    let tail = ''
    for await (const piece of socket) {
      pieces.push(piece)
      tail = (tail + piece).slice(-end.length)
      if (tail === end) break
    }
    socket.destroy()
    return pieces.join('')
  }

  /** The value under a key (of plain characters), bytes as Latin-1. */
  async read(key: string): Promise<string | null> {
    const answer = await this.say(`get ${key}\r\n`, 'END\r\n')
    const header = /^VALUE \S+ \d+ (\d+)\r\n/.exec(answer)
    if (!header) return null
    return answer.slice(header[0].length, header[0].length + Number(header[1]))
  }

  /** The keys of all items, bytes as Latin-1. (`metadump all` misses some right after writing.) */
  async keys(): Promise<string[]> {
    const dump = await this.say('lru_crawler metadump hash\r\n', 'END\r\n')
    return dump
      .split('\n')
      .filter((line) => line.startsWith('key='))
      .map((line) => line.slice(4, line.indexOf(' ')))
      .map((key) =>
        key.replace(/%(..)/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
      )
  }

  async #answers(complaint: () => string): Promise<void> {
    const patience = Date.now() + PATIENCE_MS
    while (Date.now() < patience) {
      if (this.#child?.exitCode !== null) break
      // With SASL it speaks binary only; an unknown protocol that is long enough is hung up on.
      const binaryOnly = this.#options.includes('-S')
      const question = binaryOnly ? `${'?'.repeat(24)}\r\n` : 'version\r\n'
      const answer = await this.say(question, '\r\n').catch(() => null)
      if (answer !== null && (answer !== '' || binaryOnly)) return
      await sleep(20)
    }
    await this.stop()
    throw new Error(`memcached does not start: ${complaint() || 'no answer'}`)
  }
}

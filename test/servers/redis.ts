/**
 * A real redis-server on a free port of loopback, as a child process with a folder of its own, and a
 * bare client of its protocol: what the sink's library says is not taken for granted.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithUs, freePort, hasProgram } from './program.js'

const PATIENCE_MS = 30_000

/** Whether tests with a real Redis run. @throws under CI, where it may not be missing */
export function hasRedis(): boolean {
  return hasProgram('redis-server', ['--version'], 'apt-get install redis-server')
}

type Reply = string | number | null | Reply[] | Refusal

/** An error that the server answered. */
export class Refusal extends Error {}

export class Redis {
  readonly port: number
  readonly folder = mkdtempSync(join(tmpdir(), 'tipline-redis-'))
  #options: readonly string[]
  #child: ChildProcess | null = null

  /** `options` are redis-server's, e.g. `['--maxmemory', '4mb']`. By default it keeps nothing on disk. */
  static async start(options: readonly string[] = []): Promise<Redis> {
    const server = new Redis(await freePort(), options)
    await server.restart()
    return server
  }

  private constructor(port: number, options: readonly string[]) {
    this.port = port
    this.#options = options
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it again on the same port: empty, unless it was told to write to its disk. */
  async restart(options: readonly string[] = this.#options): Promise<void> {
    await this.stop()
    this.#options = options
    const own = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder]
    const args = [...own, '--save', '', '--appendonly', 'no', ...options]
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    endWithUs(child)
    let log = ''
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (log += text))
    await this.#answers(() => log)
  }

  /** At once, as a crash would. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** For good. */
  async close(): Promise<void> {
    await this.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** It keeps its connections and says nothing any more. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** The answer to one command; texts as Latin-1. @throws Refusal */
  async ask(...command: (string | number | Buffer)[]): Promise<Reply> {
    return (await this.askAll([command]))[0]!
  }

  /** The answers to all, over one connection. @throws Refusal for the first that was refused */
  async askAll(commands: readonly (string | number | Buffer)[][]): Promise<Reply[]> {
    const socket = connect(this.port, '127.0.0.1')
    socket.write(Buffer.concat(commands.map(encode)))
    let text = ''
    socket.setEncoding('latin1')
    for await (const piece of socket) {
      text += piece
      // A large answer is not parsed anew with every piece.
      const replies = text.endsWith('\r\n') ? decode(text, commands.length) : null
      if (!replies) continue
      socket.destroy()
      const refusal = replies.find((reply) => reply instanceof Refusal)
      if (refusal) throw refusal
      return replies
    }
    throw new Error('redis closed the connection')
  }

  /** The string under a key, bytes as Latin-1. */
  async read(key: string): Promise<string | null> {
    return (await this.ask('GET', key)) as string | null
  }

  /** All keys of a database, sorted. */
  async keys(database = 0): Promise<string[]> {
    const [, keys] = await this.askAll([
      ['SELECT', database],
      ['KEYS', '*'],
    ])
    return (keys as string[]).toSorted()
  }

  async #answers(log: () => string): Promise<void> {
    const patience = Date.now() + PATIENCE_MS
    while (Date.now() < patience && this.#child?.exitCode === null) {
      const answer = await this.ask('PING').catch((error) => error)
      if (answer === 'PONG') return
      if (answer instanceof Refusal && !answer.message.startsWith('LOADING')) return
      await sleep(20)
    }
    await this.stop()
    throw new Error(`redis-server does not start: ${log() || 'no answer'}`)
  }
}

function encode(command: readonly (string | number | Buffer)[]): Buffer {
  const parts = command.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(String(part))))
  const pieces = parts.flatMap((part) => [`$${part.length}\r\n`, part, '\r\n'])
  return Buffer.concat([`*${parts.length}\r\n`, ...pieces].map((p) => Buffer.from(p as string)))
}

/** null: there is more to come. */
function decode(text: string, count: number): Reply[] | null {
  const reader = new Reader(text)
  const replies: Reply[] = []
  while (replies.length < count) {
    const reply = reader.next()
    if (reply === undefined) return null
    replies.push(reply)
  }
  return replies
}

class Reader {
  #at = 0

  constructor(readonly text: string) {}

  /** undefined: it is not all there yet. */
  next(): Reply | undefined {
    const end = this.text.indexOf('\r\n', this.#at)
    if (end === -1) return undefined
    const [kind, rest] = [this.text[this.#at], this.text.slice(this.#at + 1, end)]
    this.#at = end + 2
    if (kind === '+') return rest
    if (kind === '-') return new Refusal(rest)
    if (kind === ':') return Number(rest)
    if (kind === '$') return this.#bulk(Number(rest))
    if (kind === '*') return this.#list(Number(rest))
    throw new Error(`redis answered ${kind}${rest}`)
  }

  #bulk(length: number): Reply | undefined {
    if (length === -1) return null
    if (this.text.length < this.#at + length + 2) return undefined
    const value = this.text.slice(this.#at, this.#at + length)
    this.#at += length + 2
    return value
  }

  #list(length: number): Reply | undefined {
    const items: Reply[] = []
    while (items.length < length) {
      const item = this.next()
      if (item === undefined) return undefined
      items.push(item)
    }
    return items
  }
}

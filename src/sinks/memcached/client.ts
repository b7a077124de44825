/**
 * One connection to one memcached. Answers come in the order of the questions, so every question
 * leaves an exchange behind, and lines go to the oldest exchange until it says that it is complete.
 */
import { createConnection, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import type { SinkUnavailable } from '../../errors.js'
import { printable } from '../../log.js'
import type { Address } from './address.js'
import { binary } from './binary.js'
import type { Dialect } from './dialect.js'
import { meta } from './meta.js'
import { BARRIER_ANSWER, isRefusal, NotMemcached, type Replies, tagOf } from './protocol.js'
import { type TlsSettings, tlsFault, tlsOptions } from './secure.js'
import { unavailable } from './unavailable.js'

/** What is waited for. */
export interface Exchange {
  /** Takes a line; true when it was the last. May throw NotMemcached. */
  line(text: string): boolean
  value?(header: string, data: Buffer): void
  fail(error: SinkUnavailable): void
}

export interface NodeOptions {
  readonly address: Address
  /** Milliseconds for connecting, and without a sign of life while an answer is due. */
  readonly timeout: number
  /** null: in the clear. */
  readonly tls?: TlsSettings | null
  readonly credentials?: Credentials | null
  readonly signal?: AbortSignal | undefined
}

export interface Credentials {
  readonly auth: 'sasl' | 'ascii'
  readonly username: string
  readonly password: string
}

const GETS_AT_ONCE = 512

export class Node implements Replies {
  readonly name: string
  readonly #socket: Socket
  readonly #timeout: number
  readonly #caFile: string | undefined
  readonly dialect: Dialect
  readonly #reader
  readonly #pending: Exchange[] = []
  /** The last refusal, for it is often why the connection then closes. */
  #said = ''
  #broken: SinkUnavailable | null = null

  /** @throws SinkUnavailable, or the signal's reason */
  static async connect(options: NodeOptions): Promise<Node> {
    options.signal?.throwIfAborted()
    const { tls, address, credentials } = options
    const node = new Node(options, tls ? tlsOptions(tls, address) : null)
    const abort = () => node.close()
    options.signal?.addEventListener('abort', abort, { once: true })
    try {
      await node.#connected(tls ? 'secureConnect' : 'connect')
      if (credentials) await node.#logIn(credentials)
      return node
    } catch (error) {
      options.signal?.throwIfAborted()
      throw error
    } finally {
      options.signal?.removeEventListener('abort', abort)
    }
  }

  private constructor(
    { address, timeout, credentials, tls: settings }: NodeOptions,
    tls: ConnectionOptions | null,
  ) {
    this.name = address.name
    // A server that asks for SASL (-S) speaks nothing but the binary protocol.
    this.dialect = credentials?.auth === 'sasl' ? binary : meta
    this.#reader = this.dialect.reader()
    this.#timeout = timeout
    this.#caFile = settings?.ca_file
    const options = { ...address.connect, noDelay: true, keepAlive: true }
    this.#socket = tls ? connectTls({ ...options, ...tls }) : createConnection(options)
    this.#socket.setTimeout(timeout)
    this.#socket.on('data', (piece) => this.#read(piece))
    this.#socket.on('timeout', () => this.#silence())
    this.#socket.on('error', (error) => this.#fail(this.#lost(error)))
    this.#socket.on('close', () => this.#fail(this.#lost()))
  }

  #connected(event: 'connect' | 'secureConnect'): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Exchange = { line: () => false, fail: reject }
      this.#pending.push(waiting)
      this.#socket.once(event, () => {
        this.#pending.splice(this.#pending.indexOf(waiting), 1)
        resolve()
      })
    })
  }

  /**
   * Sends what it is given (text as Latin-1) and lets the exchange take the answers. Whoever sends much
   * bounds it by waiting for its answers; there is no queue here but the socket's.
   * @throws SinkUnavailable when the connection is gone
   */
  send(what: string | Buffer, exchange: Exchange): void {
    if (this.#broken) throw this.#broken
    this.#pending.push(exchange)
    this.#socket.write(what, 'latin1')
  }

  #logIn({ username, password }: Credentials): Promise<void> {
    return this.#ask(this.dialect.logIn(username, password), (line, done) => {
      if (line !== 'STORED') throw new NotMemcached(line)
      done()
      return true
    })
  }

  /** E.g. `1.6.18`. */
  version(): Promise<string> {
    return this.#ask(this.dialect.version, (line, done) => {
      const version = /^VERSION (\S{1,40})/.exec(line)?.[1]
      if (version === undefined) throw new NotMemcached(line)
      done(version)
      return true
    })
  }

  /** General statistics, or the server's settings. */
  stats(group?: 'settings'): Promise<Map<string, string>> {
    const stats = new Map<string, string>()
    return this.#ask(this.dialect.stats(group), (line, done) => {
      const [, name, value] = /^STAT (\S+) ?(.*)$/.exec(line) ?? []
      if (name !== undefined) stats.set(name, value ?? '')
      else if (line !== 'END') throw new NotMemcached(line)
      else done(stats)
      return line === 'END'
    })
  }

  /** The values of the keys, in their order; null where there is none. */
  async get(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const values: (Buffer | null)[] = []
    for (let start = 0; start < keys.length; start += GETS_AT_ONCE) {
      values.push(...(await this.#getSome(keys.slice(start, start + GETS_AT_ONCE))))
    }
    return values
  }

  #getSome(keys: readonly string[]): Promise<(Buffer | null)[]> {
    const values = new Array<Buffer | null>(keys.length).fill(null)
    const gets = keys.map((key, tag) => this.dialect.get(key, tag)).join('')
    return this.#ask(
      gets + this.dialect.barrier,
      (line, done) => {
        if (line !== BARRIER_ANSWER) throw new NotMemcached(line)
        done(values)
        return true
      },
      // Copied: the piece belongs to the socket's buffer, of which a small value would keep all alive.
      (header, data) => {
        values[tagOf(header)] = Buffer.from(data)
      },
    )
  }

  /** That it answers, once everything sent before is done. */
  answers(): Promise<void> {
    return this.#ask(this.dialect.barrier, (line, done) => {
      if (line !== BARRIER_ANSWER) throw new NotMemcached(line)
      done()
      return true
    })
  }

  /** Sets a key, and answers the CAS number that the item got; null where the server keeps none. */
  mark(key: string, value: string): Promise<number | null> {
    return this.#ask(this.dialect.mark(key, value), (line, done) => {
      const cas = /^HD c(\d+)$/.exec(line)?.[1]
      if (cas === undefined) throw new NotMemcached(line)
      done(Number(cas) || null)
      return true
    })
  }

  /**
   * Lists the server's items, a line each. `all` walks the LRU lists and can miss an item that moves
   * between them; `hash` walks the hash table and lists nothing while that is growing.
   * Answers null when it is done, else the line with which the server refused.
   */
  dump(way: 'all' | 'hash', entry: (line: string) => void): Promise<string | null> {
    const question = this.dialect.dump(way)
    if (question === null) return Promise.resolve('its protocol has no such command')
    return this.#ask(question, (line, done) => {
      if (line.startsWith('key=')) {
        entry(line)
        return false
      }
      if (line !== 'END' && !isRefusal(line)) throw new NotMemcached(line)
      done(line === 'END' ? null : line)
      return true
    })
  }

  close(): void {
    this.#fail(unavailable(this.name, 'the connection was closed by tipline'))
  }

  #ask<T>(
    text: string,
    line: (line: string, done: (answer: T) => void) => boolean,
    value?: (header: string, data: Buffer) => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const exchange = { line: (text: string) => line(text, resolve), fail: reject }
      this.send(text, value ? { ...exchange, value } : exchange)
    })
  }

  #read(piece: Buffer): void {
    if (this.#broken) return
    try {
      this.#reader.feed(piece, this)
    } catch (error) {
      if (!(error instanceof NotMemcached)) throw error
      this.#fail(this.#nonsense(error))
    }
  }

  line(text: string): void {
    if (isRefusal(text)) this.#said = printable(text.slice(0, 120))
    const exchange = this.#pending[0]
    if (!exchange) throw new NotMemcached(text)
    if (exchange.line(text)) this.#pending.shift()
  }

  value(header: string, data: Buffer): void {
    const exchange = this.#pending[0]
    if (!exchange?.value) throw new NotMemcached(header)
    exchange.value(header, data)
  }

  /** Nothing moved for a whole timeout. That is a fault only while something is due. */
  #silence(): void {
    if (this.#pending.length === 0) return
    const before = this.#socket.bytesRead
    // Where we ourselves were busy, the answer lies in the socket: the loop reads it before this.
    setImmediate(() => {
      if (this.#socket.bytesRead === before) this.#fail(this.#silent())
    })
  }

  #fail(error: SinkUnavailable): void {
    if (this.#broken) return
    this.#broken = error
    this.#socket.destroy()
    for (const exchange of this.#pending.splice(0)) exchange.fail(error)
  }

  #lost(cause?: NodeJS.ErrnoException): SinkUnavailable {
    const said = this.#said && ` (it had said: ${this.#said})`
    if (!cause) return unavailable(this.name, `closed the connection${said}`, HINTS.closed)
    const tls = tlsFault(cause.code ?? '', this.#caFile)
    if (tls) return unavailable(this.name, tls.what + said, tls.hint, cause)
    const what = FAULTS[cause.code ?? ''] ?? `the connection failed (${cause.code ?? 'no code'})`
    return unavailable(this.name, what + said, HINTS[cause.code ?? ''] ?? HINTS.closed, cause)
  }

  #silent(): SinkUnavailable {
    const seconds = this.#timeout / 1000
    return unavailable(this.name, `gave no answer within ${seconds} s`, HINTS.silent)
  }

  #nonsense({ text }: NotMemcached): SinkUnavailable {
    const said = printable(text.slice(0, 80))
    if (!isRefusal(text)) {
      return unavailable(this.name, `answered what was not asked for: ${said}`, HINTS.nonsense)
    }
    const hint = /auth|Unknown command/i.test(text)
      ? HINTS.auth
      : HINTS[text.split(' ', 1)[0] ?? '']
    return unavailable(this.name, `refused: ${said}`, hint ?? HINTS.nonsense)
  }
}

const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name can not be looked up',
  ENOENT: 'there is no such socket',
  ECONNRESET: 'broke the connection off',
  EPIPE: 'broke the connection off',
  ETIMEDOUT: 'can not be reached',
  EHOSTUNREACH: 'can not be reached',
  ENETUNREACH: 'can not be reached',
}

const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'is memcached running there, and listening on this address (its option -l)?',
  EAI_AGAIN: 'is there a name server that answers?',
  ENOTFOUND: 'check the name under sinks.memcached.servers',
  ENOENT: 'check the path under sinks.memcached.servers',
  closed:
    'look into its log; it may have been restarted, be out of connections (-c), or ask for a user name (-S)',
  silent:
    'is it overloaded, stopped, behind a firewall, or does it ask for a user name (-S)? See also sinks.memcached.timeout',
  SERVER_ERROR: 'has it enough memory (its option -m)? With -M it refuses rather than evicts',
  ERROR: 'has it connections left (its option -c)?',
  auth: 'check sinks.memcached.username and password, auth: sasl (-S) or ascii (-Y), and whether memcached may read its file of users',
  nonsense: 'is that a memcached, and without TLS (-Z), or with?',
}

/** One connection to one Redis: told at once when it fails, and never mended behind our back. */
import type { ConnectionOptions } from 'node:tls'
import type { Redis } from 'ioredis'
import { UsageError } from '../../errors.js'
import { contextFrom } from '../../net.js'
import { timeoutOf } from '../layout/settings.js'
import { faultOf, type Manner, unavailable } from './faults.js'
import { type Place, parsePlace } from './place.js'
import type { RedisSettings } from './settings.js'

/** A command and its arguments, e.g. `['GET', 'tipline:state']`. */
export type Command = readonly (string | number)[]

/** Past this, a connection that was closed is cut off. */
const FAREWELL_MS = 200

export class Connection {
  readonly name: string
  readonly #client: Redis
  readonly #manner: Manner
  /** The first thing that went wrong: what is told of later is mostly but its consequence. */
  #cause: unknown
  #closed = false

  /** @throws SinkUnavailable, also where a certificate can't be read; the signal's reason */
  static async open(settings: RedisSettings, signal?: AbortSignal): Promise<Connection> {
    signal?.throwIfAborted()
    const place = placeOf(settings)
    const { Redis } = await import('ioredis')
    const connection = new Connection(place.name, new Redis(clientOptions(place, settings)), {
      timeout: timeoutOf(settings),
      caFile: settings.ca_file,
    })
    try {
      await unlessAborted(connection.#greet(place, settings), signal)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  private constructor(name: string, client: Redis, manner: Manner) {
    this.name = name
    this.#client = client
    this.#manner = manner
    client.on('error', (error: unknown) => {
      this.#cause ??= error
    })
  }

  async #greet({ database }: Place, { username, password }: RedisSettings): Promise<void> {
    await this.#told(() => this.#client.connect())
    const user = username === undefined ? [] : [username]
    if (password !== undefined) await this.ask(['AUTH', ...user, password])
    if (database !== 0) await this.ask(['SELECT', database])
  }

  /** One command's answer. @throws SinkUnavailable, or the signal's reason */
  async ask(command: Command, signal?: AbortSignal): Promise<unknown> {
    const [answer] = await this.askAll([command], signal)
    return answer
  }

  /** The answers in the order of the commands, which travel together. @throws like ask */
  async askAll(commands: readonly Command[], signal?: AbortSignal): Promise<unknown[]> {
    if (this.#closed) throw unavailable(this.name, { what: 'is not connected' })
    const pipeline = this.#client.pipeline()
    for (const [name, ...args] of commands) pipeline.call(String(name), args)
    const work = this.#told(async () => {
      const answers = (await pipeline.exec()) ?? []
      return answers.map(([error, answer]) => {
        if (error) throw error
        return answer
      })
    })
    return unlessAborted(work, signal)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#client.disconnect()
  }

  async #told<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const isReply = error instanceof Error && error.name === 'ReplyError'
      throw faultOf(this.name, isReply ? error : (this.#cause ?? error), this.#manner)
    }
  }
}

/** The place that the settings name. They went through their schema. */
export function placeOf({ url }: RedisSettings): Place {
  const place = parsePlace(url)
  if (typeof place === 'string') throw new TypeError('the settings did not go through their schema')
  return place
}

/** Rejects with the signal's reason as soon as there is one; the work itself goes on unheard. */
function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return work
  return new Promise<T>((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    void work.then(resolve, reject).then(() => signal.removeEventListener('abort', abort))
  })
}

function clientOptions(place: Place, settings: RedisSettings) {
  const timeout = timeoutOf(settings)
  return {
    ...place.connect,
    ...(place.tls ? { tls: tlsOptions(place, settings) } : {}),
    connectTimeout: timeout,
    commandTimeout: timeout,
    disconnectTimeout: FAREWELL_MS,
    lazyConnect: true,
    // What is lost has to be known: ship begins anew. The library would reconnect and send again.
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // Its own greetings would need more rights, and it warns of refusals on the console.
    protocol: 2,
    enableReadyCheck: false,
    disableClientInfo: true,
  } as const
}

function tlsOptions({ connect, name }: Place, settings: RedisSettings): ConnectionOptions {
  try {
    return { host: 'host' in connect ? connect.host : '', secureContext: contextFrom(settings) }
  } catch (cause) {
    if (!(cause instanceof UsageError)) throw cause
    throw unavailable(name, { what: cause.message, hint: cause.hint, cause })
  }
}

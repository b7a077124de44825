/**
 * A MISP for tests and benches: plain HTTP on loopback that answers as the recorded MISP 2.5.1
 * did, traps included (test/fixtures/misp-wire), from a world that tests can change, with faults
 * on demand. It is never friendlier than the recordings.
 *
 *   const misp = await startStandin({ store: () => smallWorld({ now: 1_795_300_000 }) })
 *   misp.url, misp.port      http://127.0.0.1:PORT
 *   misp.keys.readonly       also .admin (site admin, organisation 1), .sync, .user (organisation 2)
 *   misp.users.readonly      { key, role, org_id, disabled, rate_limit }: change them at will
 *   misp.store               events and attributes and what can happen to them (store.ts); `.now`
 *   misp.faults              .next({ kind: 'error-500', path: 'restSearch' }), .always(...), .clear()
 *   misp.requests            every request: { method, path, headers, body, filters, at, status, rows }
 *   misp.pace                attributes per second, undefined for as fast as it goes
 *   misp.maintenance         MISP.live=false: 302 to the login for all but site admins
 *   misp.shuffles            false: rows come by id where no order was asked for, as MISP's often do
 *   misp.reset()             a fresh world (when `store` is a function), no faults, no log
 *   await misp.close()       ends hanging requests too
 *
 * Options: store, pace, port, tls: { key, cert }. Worlds (world.ts): smallWorld({ now, seed }),
 * bulkWorld({ attributes, eventsOf, now, seed }), and touch(store, n), which edits n attributes.
 *
 * Serves POST /attributes/restSearch (json), POST and GET /events/index, GET /events/view/ID,
 * /users/view/me, /servers/getVersion, /attributes/describeTypes, /warninglists[/index|/view/N],
 * /feeds and /users/login. Anything else is MISP's 404. No compression, as recorded.
 */
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { type Answer, authFailure, DISABLED, failure, redirectToLogin } from './answers.js'
import { breakage, Faults, wholeAnswer } from './faults.js'
import { MispError } from './filters.js'
import { RateLimiter } from './rate.js'
import { type Parsed, parseRequest } from './request.js'
import { respond } from './routes.js'
import { send } from './send.js'
import type { Store } from './store.js'
import { defaultUsers, type RoleName, type User } from './users.js'
import { smallWorld } from './world.js'

export interface StandinOptions {
  /** The world, or how to make one (then reset() makes it anew). Default: smallWorld. */
  readonly store?: Store | (() => Store)
  /** Attributes per second that answers are held to; a real MISP does about 30,000. */
  readonly pace?: number
  /** Default: any free port. */
  readonly port?: number
  /** PEM; with it the stand-in speaks HTTPS. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

export interface RequestLog {
  readonly method: string
  readonly path: string
  readonly body: string
  /** Without the key. */
  readonly headers: IncomingHttpHeaders
  /** What the stand-in understood of the body. */
  readonly filters: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch, by the machine's clock. */
  readonly at: number
  /** 0 until answered, and for a request that got no answer. */
  status: number
  /** Attributes in the answer. */
  rows: number
}

export interface Standin {
  readonly url: string
  readonly port: number
  readonly keys: Readonly<Record<RoleName, string>>
  readonly users: Record<RoleName, User>
  readonly faults: Faults
  readonly requests: RequestLog[]
  store: Store
  pace: number | undefined
  maintenance: boolean
  shuffles: boolean
  reset(): void
  close(): Promise<void>
}

export async function startStandin(options: StandinOptions = {}): Promise<Standin> {
  const make = worldMaker(options.store)
  const server = options.tls ? createSecureServer(options.tls) : createServer()
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const misp = new RunningStandin(server, make, options)
  server.on('request', (request, response) => {
    misp.handle(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  return misp
}

function worldMaker(store: StandinOptions['store']): () => Store {
  if (store === undefined) return () => smallWorld()
  return typeof store === 'function' ? store : () => store
}

class RunningStandin implements Standin {
  readonly port: number
  readonly url: string
  readonly faults = new Faults()
  readonly requests: RequestLog[] = []
  readonly users = defaultUsers()
  store: Store
  pace: number | undefined
  maintenance = false
  shuffles = true
  readonly #rates = new RateLimiter()
  #shuffle = 1

  constructor(
    readonly server: Server,
    readonly make: () => Store,
    options: StandinOptions,
  ) {
    this.pace = options.pace
    this.port = (server.address() as AddressInfo).port
    this.url = `${options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`
    this.store = make()
  }

  get keys(): Readonly<Record<RoleName, string>> {
    const { admin, sync, user, readonly } = this.users
    return { admin: admin.key, sync: sync.key, user: user.key, readonly: readonly.key }
  }

  reset(): void {
    this.faults.clear()
    this.requests.length = 0
    this.maintenance = false
    this.shuffles = true
    this.#rates.clear()
    Object.assign(this.users, defaultUsers())
    this.store = this.make()
  }

  async close(): Promise<void> {
    this.server.closeAllConnections()
    this.server.close()
    if (this.server.listening) await once(this.server, 'close')
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = await parseRequest(request)
    const since = performance.now()
    const log = this.#log(parsed)
    const asked = { path: parsed.path, filters: parsed.filters ?? {}, origin: this.url }
    const faults = this.faults.strike(asked)
    const whole = faults.map((fault) => wholeAnswer(fault, asked)).find(Boolean)
    const answer = whole ?? this.#answer(parsed, faults)
    const broken = faults.map(breakage).find(Boolean)
    if (broken?.kind !== 'reset' && broken?.kind !== 'hang') log.status = answer.status
    log.rows = answer.rows
    const head = parsed.method === 'HEAD'
    const { now } = this.store
    await send({ response, answer, head, now, pace: () => this.pace, broken, since })
  }

  #log(parsed: Parsed): RequestLog {
    const { method, path, body, headers, filters = {} } = parsed
    const log = { method, path, body, headers, filters, at: Date.now(), status: 0, rows: 0 }
    this.requests.push(log)
    return log
  }

  #answer(parsed: Parsed, faults: Parameters<typeof respond>[0]['faults']): Answer {
    const { path } = parsed
    const who = Object.values(this.users).find((user) => user.key === parsed.key)
    const refused = this.#refusal(parsed, who)
    if (refused || !who) return refused ?? authFailure({ ...parsed, origin: this.url })
    const limited = this.#rates.check({ who, path, route: parsed.route, now: this.store.now })
    if (limited.refusal) return limited.refusal
    try {
      const shuffle = this.shuffles ? this.#shuffle++ : 0
      const answer = respond({ parsed, who, store: this.store, faults, shuffle, origin: this.url })
      return { ...answer, headers: [...limited.headers, ...answer.headers] }
    } catch (error) {
      if (error instanceof MispError) return failure(error.status, error.message, path)
      throw error
    }
  }

  #refusal(parsed: Parsed, who: User | undefined): Answer | undefined {
    if (!who) return authFailure({ ...parsed, origin: this.url })
    if (who.disabled) return authFailure({ ...parsed, origin: this.url, message: DISABLED })
    if (this.maintenance && who.role !== 'admin') return redirectToLogin(this.url)
    return undefined
  }
}

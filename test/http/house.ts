/** The API over a real ledger, on a real socket. What the daemon would do is written down. */
import { randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type HitStores, openStores } from '../../src/hits/stores.js'
import { createApp } from '../../src/http/app.js'
import type { Backend } from '../../src/http/backend.js'
import { type Listening, listen } from '../../src/http/listen.js'
import { httpSettings, parseListen } from '../../src/http/settings.js'
import { newToken } from '../../src/http/tokens.js'
import { createLogger, type Logger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { Outages } from '../../src/outage.js'
import { type Given, KnownLedger } from '../match/ledger.js'

export const READER = newToken()
export const OPERATOR = newToken()
export const TOKENS = [
  { name: 'reader', scope: 'read', hash: READER.hash },
  { name: 'operator', scope: 'operate', hash: OPERATOR.hash },
]

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** Parsed, whatever it is. */
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
  readonly json: any
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string
  readonly body?: unknown
}

interface Listens {
  readonly own?: boolean
  /** Epoch milliseconds. */
  readonly now?: () => number
}

export class ApiHouse {
  readonly ledger = new KnownLedger()
  readonly logged: string[] = []
  /** What the daemon was asked to do. */
  readonly asked: unknown[] = []
  readonly metrics = new Metrics()
  outages!: Outages
  ready = true
  stores!: HitStores
  backend!: Backend
  #log!: Logger
  readonly #closers: (() => unknown)[] = []
  #listening!: Listening

  static async open(
    given: readonly Given[],
    settings: object = {},
    more: Listens = {},
  ): Promise<ApiHouse> {
    const house = new ApiHouse()
    house.ledger.pull('Phishing kit', given)
    await house.#start(settings, more)
    return house
  }

  async #start(settings: object, more: Listens): Promise<void> {
    const write = (line: string) => void this.logged.push(line)
    this.#log = await createLogger({ level: 'debug', pretty: false, destination: { write } })
    const { folder: dataDir } = this.ledger
    this.outages = new Outages(this.#log)
    // As the address of a MISP may end.
    const links = { main: 'https://misp.example.org/' }
    const log = this.#log
    const stores = openStores({ dataDir, clickhouse: undefined, networks: {}, links, log })
    this.stores = stores
    this.backend = this.#daemon(dataDir)
    this.#closers.push(() => stores.close())
    this.#listening = await this.listen(settings, more)
  }

  /** Once more, with other settings, over the same ledger. */
  async listen(given: object, { own = false, now = Date.now }: Listens = {}): Promise<Listening> {
    const settings = httpSettings.parse({ listen: '127.0.0.1:0', ...given })
    const app = createApp(this.backend, { settings, sessionKey: randomBytes(32), now })
    const listening = await listen({
      app: () => app,
      address: parseListen(settings.listen)!,
      own,
      tls: settings.tls,
      connections: settings.limits.connections,
      log: this.#log,
    })
    this.#closers.push(async () => {
      await listening.close(1000)
      await app.close()
    })
    return listening
  }

  #daemon(dataDir: string): Backend {
    const note = (what: string, request: object) => this.asked.push({ [what]: request })
    return {
      dataDir,
      sources: ['main'],
      sinks: ['memcached'],
      tellings: { channels: [], sightings: [] },
      outages: this.outages,
      hits: this.stores,
      watch: [],
      metrics: this.metrics,
      log: this.#log,
      configArgument: '',
      readiness: () => ({ ready: this.ready, why: this.ready ? '' : 'it is stopping' }),
      verdicts: () => [],
      sync: async (request) => {
        note('sync', request)
        return { status: 'done' }
      },
      backscan: async (request) => {
        note('backscan', request)
        return { indicators: 3, slices: 2, hits: 1, gaps: 0, stopped: null }
      },
    }
  }

  get url(): string {
    return this.#listening.url
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get socket(): string {
    return join(this.ledger.folder, 'api.sock')
  }

  ask(path: string, asking: Asking = {}): Promise<Answer> {
    return ask(this.url, path, asking)
  }

  /** Bytes as they are; all that comes back until the other side closes, or the time is over. */
  raw(bytes: string | Buffer, ms = 50_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1')
      let got = ''
      const end = () => {
        clearTimeout(timer)
        socket.destroy()
        resolve(got)
      }
      const timer = setTimeout(end, ms)
      socket.on('data', (chunk) => {
        got += chunk.toString('latin1')
      })
      socket.on('close', end).on('error', reject)
      socket.write(bytes)
    })
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close()
    this.ledger.close()
  }
}

/** As no browser would: any header, the host's too. `unix:` addresses as well. */
export function ask(url: string, path: string, asking: Asking = {}): Promise<Answer> {
  const { method = asking.body === undefined ? 'GET' : 'POST', token, body } = asking
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...asking.headers,
  }
  const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body)
  const where = url.startsWith('unix:')
    ? { socketPath: url.slice(5) }
    : { host: new URL(url).hostname, port: new URL(url).port }
  return new Promise((resolve, reject) => {
    const asked = request({ ...where, path, method, headers, agent: false }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const got = Buffer.concat(chunks).toString()
        const { statusCode: status = 0, headers } = answer
        const isJson = /[/+]json$/.test((headers['content-type'] ?? '').split(';')[0]!)
        resolve({
          status,
          headers,
          text: got,
          json: isJson && got !== '' ? JSON.parse(got) : undefined,
        })
      })
    })
    asked.on('error', reject)
    asked.end(text)
  })
}

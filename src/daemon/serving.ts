/**
 * The API, over the address of the config and over a socket in the data folder. A reload puts another
 * app behind the same listeners: the old one goes when its last request has been answered.
 */
import { randomBytes } from 'node:crypto'
import { storesOptions, tellingsOf } from '../config/hit-stores.js'
import type { LoadedConfig } from '../config/load.js'
import { ListenError } from '../errors.js'
import { watchedOf } from '../flows/folders.js'
import { openStores } from '../hits/stores.js'
import { type App, createApp } from '../http/app.js'
import type { Backend } from '../http/backend.js'
import { checkCertificate, type Listening, listen } from '../http/listen.js'
import { type HttpSettings, parseListen } from '../http/settings.js'
import { daemonSocket } from '../ledger/place.js'
import type { Logger } from '../log.js'

/** What of the backend does not come of the config. */
export type Service = Pick<
  Backend,
  'metrics' | 'outages' | 'log' | 'configArgument' | 'readiness' | 'verdicts' | 'sync' | 'backscan'
>

/** How long requests may go on when the daemon is told to stop. */
const GRACE_MS = 5000

export class Serving {
  readonly #service: Service
  readonly #log: Logger
  /** Sessions of the page are good until the daemon ends. */
  readonly #sessionKey = randomBytes(32)
  readonly #retired = new Set<Tenant>()
  #tenant: Tenant | null = null
  #http: HttpSettings | null = null
  #public: Listening | null = null
  #own: Listening | null = null

  constructor(service: Service) {
    this.#service = service
    this.#log = service.log
  }

  /** Where it listens, besides the socket; null: nowhere. */
  get url(): string | null {
    return this.#public?.url ?? null
  }

  /** @throws ListenError: all is as it was before */
  async serve(config: LoadedConfig): Promise<void> {
    const fresh = new Tenant(config, this.#service, this.#sessionKey)
    const before = this.#tenant
    this.#tenant = fresh
    try {
      await this.#listen(config.http)
      await this.#listenOwn(config)
    } catch (error) {
      this.#tenant = before
      await fresh.close()
      throw error
    }
    if (before) this.#retire(before)
  }

  async close(): Promise<void> {
    await Promise.all([this.#public?.close(GRACE_MS), this.#own?.close(GRACE_MS)])
    const tenants = [...this.#retired, ...(this.#tenant ? [this.#tenant] : [])]
    await Promise.all(tenants.map((tenant) => tenant.close()))
  }

  /** The new listener stands before the old one goes, unless they want the same place. */
  async #listen(http: HttpSettings): Promise<void> {
    const [before, old] = [this.#public, this.#http]
    if (before && old && sameSocket(old, http)) {
      before.adjust({ tls: http.tls, connections: http.limits.connections })
      this.#http = http
      return
    }
    if (http.tls) checkCertificate(http.tls)
    if (before && old && samePort(old, http)) await this.#swap(before, { old, http })
    else {
      this.#public = await this.#open(http)
      await before?.retire(GRACE_MS)
    }
    this.#http = http
    this.#log.info({ url: this.url }, this.url === null ? 'the API is off' : 'listening')
  }

  /** Two can't have one port: for a moment there is nobody. */
  async #swap(
    before: Listening,
    { old, http }: { old: HttpSettings; http: HttpSettings },
  ): Promise<void> {
    await before.retire(GRACE_MS)
    try {
      this.#public = await this.#open(http)
    } catch (error) {
      this.#public = await this.#open(old)
      throw error
    }
  }

  async #open({ listen: where, tls, limits }: HttpSettings): Promise<Listening | null> {
    const address = parseListen(where)
    if (!address) return null
    const { connections } = limits
    const app = () => this.#app()
    return listen({ app, own: false, tls, connections, log: this.#log, address })
  }

  async #listenOwn({ dataDir }: LoadedConfig): Promise<void> {
    if (this.#own) return
    const path = daemonSocket(dataDir)
    try {
      this.#own = await listen({
        app: () => this.#app(),
        address: { kind: 'unix', path },
        own: true,
        connections: 100,
        log: this.#log,
      })
    } catch (error) {
      if (!(error instanceof ListenError)) throw error
      const less = '`tipline sync` can not hand its work to this daemon'
      this.#log.warn({ err: error }, `${error.message}: ${less}`)
    }
  }

  #app(): Pick<App, 'fetch' | 'quick'> {
    if (!this.#tenant) throw new Error('nothing is served yet')
    return this.#tenant
  }

  #retire(tenant: Tenant): void {
    this.#retired.add(tenant)
    void tenant.leave().then(() => this.#retired.delete(tenant))
  }
}

/** An app with what it answers from, and how many requests it is answering. */
class Tenant {
  readonly #app: App
  readonly #stores: ReturnType<typeof openStores>
  #open = 0
  #onEmpty: (() => void) | undefined
  #closed: Promise<void> | undefined

  constructor(config: LoadedConfig, service: Service, sessionKey: Buffer) {
    const { dataDir, sources, sinks, http, flows } = config
    const { log, metrics } = service
    this.#stores = openStores({ ...storesOptions(config), log, metrics })
    const backend: Backend = {
      ...service,
      dataDir,
      sources: sources.map(({ name }) => name),
      sinks: Object.keys(sinks),
      tellings: tellingsOf(config),
      hits: this.#stores,
      watch: flows.watch.map(({ folder, label }) => watchedOf(folder, label)),
    }
    this.#app = createApp(backend, { settings: http, sessionKey })
  }

  /** Needs nothing of the app any more when it returns, though the answer may not be sent yet. */
  readonly quick: App['quick'] = (...asked) => this.#app.quick(...asked)

  readonly fetch: App['fetch'] = (request, env) => {
    this.#open += 1
    env.outgoing.once('close', () => {
      this.#open -= 1
      if (this.#open === 0) this.#onEmpty?.()
    })
    return this.#app.fetch(request, env)
  }

  /** Closes when nothing is being answered any more. */
  async leave(): Promise<void> {
    if (this.#open > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve
      })
    }
    await this.close()
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#app.close()
    await this.#stores.close()
  }
}

/** All else can be changed while it listens. */
function sameSocket(one: HttpSettings, other: HttpSettings): boolean {
  return one.listen === other.listen && (one.tls === undefined) === (other.tls === undefined)
}

/** The same port of another address may be one that is taken by the old. */
function samePort(one: HttpSettings, other: HttpSettings): boolean {
  const [a, b] = [parseListen(one.listen), parseListen(other.listen)]
  if (a?.kind === 'tcp' && b?.kind === 'tcp') return a.port === b.port && a.port !== 0
  return one.listen === other.listen
}

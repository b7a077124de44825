/**
 * All that stands behind the page, and all of it real but the MISP: a ledger that a sync filled, hits
 * of log lines, hits of flows in an embedded ClickHouse where that is asked for, the API on loopback.
 */
import { randomBytes } from 'node:crypto'
import type { ClickHouse } from '../../../src/clickhouse/client.js'
import { tablesOf } from '../../../src/clickhouse/open.js'
import { openHits } from '../../../src/hits/database.js'
import { type HitStores, openStores } from '../../../src/hits/stores.js'
import { type App, createApp } from '../../../src/http/app.js'
import type { Backend } from '../../../src/http/backend.js'
import { type Listening, listen } from '../../../src/http/listen.js'
import { httpSettings, parseListen } from '../../../src/http/settings.js'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { Outages } from '../../../src/outage.js'
import { clickhouseSinkSettings } from '../../../src/sinks/clickhouse/settings.js'
import { type Standin, startStandin } from '../../misp/standin.js'
import type { Store } from '../../misp/store.js'
import { freePort } from '../../servers/program.js'
import { ClickHouseHouse } from '../../sinks/clickhouse/house.js'
import { House, mispSettings } from '../../sync/house.js'
import { MemorySink } from '../../sync/memory-sink.js'
import { type LogHit, writeLogHits } from './log-hits.js'

export interface SiteOptions {
  readonly store: () => Store
  readonly clickhouse?: boolean
  /** Of the API, as in the config. */
  readonly http?: object
  /** Where browsers reach the MISP. */
  readonly mispLink?: string
}

export class Site {
  readonly #options: SiteOptions
  readonly #misp: Standin
  readonly #flows: ClickHouseHouse | null
  readonly house: House
  readonly #port: number
  #stores: ReturnType<typeof openStores> | null = null
  #newest: LogHit | null = null
  #app: App | null = null
  #listening: Listening | null = null

  static async start(options: SiteOptions): Promise<Site> {
    const misp = await startStandin({ store: options.store })
    const flows = options.clickhouse ? new ClickHouseHouse() : null
    await flows?.open()
    await flows?.begin()
    return new Site(options, { misp, flows, port: await freePort() })
  }

  private constructor(
    options: SiteOptions,
    parts: { misp: Standin; flows: ClickHouseHouse | null; port: number },
  ) {
    this.#options = options
    this.#misp = parts.misp
    this.#flows = parts.flows
    this.#port = parts.port
    this.house = new House({
      sources: [mispSettings(parts.misp.url, parts.misp.keys.readonly)],
      sinks: [new MemorySink('memcached'), ...(parts.flows ? [parts.flows.sink] : [])],
      clock: () => parts.misp.store.now,
    })
  }

  get store(): Store {
    return this.#misp.store
  }

  get clickhouse(): ClickHouse {
    if (!this.#flows) throw new Error('this site has no ClickHouse')
    return this.#flows.db
  }

  /** One that was written last; one like it can be made of it. */
  get newest(): LogHit {
    if (this.#newest === null) throw new Error('nothing was recorded')
    return this.#newest
  }

  /** It is gone, as when the server has stopped. */
  async stopClickHouse(): Promise<void> {
    await this.#flows?.engine.kill()
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  record(hits: readonly LogHit[]): void {
    this.#newest = hits[0] ?? this.#newest
    const db = openHits(this.house.dataDir)
    writeLogHits(db, hits)
    db.close()
  }

  /** The API listens, always at the same place. */
  async listen(): Promise<void> {
    const settings = httpSettings.parse({
      listen: `127.0.0.1:${this.#port}`,
      ...this.#options.http,
    })
    const app = createApp(this.#backend(), { settings, sessionKey: randomBytes(32) })
    this.#app = app
    this.#listening = await listen({
      app: () => app,
      address: parseListen(settings.listen)!,
      own: false,
      connections: 100,
      log: silentLogger(),
    })
  }

  /** It is gone, as when the daemon has stopped. */
  async silence(): Promise<void> {
    await this.#listening?.close(0)
    await this.#app?.close()
    this.#listening = null
    this.#app = null
  }

  async close(): Promise<void> {
    await this.silence()
    await this.#stores?.close()
    await this.#flows?.close()
    await this.house.close()
    await this.#misp.close()
  }

  #backend(): Backend {
    const { house } = this
    const never = () => Promise.reject(new Error('nobody asks for this here'))
    return {
      dataDir: house.dataDir,
      sources: house.options.sources.map(({ name }) => name),
      sinks: (house.options.sinks ?? []).map(({ name }) => name),
      tellings: { channels: [], sightings: [] },
      hits: this.#openStores(),
      watch: [],
      outages: new Outages(silentLogger()),
      metrics: new Metrics(),
      log: silentLogger(),
      configArgument: '',
      readiness: () => ({ ready: true, why: '' }),
      verdicts: () => [],
      sync: never,
      backscan: never,
    }
  }

  #openStores(): HitStores {
    const { dataDir } = this.house
    const links = { main: this.#options.mispLink ?? 'https://misp.example.org' }
    const networks = { office: ['192.0.2.0/27'], 'server room': ['192.0.2.32/27'] }
    this.#stores ??= openStores({
      dataDir,
      clickhouse: undefined,
      networks,
      links,
      log: silentLogger(),
    })
    if (this.#flows === null) return this.#stores
    const tables = tablesOf(clickhouseSinkSettings.parse({}))
    return { ...this.#stores, flows: { open: async () => this.clickhouse, tables } }
  }
}

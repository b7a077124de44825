/** Where hits are, and what is needed to tell of them. */
import type { ClickHouse } from '../clickhouse/client.js'
import { openClickHouse, tablesOf } from '../clickhouse/open.js'
import type { Tables } from '../clickhouse/schema.js'
import type { ClickHouseConfig } from '../clickhouse/settings.js'
import { ClickHouseError } from '../errors.js'
import { ledgerExists, openForReading } from '../ledger/database.js'
import type { Database } from '../ledger/sqlite.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { Networks, type NetworksSetting } from '../networks.js'
import { openHits } from './database.js'

export interface HitStores {
  /** `hits.db`. */
  readonly db: Database
  /** null: the config has no ClickHouse. */
  readonly flows: FlowStore | null
  /** The ledger, for reading; null: there is none yet. It tells TLP and what is stale. */
  readonly ledger: Database | null
  /** One's own, by name. */
  readonly networks: Networks
  /** Of each source: where its MISP is reached by a browser. */
  readonly links: Readonly<Record<string, string>>
}

export interface FlowStore {
  /** Asked before every question: an engine that has gone is started again. @throws ClickHouseError */
  open(): Promise<ClickHouse>
  readonly tables: Tables
}

export interface StoresOptions {
  readonly dataDir: string
  readonly clickhouse: ClickHouseConfig | undefined
  readonly networks: NetworksSetting
  readonly links: HitStores['links']
  readonly log: Logger
  /** Where failures of ClickHouse are counted. */
  readonly metrics?: Metrics | undefined
  readonly signal?: AbortSignal | undefined
}

/** Connects to ClickHouse only when it is asked. @throws HitsError, LedgerError */
export function openStores(options: StoresOptions): HitStores & { close(): Promise<void> } {
  const { dataDir, clickhouse, links } = options
  const ledger = ledgerExists(dataDir) ? openForReading(dataDir) : null
  const db = openHits(dataDir)
  const flows = clickhouse ? new Flows(clickhouse, options) : null
  return {
    db,
    flows,
    ledger,
    networks: new Networks(options.networks),
    links,
    async close() {
      db.close()
      ledger?.close()
      await flows?.close()
    },
  }
}

/** The embedded engine goes when nobody has asked it for a while. */
const TRUSTED_MS = 1000

class Flows implements FlowStore {
  readonly tables: Tables
  readonly #config: ClickHouseConfig
  readonly #options: StoresOptions
  #opening: Promise<ClickHouse> | null = null
  #asked = Number.NEGATIVE_INFINITY

  constructor(config: ClickHouseConfig, options: StoresOptions) {
    this.#config = config
    this.#options = options
    this.tables = tablesOf(config)
  }

  async open(): Promise<ClickHouse> {
    const isFresh = performance.now() - this.#asked < TRUSTED_MS
    this.#asked = performance.now()
    if (this.#opening && (isFresh || (await this.#isThere(this.#opening)))) return this.#opening
    await this.close()
    this.#opening = openClickHouse(this.#config, this.#options)
    try {
      return await this.#opening
    } catch (error) {
      this.#opening = null
      throw error
    }
  }

  async close(): Promise<void> {
    const opened = await this.#opening?.catch(() => null)
    this.#opening = null
    await opened?.close()
  }

  async #isThere(opening: Promise<ClickHouse>): Promise<boolean> {
    try {
      await (await opening).command('SELECT 1')
      return true
    } catch (error) {
      if (error instanceof ClickHouseError && error.fault === 'unreachable') return false
      throw error
    }
  }
}

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
  const db = openHits(dataDir)
  const ledger = openLedger(dataDir, db)
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

/** null: there is none yet. Where it can't be opened, `hits` is closed. */
function openLedger(dataDir: string, hits: Database): Database | null {
  try {
    return ledgerExists(dataDir) ? openForReading(dataDir) : null
  } catch (error) {
    hits.close()
    throw error
  }
}

/** The embedded engine goes when nobody has asked it for a while; so often it is looked whether it is there. */
const TRUSTED_MS = 1000

class Flows implements FlowStore {
  readonly tables: Tables
  readonly #config: ClickHouseConfig
  readonly #options: StoresOptions
  #opened: ClickHouse | null = null
  #opening: Promise<ClickHouse> | null = null
  /** When it was known to be there. */
  #seen = Number.NEGATIVE_INFINITY

  constructor(config: ClickHouseConfig, options: StoresOptions) {
    this.#config = config
    this.#options = options
    this.tables = tablesOf(config)
  }

  /** Whoever asks while it is being opened gets the same. */
  open(): Promise<ClickHouse> {
    this.#opening ??= this.#open().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  async close(): Promise<void> {
    // Whoever opens it is told why that failed.
    await this.#opening?.catch(() => undefined)
    await this.#closeOpened()
  }

  async #open(): Promise<ClickHouse> {
    const isTrusted = performance.now() - this.#seen < TRUSTED_MS
    if (this.#opened && (isTrusted || (await this.#isThere(this.#opened)))) return this.#opened
    await this.#closeOpened()
    this.#opened = await openClickHouse(this.#config, this.#options)
    this.#seen = performance.now()
    return this.#opened
  }

  async #closeOpened(): Promise<void> {
    const opened = this.#opened
    this.#opened = null
    await opened?.close()
  }

  async #isThere(opened: ClickHouse): Promise<boolean> {
    try {
      await opened.command('SELECT 1')
      this.#seen = performance.now()
      return true
    } catch (error) {
      if (error instanceof ClickHouseError && error.fault === 'unreachable') return false
      throw error
    }
  }
}

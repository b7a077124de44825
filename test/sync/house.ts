/**
 * A whole tipline in a test: sources, ledger in a folder of its own, sinks. It waits for nothing
 * between two tries, and remembers what it would have waited.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Ledger, openLedger } from '../../src/ledger/ledger.js'
import { silentLogger } from '../../src/log.js'
import { Metrics } from '../../src/metrics.js'
import { feedSourceSettings, mispSourceSettings } from '../../src/misp/settings.js'
import { createPolicy } from '../../src/policy/policy.js'
import { legacyPolicySettings, type PolicySettings } from '../../src/policy/settings.js'
import type { WarningList } from '../../src/policy/warninglist.js'
import { SINKS } from '../../src/sinks/registry.js'
import type { KeyState, Sink } from '../../src/sinks/sink.js'
import { Deriver } from '../../src/sync/derive.js'
import { openSource, type SourceSettings } from '../../src/sync/open-source.js'
import { guardSettings } from '../../src/sync/settings.js'
import { type SyncOptions, type SyncReport, sync } from '../../src/sync/sync.js'

export interface HouseOptions {
  readonly sources: readonly SourceSettings[]
  readonly memcached?: number
  /** As in the config: `ids` or `json`, `expires`. */
  readonly memcachedSettings?: object
  /** More sinks; they are not closed after a sync. */
  readonly sinks?: readonly Sink[]
  readonly policy?: PolicySettings
  readonly lists?: readonly WarningList[]
  readonly guard?: Record<string, number>
  readonly absentGrace?: number
  readonly historySeconds?: number
  /** Tries for one request; default: MISP's own patience. */
  readonly attempts?: number
  /** Default: a new one. */
  readonly dataDir?: string
  /** Epoch seconds; default: the machine's clock. */
  readonly clock?: () => number
}

export class House {
  readonly dataDir: string
  readonly metrics = new Metrics()
  /** Milliseconds between tries, as they were asked for. */
  readonly waits: number[] = []
  options: HouseOptions
  #ledger: Ledger | undefined

  constructor(options: HouseOptions) {
    this.options = options
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'tipline-house-'))
  }

  /** From now on, the config says this. */
  configure(change: Partial<HouseOptions>): void {
    this.options = { ...this.options, ...change }
  }

  now(): number {
    return this.options.clock?.() ?? Math.floor(Date.now() / 1000)
  }

  async ledger(): Promise<Ledger> {
    this.#ledger ??= await openLedger(this.dataDir)
    return this.#ledger
  }

  async sync(accept: readonly string[] = [], more: Partial<SyncOptions> = {}): Promise<SyncReport> {
    const log = silentLogger()
    const { metrics } = this
    const sleep = async (ms: number) => void this.waits.push(ms)
    const { attempts } = this.options
    const deps = { log, metrics, sleep, random: () => 0.5, ...(attempts && { attempts }) }
    const sources = this.options.sources.map((settings) => openSource(settings, deps))
    const own = await this.memcached()
    const policy = createPolicy(
      this.options.policy ?? legacyPolicySettings,
      this.options.lists ?? [],
    )
    try {
      return await sync({
        dataDir: this.dataDir,
        ledger: await this.ledger(),
        sources,
        sinks: [...own, ...(this.options.sinks ?? [])],
        deriver: new Deriver(policy),
        guard: guardSettings.parse(this.options.guard ?? {}),
        accept: new Set(accept),
        absentGrace: this.options.absentGrace ?? 0,
        historySeconds: this.options.historySeconds ?? Number.POSITIVE_INFINITY,
        clock: () => this.now(),
        log,
        metrics,
        sleep,
        onProgress: () => undefined,
        signal: new AbortController().signal,
        ...more,
      })
    } finally {
      await Promise.all([...sources, ...own].map((part) => part.close()))
    }
  }

  async memcached(): Promise<Sink[]> {
    const { memcached, memcachedSettings, sources } = this.options
    if (memcached === undefined) return []
    const settings = SINKS.memcached.settings.parse({
      servers: [`127.0.0.1:${memcached}`],
      value: 'ids',
      // What stands there is then one to one what is live.
      spell_nets: false,
      ...memcachedSettings,
    })
    return [
      await SINKS.memcached.create(settings, {
        log: silentLogger(),
        metrics: this.metrics,
        sourceNames: sources.map(({ name }) => name),
        dataDir: this.dataDir,
        clock: () => this.now(),
      }),
    ]
  }

  /** All live keys, as a sink would be told them. */
  async live(): Promise<Map<string, KeyState>> {
    const states = (await this.ledger()).openStates()
    const found = new Map<string, KeyState>()
    for (const batch of states.everything(1000)) {
      for (const state of batch.states) found.set(`${state.space}:${state.value}`, state)
    }
    states.close()
    return found
  }

  /** Of each live key its `event#type` pieces, in no order. */
  async pieces(): Promise<Map<string, string>> {
    const live = await this.live()
    return new Map([...live].map(([key, { carriers }]) => [key, piecesOf(carriers)]))
  }

  /** All that the ledger holds of events and indicators, row by row. */
  async dump(): Promise<Record<string, unknown[]>> {
    const { db } = await this.ledger()
    const tables = ['event', 'attribute', 'carrier', 'indicator', 'history', 'change', 'live_keys']
    const all = (table: string) =>
      db.prepare(`SELECT * FROM ${table} ${HEARD_OF[table] ?? ''} ORDER BY 1, 2`).all()
    return Object.fromEntries(tables.map((table) => [table, all(table)]))
  }

  /** The ledger, as its next process would find it. */
  async reopen(): Promise<void> {
    await this.#ledger?.close()
    this.#ledger = undefined
  }

  async close(): Promise<void> {
    await this.reopen()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** The last word of a pull that was not applied stays, so that its number is not given again (L16). */
const HEARD_OF: Readonly<Record<string, string>> = {
  indicator: `WHERE known_since IS NOT NULL
    OR EXISTS (SELECT 1 FROM carrier WHERE carrier.indicator = indicator.id)`,
}

function piecesOf(carriers: KeyState['carriers']): string {
  return sortedPieces(
    carriers.map(({ eventId, eventUuid, type }) => `${eventId || eventUuid}#${type}`),
  )
}

export function sortedPieces(pieces: Iterable<string>): string {
  return [...new Set(pieces)].sort().join(',')
}

/** What the first source's pull took away, by cause. */
export function removedIn({ sources: [source] }: SyncReport): Readonly<Record<string, number>> {
  if (!source?.ok) throw source?.error ?? new Error('there was no source')
  return source.removed
}

export function mispSettings(url: string, key: string, more: object = {}): SourceSettings {
  return mispSourceSettings.parse({ name: 'main', url, key, ...more })
}

export function feedSettings(more: object): SourceSettings {
  return feedSourceSettings.parse({ name: 'feed', type: 'feed', ...more })
}

/** A whole tipline in a test: stand-in MISP, real memcached, ledger in a folder of its own. */
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
import { type SyncReport, sync } from '../../src/sync/sync.js'

export interface HouseOptions {
  readonly sources: readonly SourceSettings[]
  readonly memcached?: number
  readonly policy?: PolicySettings
  readonly lists?: readonly WarningList[]
  readonly guard?: Record<string, number>
  readonly absentGrace?: number
  /** Epoch seconds; default: the machine's clock. */
  readonly clock?: () => number
}

export class House {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'tipline-house-'))
  readonly metrics = new Metrics()
  options: HouseOptions
  #ledger: Ledger | undefined

  constructor(options: HouseOptions) {
    this.options = options
  }

  async ledger(): Promise<Ledger> {
    this.#ledger ??= await openLedger(this.dataDir)
    return this.#ledger
  }

  async sync(accept: readonly string[] = []): Promise<SyncReport> {
    const log = silentLogger()
    const { metrics } = this
    const clock = this.options.clock ?? (() => Math.floor(Date.now() / 1000))
    const policy = createPolicy(this.options.policy ?? legacyPolicySettings, this.options.lists ?? [])
    const sources = this.options.sources.map((settings) => openSource(settings, { log, metrics }))
    const sinks = this.sinks()
    try {
      return await sync({
        dataDir: this.dataDir,
        ledger: await this.ledger(),
        sources,
        sinks,
        deriver: new Deriver(policy),
        guard: guardSettings.parse(this.options.guard ?? {}),
        accept: new Set(accept),
        absentGrace: this.options.absentGrace ?? 0,
        clock,
        log,
        metrics,
        onProgress: () => undefined,
        signal: new AbortController().signal,
      })
    } finally {
      await Promise.all([...sources, ...sinks].map((part) => part.close()))
    }
  }

  sinks(): Sink[] {
    if (this.options.memcached === undefined) return []
    const settings = SINKS.memcached.settings.parse({
      servers: [`127.0.0.1:${this.options.memcached}`],
      value: 'ids',
    })
    return [
      SINKS.memcached.create(settings, {
        log: silentLogger(),
        metrics: this.metrics,
        sourceCount: this.options.sources.length,
        clock: () => Math.floor(Date.now() / 1000),
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

  async close(): Promise<void> {
    await this.#ledger?.close()
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

export function mispSettings(url: string, key: string, more: object = {}): SourceSettings {
  return mispSourceSettings.parse({ name: 'main', url, key, ...more })
}

export function feedSettings(path: string, more: object = {}): SourceSettings {
  return feedSourceSettings.parse({ name: 'feed', type: 'feed', path, ...more })
}

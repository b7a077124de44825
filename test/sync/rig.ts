/** One stand-in MISP, one tipline that reads it, and what ought to come of it. */
import { expect } from 'vitest'
import type { SyncReport } from '../../src/sync/sync.js'
import { type RequestLog, type Standin, startStandin } from '../misp/standin.js'
import { Store } from '../misp/store.js'
import { Memcached } from '../servers/memcached.js'
import { asKeys, piecesIn } from './contents.js'
import { House, type HouseOptions, mispSettings } from './house.js'
import { Oracle, type Wanted } from './oracle.js'

export const NOW = 1_795_300_000
export const HOUR = 3600
export const DAY = 24 * HOUR

export interface RigOptions extends Omit<Partial<HouseOptions>, 'memcached'> {
  readonly store?: () => Store
  readonly filters?: Wanted & { readonly since?: string | number }
  /** More of the source's settings. */
  readonly source?: object
  readonly memcached?: boolean
  /** memcached's own, e.g. `['-A']`. */
  readonly memcachedOptions?: readonly string[]
}

export class Rig {
  readonly house: House
  oracle: Oracle

  static async start(options: RigOptions = {}): Promise<Rig> {
    const misp = await startStandin({ store: options.store ?? (() => new Store({ now: NOW })) })
    const memcached = options.memcached ? await Memcached.start(options.memcachedOptions) : null
    return new Rig(misp, memcached, options)
  }

  private constructor(
    readonly misp: Standin,
    readonly memcached: Memcached | null,
    options: RigOptions,
  ) {
    const { filters = {}, source, store: _store, memcached: _with, ...house } = options
    this.oracle = new Oracle({ ...filters, since: Number(filters.since ?? 0) })
    this.house = new House({
      sources: [mispSettings(misp.url, misp.keys.readonly, { ...settingsOf(filters), ...source })],
      clock: () => misp.store.now,
      ...(memcached ? { memcached: memcached.port } : {}),
      ...house,
    })
  }

  get store(): Store {
    return this.misp.store
  }

  /** From now on the config asks for this. */
  want(filters: Wanted): void {
    this.oracle = new Oracle(filters)
    const { misp } = this
    const settings = mispSettings(misp.url, misp.keys.readonly, settingsOf(filters))
    this.house.configure({ sources: [settings] })
  }

  /** Syncs, and everything is as the store says. */
  async syncRight(): Promise<SyncReport> {
    const report = await this.house.sync()
    expect(report.status).toBe(0)
    await this.expectRight()
    return report
  }

  /** What a sync asks of the MISP, when afterwards everything is as the store says. */
  async requestsOfSync(): Promise<readonly RequestLog[]> {
    const before = this.misp.requests.length
    await this.syncRight()
    return this.misp.requests.slice(before)
  }

  /** Edits an attribute and publishes its event; then an hour goes by. */
  edit(id: number, change: Parameters<Store['editAttribute']>[1]): void {
    const { event_id } = this.store.editAttribute(id, change)
    this.store.publish(event_id)
    this.store.advance(HOUR)
  }

  async expectRight(): Promise<void> {
    const wanted = this.oracle.live(this.store)
    expect(Object.fromEntries(await this.house.pieces())).toEqual(Object.fromEntries(wanted))
    if (!this.memcached) return
    const there = await piecesIn(this.memcached)
    expect(Object.fromEntries(there)).toEqual(Object.fromEntries(asKeys(wanted)))
  }

  /** The values of a space that are live, sorted. */
  async values(space = 'domain'): Promise<string[]> {
    const keys = [...(await this.house.live()).keys()]
    const prefix = `${space}:`
    const inSpace = keys.filter((key) => key.startsWith(prefix))
    return inSpace.map((key) => key.slice(prefix.length)).sort()
  }

  async close(): Promise<void> {
    await this.house.close()
    await this.misp.close()
    await this.memcached?.stop()
  }
}

function settingsOf({ tags, toIds, published, types, since }: Wanted): object {
  return {
    filters: {
      ...(tags && { tags }),
      ...(toIds !== undefined && { to_ids: toIds }),
      ...(published && { published }),
      ...(types && { types }),
      ...(since && { since: String(since) }),
    },
  }
}

/** Attributes of an event: `domains(3)` are `n0.example.com` and so on. */
export function domains(count: number, prefix = 'n') {
  return Array.from({ length: count }, (_, n) => ({
    type: 'domain',
    value: `${prefix}${n}.example.com`,
  }))
}

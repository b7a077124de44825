/**
 * Alerts: new hits go into the queues, the queues to their receivers. The daemon runs it; at any time
 * only one process may run it on a data folder.
 */
import { hostname } from 'node:os'
import { TiplineError } from '../../errors.js'
import { AttributeReader } from '../../ledger/attributes.js'
import { inTransaction } from '../../ledger/sqlite.js'
import type { Logger } from '../../log.js'
import type { Metrics } from '../../metrics.js'
import { type Outage, Outages } from '../../outage.js'
import type { Tlp } from '../../policy/tlp.js'
import { sleep } from '../../retry.js'
import { asHitsError } from '../database.js'
import { newHits } from '../follow.js'
import type { Hit } from '../hit.js'
import type { HitStores } from '../stores.js'
import type { Channel } from './channels/channel.js'
import { type ChannelSettings, createChannel } from './channels/registry.js'
import { type DeliverDeps, deliver } from './deliver.js'
import { paceOf } from './settings.js'
import { AlertStore, HOUR_MS } from './store.js'
import { closeDigests, type TakeDeps, take } from './take.js'

export interface AlertingDeps {
  readonly settings: readonly ChannelSettings[]
  readonly stores: HitStores
  /** `policy.untagged_as`. */
  readonly untagged: Tlp
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  readonly metrics: Metrics
  /** What fails is told there; default: in the log alone. */
  readonly outages?: Outages
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly random?: () => number
  /** In the place of the real ones, in tests. */
  readonly channels?: readonly Channel[]
  /** Milliseconds between two looks for new hits. */
  readonly everyMs?: number
  /** Milliseconds that what is being sent may still take once we are told to stop. */
  readonly graceMs?: number
}

/** The name under which hits are followed. */
export const FOLLOWER = 'alerts'
const BATCH = 1000
const EVERY_MS = 5000
/** The timeout of a channel is about as long. */
const GRACE_MS = 20_000

/** A channel, and what fails on the way to it besides its receiver. */
interface Line extends DeliverDeps {
  readonly outage: Outage
}

export class Alerting {
  readonly #deps: AlertingDeps
  readonly #store: AlertStore
  readonly #lines: readonly Line[]
  /** Of taking hits in. */
  readonly #outage: Outage
  /** Of ClickHouse alone: hits of lines are told all the same. */
  readonly #flowsOutage: Outage
  /** Cuts off what is on its way, once it was waited for long enough. */
  readonly #cut = new AbortController()
  readonly #busy = new Map<string, Promise<void>>()
  #seen = 0
  #tidied = 0

  constructor(deps: AlertingDeps) {
    const { settings, stores, untagged, log, metrics, clock, random, env } = deps
    this.#deps = deps
    this.#store = new AlertStore(stores.db)
    const { outages = new Outages(log) } = deps
    this.#outage = outages.of({ part: 'alerts' })
    this.#flowsOutage = outages.of({ part: 'alerts of flows' })
    const channelDeps = { log, env, clock, hostname: hostname() }
    this.#lines = settings.map((channel, at) => ({
      outage: outages.of({ part: `alerts through ${channel.name}` }),
      store: this.#store,
      ledger: () => stores.ledger,
      channel: deps.channels?.[at] ?? createChannel(channel, channelDeps),
      settings: channel,
      untagged,
      log,
      metrics,
      clock,
      random,
    }))
  }

  /**
   * Until `signal` is aborted. What is being sent then may come to its end, so that nothing is sent
   * twice. Fails never because of a receiver or a store that is not there.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { everyMs = EVERY_MS, graceMs = GRACE_MS } = this.#deps
    while (!signal.aborted) {
      await this.#round(signal)
      // Rejects when aborted, which the loop sees by itself.
      await sleep(everyMs, signal).catch(() => undefined)
    }
    const patience = setTimeout(() => this.#cut.abort(), graceMs)
    await Promise.all(this.#busy.values())
    clearTimeout(patience)
  }

  /** One round: every hit taken, every message that is due sent or put off. @throws what `run` waits out */
  async runOnce(signal: AbortSignal): Promise<void> {
    await this.#take(signal)
    const halt = { stop: signal, cut: this.#cut.signal }
    await Promise.all(this.#lines.map((line) => deliver(line, halt)))
  }

  async close(): Promise<void> {
    this.#outage.forget()
    this.#flowsOutage.forget()
    for (const { outage } of this.#lines) outage.forget()
    await Promise.all(this.#lines.map(({ channel }) => channel.close()))
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      await this.#take(signal)
      for (const line of this.#lines) this.#drain(line, signal)
      this.#outage.over()
    } catch (error) {
      if (!signal.aborted) this.#fault(error, this.#outage)
    }
  }

  /** A receiver that takes its time holds up no other. */
  #drain(line: Line, stop: AbortSignal): void {
    const { name } = line.channel
    if (this.#busy.has(name)) return
    const work = deliver(line, { stop, cut: this.#cut.signal })
      .then(() => line.outage.over())
      .catch((error: unknown) => this.#fault(error, line.outage))
      .finally(() => this.#busy.delete(name))
    this.#busy.set(name, work)
  }

  async #take(signal: AbortSignal): Promise<void> {
    const { stores, clock } = this.#deps
    this.#followClock()
    for (;;) {
      const { hits, accept, unavailable } = await newHits(
        stores,
        { name: FOLLOWER, limit: BATCH },
        signal,
      )
      if (unavailable) this.#flowsOutage.failed(unavailable)
      else if (unavailable === null) this.#flowsOutage.over()
      if (hits.length === 0) break
      take(hits, { accept, now: clock() }, this.#takeDeps())
    }
    closeDigests(clock(), this.#takeDeps())
    this.#tidy(clock())
  }

  #takeDeps(): TakeDeps {
    const { settings, stores } = this.#deps
    const reader = stores.ledger && new AttributeReader(stores.ledger)
    const tagsOf = ({ event, attribute }: Hit) =>
      reader?.read({ source: event.source, event: event.uuid, attribute: attribute.uuid })?.tags ??
      []
    const networkOf = (address: string) => stores.networks.nameOf(address)
    return { store: this.#store, settings, around: { networkOf, tagsOf } }
  }

  /** Once an hour, and at the start. */
  #tidy(now: number): void {
    if (now - this.#tidied < HOUR_MS) return
    for (const channel of this.#deps.settings) {
      this.#store.prune({ channel: channel.name, known: now - paceOf(channel).againAfter, now })
    }
    this.#tidied = now
  }

  /** At the start, and whenever the clock was set back. */
  #followClock(): void {
    const now = this.#deps.clock()
    const isFirst = this.#seen === 0
    if (isFirst || now < this.#seen) {
      inTransaction(this.#store.db, () => {
        this.#store.setBack(now)
        if (isFirst)
          this.#store.retire(
            this.#deps.settings.map(({ name }) => name),
            now,
          )
      })
    }
    this.#seen = now
    this.#tidied = Math.min(this.#tidied, now)
  }

  /** The next round tries again: an alert must not end what else the daemon does. */
  #fault(error: unknown, outage: Outage): void {
    const err = asHitsError(error, 'the data folder')
    if (err instanceof TiplineError) outage.failed(err)
    else this.#deps.log.error({ err: error }, 'alerts could not be told: this is a bug')
  }
}

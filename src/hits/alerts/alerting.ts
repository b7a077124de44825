/**
 * Alerts: new hits go into the queues, the queues to their receivers. The daemon starts and stops it; at
 * any time only one process may run it on a data folder.
 */
import { hostname } from 'node:os'
import { TiplineError } from '../../errors.js'
import { AttributeReader } from '../../ledger/attributes.js'
import { inTransaction } from '../../ledger/sqlite.js'
import type { Logger } from '../../log.js'
import type { Metrics } from '../../metrics.js'
import type { Tlp } from '../../policy/tlp.js'
import { newHits } from '../follow.js'
import type { Hit } from '../hit.js'
import type { HitStores } from '../stores.js'
import type { Channel } from './channels/channel.js'
import { type ChannelSettings, createChannel } from './channels/registry.js'
import { type DeliverDeps, deliver, type Halt } from './deliver.js'
import { paceOf } from './settings.js'
import { channelStatuses } from './status.js'
import { AlertStore, HOUR_MS } from './store.js'
import { closeDigests, type TakeDeps, take } from './take.js'

export interface AlertingDeps {
  readonly settings: readonly ChannelSettings[]
  readonly stores: HitStores
  readonly networkOf: (address: string) => string
  /** `policy.untagged_as`. */
  readonly untagged: Tlp
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  readonly metrics: Metrics
  /** Epoch milliseconds. */
  readonly clock: () => number
  readonly random?: () => number
  /** In the place of the real ones, in tests. */
  readonly channels?: readonly Channel[]
}

/** The name under which hits are followed. */
export const FOLLOWER = 'alerts'
const BATCH = 1000
const EVERY_MS = 5000
/** What is being sent when we are told to stop may still end; its timeout is about as long. */
const GRACE_MS = 20_000

export class Alerting {
  readonly #deps: AlertingDeps
  readonly #store: AlertStore
  readonly #lines: readonly DeliverDeps[]
  readonly #stop = new AbortController()
  readonly #cut = new AbortController()
  readonly #busy = new Map<string, Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #taking: Promise<void> = Promise.resolve()
  #seen = 0
  #tidied = 0

  constructor(deps: AlertingDeps) {
    const { settings, stores, untagged, log, metrics, clock, random, env } = deps
    this.#deps = deps
    this.#store = new AlertStore(stores.db)
    const channelDeps = { log, env, clock, hostname: hostname() }
    this.#lines = settings.map((channel, at) => ({
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

  /** Goes on until `stop`. */
  start(): void {
    const tick = () => {
      this.#taking = this.#round()
    }
    tick()
    this.#timer = setInterval(() => void this.#taking.then(tick), EVERY_MS)
  }

  /** Looks for new hits now, not only with the next tick. */
  wake(): void {
    this.#taking = this.#taking.then(() => this.#round())
  }

  /** One round: every hit taken, every message that is due sent or put off. For tests and scripts. */
  async runOnce(): Promise<void> {
    await this.#take()
    await Promise.all(this.#lines.map((line) => deliver(line, this.#halt)))
    this.#measure()
  }

  /** Lets what is being sent come to its end, so that nothing is sent twice. */
  async stop(): Promise<void> {
    this.#stop.abort()
    clearInterval(this.#timer)
    const patience = setTimeout(() => this.#cut.abort(), GRACE_MS)
    await this.#taking
    await Promise.all(this.#busy.values())
    clearTimeout(patience)
    await Promise.all(this.#lines.map(({ channel }) => channel.close()))
  }

  get #halt(): Halt {
    return { stop: this.#stop.signal, cut: this.#cut.signal }
  }

  async #round(): Promise<void> {
    if (this.#stop.signal.aborted) return
    try {
      await this.#take()
    } catch (error) {
      this.#fault(error, 'new hits could not be read for alerts')
    }
    for (const line of this.#lines) this.#drain(line)
    this.#measure()
  }

  /** A receiver that takes its time holds up no other. */
  #drain(line: DeliverDeps): void {
    const { name } = line.channel
    if (this.#busy.has(name)) return
    const work = deliver(line, this.#halt)
      .catch((error: unknown) => this.#fault(error, 'alerts could not be sent'))
      .finally(() => this.#busy.delete(name))
    this.#busy.set(name, work)
  }

  async #take(): Promise<void> {
    const { stores, clock, log } = this.#deps
    const { signal } = this.#stop
    this.#followClock()
    for (;;) {
      const { hits, accept, unavailable } = await newHits(
        stores,
        { name: FOLLOWER, limit: BATCH },
        signal,
      )
      if (unavailable) log.debug({ err: unavailable }, 'hits of flows can not be read now')
      if (hits.length === 0) break
      take(hits, { accept, now: clock() }, this.#takeDeps())
    }
    closeDigests(clock(), this.#takeDeps())
    this.#tidy(clock())
  }

  #takeDeps(): TakeDeps {
    const { settings, stores, networkOf } = this.#deps
    const reader = stores.ledger && new AttributeReader(stores.ledger)
    const tagsOf = ({ event, attribute }: Hit) =>
      reader?.read({ source: event.source, event: event.uuid, attribute: attribute.uuid })?.tags ??
      []
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

  #measure(): void {
    const { stores, settings, metrics } = this.#deps
    const names = settings.map(({ name }) => name)
    for (const { channel, waiting, parked } of channelStatuses(stores.db, names)) {
      metrics.gauge('tipline_alert_queue_messages', { channel, state: 'waiting' }, waiting)
      metrics.gauge('tipline_alert_queue_messages', { channel, state: 'parked' }, parked)
    }
  }

  /** The next round tries again: an alert must not end what else the daemon does. */
  #fault(error: unknown, what: string): void {
    if (this.#stop.signal.aborted) return
    const { log } = this.#deps
    if (error instanceof TiplineError) log.warn({ err: error }, what)
    else log.error({ err: error }, `${what}: this is a bug`)
  }
}

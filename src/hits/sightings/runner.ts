/**
 * Sightings back to MISP: new hits are gathered by attribute, and told when their time is over. What was
 * being told when the process ended is looked up in MISP's own list before it is told again.
 */
import { type ClickHouseError, SourceError } from '../../errors.js'
import { inTransaction } from '../../ledger/sqlite.js'
import type { Logger } from '../../log.js'
import type { Metrics } from '../../metrics.js'
import type { SightingClient } from '../../misp/sightings.js'
import type { Outage, Outages } from '../../outage.js'
import type { Tlp } from '../../policy/tlp.js'
import { newHits } from '../follow.js'
import type { Hit } from '../hit.js'
import type { HitStores } from '../stores.js'
import { addToSighting, mayTell, type Queued, SightingQueue } from './queue.js'

export interface Told {
  /** The name of the source in the config. */
  readonly source: string
  readonly client: SightingClient
  /** Milliseconds: how long hits of one attribute are gathered. */
  readonly every: number
  /** What MISP shows as the source of the sighting. */
  readonly label: string
  readonly maxTlp: Tlp
  readonly perHour: number
  readonly falsePositives: boolean
}

export interface SightingsOptions {
  readonly stores: HitStores
  readonly told: readonly Told[]
  /** `policy.untagged_as`. */
  readonly untagged: Tlp
  readonly log: Logger
  readonly metrics: Metrics
  /** Outlives a round: what fails all night is told once. */
  readonly outages: Outages
}

/** What fails of telling one MISP; the sightings wait until it takes them, none is lost. */
export function sightingsOutage(outages: Outages, source: string): Outage {
  return outages.of({ part: `sightings to ${source}` })
}

/** That hits of flows can't be asked for. */
export function flowSightingsOutage(outages: Outages): Outage {
  return outages.of({ part: 'sightings of flows' })
}

const FOLLOWER = 'sightings'
const BATCH = 1000
const HOUR_MS = 3_600_000
/** One that MISP fails at again and again must not hold up the others for ever. */
const MOST_TRIES = 8
/** These faults mean that MISP has stored nothing, and of none of them is the sighting the reason. */
const STORED_NOTHING: ReadonlySet<string> = new Set([
  'forbidden',
  'maintenance',
  'rate-limited',
  'tls',
])

export class Sightings {
  readonly #options: SightingsOptions

  constructor(options: SightingsOptions) {
    this.#options = options
  }

  /** Gathers what is new, then tells each MISP what is due. `now`: epoch milliseconds. @throws HitsError */
  async runOnce(now: number, signal: AbortSignal): Promise<void> {
    await this.gather(now, signal)
    for (const told of this.#options.told) await this.#tell(told, now, signal)
  }

  /** Takes in every new hit. */
  async gather(now: number, signal: AbortSignal): Promise<void> {
    const { stores, told } = this.#options
    const names = new Set(told.map(({ source }) => source))
    for (;;) {
      const news = await newHits(stores, { name: FOLLOWER, limit: BATCH }, signal)
      inTransaction(stores.db, () => {
        for (const hit of news.hits) {
          if (names.has(hit.event.source) && isSeen(hit)) addToSighting(stores.db, hit, now)
        }
        news.accept()
      })
      this.#noteClickHouse(news.unavailable)
      if (news.hits.length === 0) return
    }
  }

  async #tell(told: Told, now: number, signal: AbortSignal): Promise<void> {
    const { stores, outages } = this.#options
    const queue = new SightingQueue(stores.db, told.source)
    const outage = sightingsOutage(outages, told.source)
    try {
      await this.#resolve(queue, told, signal)
      await this.#send(queue, { told, now, signal })
      outage.over()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof SourceError)) throw error
      outage.failed(explained(error))
    }
  }

  /** After a kill, or an answer that never came. */
  async #resolve(
    queue: SightingQueue,
    { client, label }: Told,
    signal: AbortSignal,
  ): Promise<void> {
    for (const { id, attribute, type, at } of queue.uncertain()) {
      const stored = await client.list(attribute, signal)
      const isThere = stored.some(
        (one) => one.type === type && one.source === label && one.at === at,
      )
      if (isThere) queue.settle(id, 'stored')
      else queue.reopen(id)
    }
  }

  async #send(
    queue: SightingQueue,
    { told, now, signal }: { told: Told; now: number; signal: AbortSignal },
  ): Promise<void> {
    const { client, every, falsePositives, perHour } = told
    queue.setBack(now)
    const limit = perHour - queue.sentSince(now - HOUR_MS)
    if (limit <= 0) return
    queue.leaveOutMarked(now - every)
    const due = queue.due({ before: now - every, falsePositives, limit })
    const wanted = due.filter((one) => this.#isAllowed(queue, told, one))
    if (wanted.length === 0) return
    // Never the future, by MISP's clock and by ours.
    const latest = Math.min(await client.clock(signal), Math.floor(now / 1000))
    const refused: string[] = []
    for (const one of wanted) {
      signal.throwIfAborted()
      refused.push(...(await this.#sendOne(queue, { told, one, latest, now, signal })))
    }
    if (refused.length === 0) return
    const facts = { source: told.source, count: refused.length, reason: refused[0] }
    this.#options.log.warn(facts, 'MISP answered 200 and did not store sightings')
  }

  #isAllowed(queue: SightingQueue, { maxTlp }: Told, { id, tlp, tries }: Queued): boolean {
    const { untagged } = this.#options
    if (!mayTell(tlp, { most: maxTlp, untagged })) {
      queue.settle(id, 'withheld', `TLP ${tlp || untagged}`)
      return false
    }
    if (tries < MOST_TRIES) return true
    queue.settle(id, 'refused', `MISP failed at it ${tries} times`)
    return false
  }

  /** Answers why MISP did not store it, where it did not. */
  async #sendOne(
    queue: SightingQueue,
    job: { told: Told; one: Queued; latest: number; now: number; signal: AbortSignal },
  ): Promise<string[]> {
    const { told, one, latest, now, signal } = job
    const { metrics } = this.#options
    const { source, client, label } = told
    const at = queue.intend(one, { latest, now })
    const { id, attribute, type } = one
    try {
      const reception = await client.add({ attribute, type, source: label, at }, signal)
      const outcome = reception.stored ? 'stored' : 'refused'
      const reasons = reception.stored ? [] : [reception.reason]
      queue.settle(id, outcome, reasons.join())
      metrics.count('tipline_sightings_total', { source, outcome })
      return reasons
    } catch (error) {
      if (error instanceof SourceError && STORED_NOTHING.has(error.fault)) queue.takeBack(id)
      throw error
    }
  }

  #noteClickHouse(error: ClickHouseError | null | undefined): void {
    const outage = flowSightingsOutage(this.#options.outages)
    if (error) outage.failed(error)
    else if (error === null) outage.over()
  }
}

/** What MISP says of a read-only key is not what the user has to do. */
function explained(error: SourceError): SourceError {
  const { source, fault } = error
  if (fault !== 'forbidden') return error
  return new SourceError({
    source,
    fault,
    what: `the key of ${source} may not add sightings`,
    hint: 'give it a role with perm_sighting (a read-only key has none), or take `sightings` out of the config',
    cause: error,
  })
}

function isSeen({ stale, falsePositive }: Hit): boolean {
  return !stale && falsePositive === null
}

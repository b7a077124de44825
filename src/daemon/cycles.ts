/**
 * Whole cycles on demand: every source pulled, every sink settled, as `tipline sync` does it. Whoever
 * asks while one is under way is answered by the next, together with all others who do.
 */
import { totals } from '../ledger/knowledge.js'
import { checkAccepted } from '../sync/accepting.js'
import { statusOf } from '../sync/sync.js'
import { type Cycle, type SyncDocument, syncDocument } from '../sync/sync-document.js'
import type { Household } from './household.js'
import type { PolicyKeeper } from './policy-keeper.js'
import type { Works } from './works.js'

export interface CyclesOptions {
  readonly works: Works
  readonly household: Household
  readonly policy: PolicyKeeper
  readonly configArgument: string
  readonly signal: AbortSignal
}

export class Cycles {
  readonly #options: CyclesOptions
  #running: Promise<unknown> = Promise.resolve()
  #next: { readonly accept: Set<string>; readonly done: Promise<SyncDocument> } | null = null

  constructor(options: CyclesOptions) {
    this.#options = options
  }

  /**
   * One that begins after this call. `accept`: ids of withheld changes.
   * @throws UsageError at once, for an id of nothing that is withheld
   */
  run(accept: readonly string[]): Promise<SyncDocument> {
    checkAccepted(accept, this.#options.works.ledger.db)
    this.#next ??= this.#plan()
    for (const id of accept) this.#next.accept.add(id)
    return this.#next.done
  }

  #plan() {
    const accept = new Set<string>()
    const done = this.#running.then(() => {
      this.#next = null
      return this.#cycle([...accept])
    })
    this.#running = done.catch(() => undefined)
    return { accept, done }
  }

  async #cycle(accept: readonly string[]): Promise<SyncDocument> {
    const { works, household, policy, configArgument, signal } = this.#options
    const started = performance.now()
    const judged = await policy.judge(accept, signal)
    const sources = await Promise.all(household.sources.map((source) => source.pullNow(accept)))
    const sinks = await Promise.all(household.sinks.map((sink) => sink.settle()))
    // Who was stopped meanwhile, by a new config, has nothing to tell.
    const parts = {
      policy: judged,
      sources: sources.filter((report) => report !== null),
      sinks: sinks.filter((report) => report !== null),
    }
    const { liveKeys: live, held, setAside } = totals(works.ledger.db)
    const cycle: Cycle = {
      report: { status: statusOf(parts), ...parts },
      seconds: (performance.now() - started) / 1000,
      live,
      held,
      setAside,
    }
    return syncDocument(cycle, configArgument)
  }
}

/**
 * Keeps the policy: loads its lists, has the ledger derived again where something changed, and judges
 * anew what is due by the clock.
 */
import type { LoadedConfig } from '../config/load.js'
import { SourceError, TiplineError } from '../errors.js'
import { readWithheld } from '../ledger/sources.js'
import type { Outage } from '../outage.js'
import { createPolicy, type Policy } from '../policy/policy.js'
import { retry } from '../retry.js'
import { loadLists } from '../sync/lists.js'
import { type RejudgeReport, rejudgeDue, rejudgeIfChanged } from '../sync/rejudge.js'
import { epoch, type Works } from './works.js'

type PolicyConfig = Pick<LoadedConfig, 'policy' | 'sources' | 'dataDir'>

/** A MISP that gives no lists is asked again after this long, and in the end this seldom. */
const FIRST_PAUSE_MS = 2000
const LONGEST_PAUSE_MS = 60_000

export class PolicyKeeper {
  readonly #works: Works
  /** Of the lists: those that were read last stay in force meanwhile. */
  readonly #outage: Outage
  #config: PolicyConfig
  /** The one in use. Until the lists are loaded there is none, and nothing is pulled. */
  policy: Policy
  /** What the guard thought of the last change. */
  report: RejudgeReport = { changed: 0, withheld: null }

  constructor(works: Works, config: PolicyConfig) {
    this.#works = works
    this.#outage = works.outages.of({
      part: 'screening lists',
      meanwhile: 'those that were read before stay in force',
    })
    this.#config = config
    this.policy = createPolicy(config.policy, [])
  }

  /**
   * Until the lists are there, as long as it takes: without them, what they hold would be served.
   * @throws ConfigError for a list that can't be read; the signal's reason
   */
  async begin(signal: AbortSignal): Promise<void> {
    const policy = await retry(() => this.load(this.#config, signal), {
      attempts: Number.POSITIVE_INFINITY,
      baseMs: FIRST_PAUSE_MS,
      maxMs: LONGEST_PAUSE_MS,
      isRetryable: (error) => (error instanceof SourceError ? {} : false),
      onRetry: ({ error }) =>
        this.#works.log.error(
          { err: error },
          "the policy's lists are missing: nothing is pulled yet",
        ),
      signal,
    })
    await this.use(policy, this.#config, signal)
  }

  /** As config and lists say now; it is not in use yet. @throws ConfigError, SourceError */
  async load(config: PolicyConfig, signal: AbortSignal): Promise<Policy> {
    const { log, metrics } = this.#works
    const { policy: settings, sources, dataDir } = config
    const deps = { log, metrics, attempts: 2 }
    const lists = await loadLists({
      policy: settings,
      sources,
      dataDir,
      deps,
      now: epoch(this.#works),
      signal,
    })
    const policy = createPolicy(settings, lists)
    for (const warning of policy.warnings) log.warn(warning)
    return policy
  }

  /** From here on this policy counts, for what is in the ledger too. */
  async use(policy: Policy, config: PolicyConfig, signal: AbortSignal): Promise<void> {
    const { deriver, turns } = this.#works
    // At once, since the turn may be a while in coming: who still loads for the one before is late.
    this.#config = config
    await turns.run(async () => deriver.use(policy), signal)
    this.policy = policy
    this.#outage.over()
    await this.judge([], signal)
  }

  /** Derives all again, if the policy changed. `accept`: ids of withheld changes. */
  async judge(accept: readonly string[], signal: AbortSignal): Promise<RejudgeReport> {
    this.report = await rejudgeIfChanged({ ...this.#request(signal), accept: new Set(accept) })
    return this.report
  }

  /** Judges anew what is due by the clock; answers how many. */
  judgeDue(signal: AbortSignal): Promise<number> {
    return rejudgeDue({ ...this.#request(signal), accept: new Set() })
  }

  /** Lists change now and then. One that can't be had or read now leaves the old ones in force. */
  async refresh(signal: AbortSignal): Promise<void> {
    const config = this.#config
    const policy = await this.#loadAgain(config, signal)
    // A reload that came meanwhile has loaded all of it.
    if (policy !== null && config === this.#config) await this.use(policy, config, signal)
  }

  /** null: not now. A file that is just being replaced must not end the daemon. */
  async #loadAgain(config: PolicyConfig, signal: AbortSignal): Promise<Policy | null> {
    try {
      return await this.load(config, signal)
    } catch (error) {
      if (signal.aborted || !(error instanceof TiplineError)) throw error
      this.#outage.failed(error)
      return null
    }
  }

  #request(signal: AbortSignal) {
    const { ledger, turns, deriver, guard, log } = this.#works
    const withheld = readWithheld(ledger.db).filter(({ source }) => source === null)
    const now = epoch(this.#works)
    return { writer: ledger.writer, turns, deriver, guard, withheld, now, log, signal }
  }
}

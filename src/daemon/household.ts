/** Every source and sink of the config, each with its keeper. */
import type { LoadedConfig } from '../config/load.js'
import { parseDuration } from '../policy/duration.js'
import { createSinks, type SinksSettings } from '../sinks/registry.js'
import { openSource } from '../sync/open-source.js'
import { warnOfForsaken } from '../sync/sync.js'
import { type PartsOptions, wantedParts } from './parts.js'
import type { Rota } from './rota.js'
import { SinkKeeper } from './sink-keeper.js'
import { SourceKeeper } from './source-keeper.js'
import { type Keeper, type Plan, Staff, type Wanted } from './staff.js'
import { epoch, type Works } from './works.js'
import { listenToZmq, zeromq } from './zmq.js'

/** Of one request: the next pull comes soon, and others wait for their turn. */
const ATTEMPTS = 3

export interface HouseholdPlan {
  readonly config: LoadedConfig
  readonly sources: Plan<SourceKeeper>
  readonly sinks: Plan<SinkKeeper>
  readonly parts: Plan<Keeper>
}

export interface HouseholdOptions extends PartsOptions {
  readonly rota: Rota
  /** The ledger may hold something new. */
  readonly onApplied: () => void
}

export class Household {
  readonly #works: Works
  readonly #options: HouseholdOptions
  readonly #sources: Staff<SourceKeeper>
  readonly #sinks: Staff<SinkKeeper>
  readonly #parts: Staff<Keeper>

  constructor(options: HouseholdOptions) {
    const { works, rota } = options
    this.#works = works
    this.#options = options
    this.#sources = new Staff('source', rota)
    this.#sinks = new Staff('sink', rota)
    this.#parts = new Staff('part', rota)
  }

  get sources(): readonly SourceKeeper[] {
    return this.#sources.keepers
  }

  get sinks(): readonly SinkKeeper[] {
    return this.#sinks.keepers
  }

  /** The ledger may hold something new. */
  poke(): void {
    for (const sink of this.sinks) sink.poke()
    this.#options.onApplied()
  }

  /** Opens what is new in this config; nothing has changed yet. @throws UsageError */
  async plan(config: LoadedConfig): Promise<HouseholdPlan> {
    const sources = await this.#sources.plan(this.#wantedSources(config))
    const sinks = await this.#sinks.plan(this.#wantedSinks(config))
    const wanted = [...wantedParts(config, this.#options), ...this.#wantedChannels(config)]
    const parts = await this.#parts.plan(wanted)
    return { config, sources, sinks, parts }
  }

  /** Keeps what the config has, and nothing else. Answers what changed, one line each. */
  async carryOut({ config, sources, sinks, parts }: HouseholdPlan): Promise<string[]> {
    await Promise.all([
      this.#sources.dismiss(sources),
      this.#sinks.dismiss(sinks),
      this.#parts.dismiss(parts),
    ])
    const { writer } = this.#works.ledger
    const rows = await writer.registerSources(config.sources.map(({ name }) => name))
    warnOfForsaken(rows, this.#works.log)
    this.#sources.engage(sources)
    const unread = rows.filter(({ lastGood }) => lastGood === null).map(({ name }) => name)
    this.#sinks.engage(sinks, (signal) => this.#triedOnce(unread, signal))
    this.#parts.engage(parts)
    return [...this.#sources.told(sources), ...this.#sinks.told(sinks), ...this.#parts.told(parts)]
  }

  /** The plan is dropped. */
  async discard({ sources, sinks, parts }: HouseholdPlan): Promise<void> {
    const fresh = [sources, sinks, parts].flatMap((plan) => [...plan.fresh.values()])
    await Promise.all(fresh.map((member) => member.close()))
  }

  async close(): Promise<void> {
    await Promise.all([this.#sources.close(), this.#sinks.close(), this.#parts.close()])
  }

  /**
   * A sink is not begun with before each source that was never read has been tried: filled from half a
   * ledger, it would lose what an earlier tool had put there and the other half is about to bring.
   */
  async #triedOnce(names: readonly string[], signal: AbortSignal): Promise<void> {
    const tries = this.sources.filter(({ name }) => names.includes(name)).map((s) => s.tried)
    const aborted = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([Promise.all(tries), aborted])
  }

  #wantedSources({ sources }: LoadedConfig): Wanted<SourceKeeper>[] {
    const works = this.#works
    const { log, metrics } = works
    return sources.map((settings) => ({
      name: settings.name,
      settings: JSON.stringify(settings),
      open: () => {
        const quiet = () => keeper.outage.since !== null
        const source = openSource(settings, { log, metrics, attempts: ATTEMPTS, quiet })
        const onApplied = () => this.poke()
        const keeper = new SourceKeeper({ works, settings, source, onApplied })
        return { keeper, close: () => source.close() }
      },
    }))
  }

  /** MISP's ZMQ channels. */
  #wantedChannels({ sources }: LoadedConfig): Wanted<Keeper>[] {
    const { log } = this.#works
    return sources.flatMap((settings) => {
      if (settings.type !== 'misp' || settings.zmq === undefined) return []
      const { name: source, zmq: address } = settings
      const onHint = (uuid: string | null) =>
        this.sources.find(({ name }) => name === source)?.hint(uuid)
      const run = (signal: AbortSignal) => listenToZmq({ source, address, onHint, log }, signal)
      const open = async () => {
        await zeromq()
        return { keeper: { run }, close: async () => undefined }
      }
      return [{ name: `zmq of ${source}`, settings: address, open }]
    })
  }

  #wantedSinks({ sinks, sources, dataDir, networks, keep }: LoadedConfig): Wanted<SinkKeeper>[] {
    const works = this.#works
    const { log, metrics } = works
    const sourceNames = sources.map(({ name }) => name)
    const clock = () => epoch(works)
    const keepHits = parseDuration(keep.hits)
    const deps = { log, metrics, sourceNames, dataDir, networks, keepHits, clock }
    return Object.entries(sinks)
      .filter(([, settings]) => settings !== undefined)
      .map(([name, settings]) => ({
        name,
        settings: JSON.stringify([settings, sourceNames, networks, keepHits]),
        open: async () => {
          const only = { [name]: settings } as SinksSettings
          const [sink] = await createSinks(only, deps)
          return { keeper: new SinkKeeper({ works, sink: sink! }), close: () => sink!.close() }
        },
      }))
  }
}

/** What the config adds to what the ledger knows: links, sinks, and what the policy would say now. */
import { storesOptions } from '../config/hit-stores.js'
import { linksOf } from '../config/links.js'
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { SinkUnavailable } from '../errors.js'
import { openStores } from '../hits/stores.js'
import { openForReading } from '../ledger/database.js'
import type { State } from '../ledger/state.js'
import { StateReader } from '../ledger/states.js'
import { silentLogger } from '../log.js'
import type { Beside, SinkCheck } from '../match/documents.js'
import type { Knowledge } from '../match/explain.js'
import { hasAddress, type InFlows, inFlowsOf } from '../match/in-flows.js'
import { verdictsOf } from '../match/verdicts.js'
import { Metrics } from '../metrics.js'
import type { Sink } from '../sinks/sink.js'
import type { Context } from './context.js'
import { PATIENCE } from './flow-status.js'
import { offlinePolicy } from './offline-policy.js'
import { openSinks } from './wiring.js'

interface Asked {
  readonly value: string
  readonly checkSinks?: boolean
  readonly knowledge: Knowledge
  readonly dataDir: string
}

export async function beside(context: Context, asked: Asked): Promise<Beside> {
  const config = await loadConfig(context.options.config, context.env)
  context.secrets = config.secrets
  const { policy } = await offlinePolicy(config)
  return {
    links: new Map(Object.entries(linksOf(config.sources))),
    sinks: Object.keys(config.sinks),
    checks: asked.checkSinks ? await checkSinks(context, config, asked) : [],
    verdicts: verdictsOf(policy, asked, context.now()),
    inFlows: await inFlows(config, asked, context.signal),
  }
}

async function inFlows(
  config: LoadedConfig,
  { knowledge }: Asked,
  signal: AbortSignal,
): Promise<InFlows | null> {
  const options = storesOptions(config)
  if (!options.clickhouse || !knowledge.found.some(hasAddress)) return null
  const clickhouse = { ...options.clickhouse, timeout: PATIENCE }
  const stores = openStores({ ...options, clickhouse, log: silentLogger(), signal })
  try {
    return await inFlowsOf(knowledge, stores, signal)
  } finally {
    await stores.close()
  }
}

async function checkSinks(
  context: Context,
  config: LoadedConfig,
  { knowledge, dataDir }: Asked,
): Promise<SinkCheck[]> {
  const sinks = await openSinks(context, { config, log: silentLogger(), metrics: new Metrics() })
  const keys = knowledge.found.map(({ indicator: { space, value } }) => ({ space, value }))
  const checks = await Promise.all(
    sinks.map((sink) => {
      const options = { spelled: sink.spellsNets ?? false }
      const reader = new StateReader(openForReading(dataDir), options)
      const states = reader.of(keys)
      reader.close()
      return checkSink(sink, { states, signal: context.signal })
    }),
  )
  return checks.flat()
}

async function checkSink(
  sink: Sink,
  { states, signal }: { states: readonly State[]; signal: AbortSignal },
): Promise<SinkCheck[]> {
  const { name } = sink
  try {
    await sink.open(signal)
    const checks: SinkCheck[] = []
    for (const state of states) {
      const { space, value } = state
      const { missing, different } = await sink.verify([state])
      const verdict = missing > 0 ? 'missing' : different > 0 ? 'different' : 'right'
      checks.push({ sink: name, space, value, verdict, what: null })
    }
    return checks
  } catch (error) {
    if (!(error instanceof SinkUnavailable)) throw error
    return [{ sink: name, space: '', value: '', verdict: 'unreachable', what: error.message }]
  } finally {
    await sink.close()
  }
}

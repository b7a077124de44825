/** What the config adds to what the ledger knows: links, sinks, and what the policy would say now. */
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { SinkUnavailable } from '../errors.js'
import { kindOf } from '../indicators/indicator.js'
import { normalise } from '../indicators/normalise.js'
import { MATCHABLE_TYPES } from '../indicators/types.js'
import { openForReading } from '../ledger/database.js'
import type { State } from '../ledger/state.js'
import { StateReader } from '../ledger/states.js'
import { silentLogger } from '../log.js'
import type { Beside, PresentVerdict, SinkCheck } from '../match/documents.js'
import type { Knowledge } from '../match/explain.js'
import { Metrics } from '../metrics.js'
import type { Policy } from '../policy/policy.js'
import type { Subject } from '../policy/subject.js'
import type { Sink } from '../sinks/sink.js'
import type { Context } from './context.js'
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
    links: linksOf(config),
    sinks: Object.keys(config.sinks),
    checks: asked.checkSinks ? await checkSinks(context, config, asked) : [],
    verdicts: verdictsOf(policy, asked, context.now()),
  }
}

function linksOf({ sources }: LoadedConfig): Map<string, string> {
  return new Map(
    sources.flatMap((source) =>
      source.type === 'misp'
        ? [[source.name, (source.link ?? source.url).replace(/\/+$/, '')]]
        : [],
    ),
  )
}

function verdictsOf(
  policy: Policy,
  { value, knowledge: { found } }: Asked,
  now: number,
): PresentVerdict[] {
  const differing = found.flatMap(({ indicator }) =>
    indicator.carriers.flatMap((carrier) => {
      if (carrier.held?.rule === 'hand') return []
      const { space, value, port } = indicator
      const { type, timestamp, lastSeen, tags } = carrier
      const subject = { space, value, port, type, timestamp, lastSeen, tags }
      const { held } = judge(policy, subject, now)
      if (held?.rule === carrier.held?.rule) return []
      return [{ space, value, attribute: carrier.attributeUuid, held }]
    }),
  )
  const isKnown = found.some(
    ({ via, indicator }) => via === 'exact' && indicator.carriers.length > 0,
  )
  return isKnown ? differing : [...differing, ...imagined(policy, value, now)]
}

/** The first MISP type that takes the value stands for what a source might bring. */
function imagined(policy: Policy, text: string, now: number): PresentVerdict[] {
  for (const type of MATCHABLE_TYPES) {
    const normal = normalise(type, text)
    if (!normal.ok) continue
    return normal.meanings
      .filter(({ alias }) => !alias)
      .map(({ space, value, port }) => {
        const subject = { space, value, port, type, timestamp: now, lastSeen: null, tags: [] }
        return { space, value, attribute: null, held: judge(policy, subject, now).held }
      })
  }
  return []
}

function judge(policy: Policy, subject: Omit<Subject, 'kind' | 'weak' | 'eventTags'>, now: number) {
  return policy.judge({ ...subject, kind: kindOf(subject), weak: false, eventTags: [] }, now)
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

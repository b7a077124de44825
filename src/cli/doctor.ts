/** `tipline doctor`: tries everything that a sync needs, and changes nothing. */
import { type LoadedConfig, loadConfig } from '../config/load.js'
import { EXIT } from '../errors.js'
import { openForReading } from '../ledger/database.js'
import { MOST_SPELLED, unspelledNets } from '../ledger/spelled.js'
import { printable, silentLogger } from '../log.js'
import { Metrics } from '../metrics.js'
import type { Sink } from '../sinks/sink.js'
import type { Context } from './context.js'
import { diagnoseQueues, testChannels } from './doctor-alerts.js'
import { diagnoseLedger, diagnoseMachine } from './doctor-machine.js'
import { diagnosePolicy, diagnoseSource } from './doctor-sources.js'
import type { Finding } from './finding.js'
import type { Output } from './output.js'
import { openSinks } from './wiring.js'
import { count, number, table } from './words.js'

export async function doctorCommand(
  context: Context,
  { alerts = false }: { alerts?: boolean | undefined } = {},
): Promise<number> {
  const config = await loadConfig(context.options.config, context.env)
  context.secrets = config.secrets
  const ledger = diagnoseLedger(config.dataDir)
  const outside = await Promise.all([
    diagnosePolicy(config),
    ...config.sources.map((source) => diagnoseSource(source, context)),
    diagnoseSinks(context, { config, ledgerId: ledger.id }),
    alerts ? testChannels(config, context) : [],
  ])
  const findings = [
    ...diagnoseMachine(),
    ...diagnoseConfig(config),
    ...ledger.findings,
    ...outside.flat(),
    ...diagnoseQueues(config),
  ]
  const ok = findings.every(({ level }) => level !== 'error')
  context.out.answer({ ok, findings }, () => doctorLines(findings, context.out))
  return ok ? EXIT.done : EXIT.nothing
}

function diagnoseConfig({ file, format, warnings, notes }: LoadedConfig): Finding[] {
  const area = 'config'
  return [
    { area, level: 'ok', message: `${file} is right (${format})` },
    ...warnings.map((message) => ({ area, level: 'warn', message }) as const),
    ...notes.map((message) => ({ area, level: 'ok', message }) as const),
  ]
}

async function diagnoseSinks(
  context: Context,
  { config, ledgerId }: { config: LoadedConfig; ledgerId: string | undefined },
): Promise<Finding[]> {
  const sinks = await openSinks(context, { config, log: silentLogger(), metrics: new Metrics() })
  if (sinks.length === 0) {
    const message = 'there is none in the config: a sync only fills the ledger'
    return [{ area: 'sinks', level: 'warn', message }]
  }
  const healths = await Promise.all(
    sinks.map(async (sink) => ({ area: sink.name, health: await sink.check(ledgerId) })),
  )
  return [
    ...healths.flatMap(({ area, health }) => health.findings.map((f) => ({ area, ...f }))),
    ...(ledgerId === undefined ? [] : diagnoseSpelling(sinks, config.dataDir)),
  ]
}

function diagnoseSpelling(sinks: readonly Sink[], dataDir: string): Finding[] {
  const spelling = sinks.filter(({ spellsNets }) => spellsNets)
  const nets = spelling.length === 0 ? 0 : countUnspelled(dataDir)
  if (nets === 0) return []
  const message = `there is no room to spell out ${count(nets, 'more net')} as addresses (${number(MOST_SPELLED)} in all)`
  const hint = 'tipline logstash writes a script that finds nets by their misp-net: keys'
  return spelling.map(({ name }) => ({ area: name, level: 'warn', message, hint }))
}

function countUnspelled(dataDir: string): number {
  const db = openForReading(dataDir)
  try {
    return unspelledNets(db)
  } finally {
    db.close()
  }
}

const COLOURS = { ok: 'green', warn: 'yellow', error: 'red' } as const

function doctorLines(findings: readonly Finding[], out: Output): string[] {
  const rows = table(findings.map(({ area, message }) => [area, message].map(printable)))
  const lines = findings.flatMap(({ level, hint }, at) => [
    `${out.paint(COLOURS[level], level.padEnd(5))}  ${rows[at]}`,
    ...(hint === undefined ? [] : [`       hint: ${printable(hint)}`]),
  ])
  const errors = findings.filter(({ level }) => level === 'error').length
  const warnings = findings.filter(({ level }) => level === 'warn').length
  return [...lines, `${errors} wrong, ${warnings} to look at`]
}

/** What `tipline sync` says when it is done. */
import { EXIT, type TiplineError } from '../errors.js'
import type { Totals } from '../ledger/knowledge.js'
import { printable } from '../log.js'
import type { PullReport } from '../sync/pull.js'
import type { ShipReport } from '../sync/ship.js'
import { acceptCommand } from '../sync/status.js'
import type { SourceReport, SyncReport } from '../sync/sync.js'
import type { Context } from './context.js'
import { count, number, table } from './words.js'

export interface Cycle {
  readonly report: SyncReport
  readonly seconds: number
  /** Lookup keys, by space. */
  readonly live: Totals['liveKeys']
  readonly held: Totals['held']
  readonly setAside: Totals['setAside']
}

const STATUS_WORDS = { [EXIT.done]: 'done', [EXIT.frozen]: 'frozen', [EXIT.outside]: 'failed' }

type Withheld = PullReport['withheld'][number]

export function syncDocument(cycle: Cycle, context: Context): object {
  const { report, seconds, live, held } = cycle
  const withheld = (entry: Withheld) => ({
    ...entry,
    accept_with: acceptCommand(entry, context.configArgument),
  })
  return {
    status: STATUS_WORDS[report.status as keyof typeof STATUS_WORDS] ?? 'done',
    exit_status: report.status,
    seconds: Number(seconds.toFixed(3)),
    sources: report.sources.map((source) => ({
      ...sourceDocument(source, cycle),
      ...(source.ok && { withheld: source.withheld.map(withheld) }),
    })),
    policy: {
      changed: report.policy.changed,
      withheld: report.policy.withheld === null ? null : withheld(report.policy.withheld),
    },
    sinks: report.sinks.map(sinkDocument),
    live: Object.fromEntries(Object.entries(live).map(([space, { keys }]) => [space, keys])),
    held,
  }
}

function sourceDocument(source: SourceReport, cycle: Cycle): object {
  if (!source.ok) return { name: source.source, ok: false, error: errorDocument(source.error) }
  const { attributes, added, changed, removed, unchanged, warnings } = source
  return {
    name: source.source,
    ok: true,
    unchanged,
    attributes,
    added,
    changed,
    removed,
    set_aside: setAsideOf(source.source, cycle),
    warnings,
  }
}

function sinkDocument(report: ShipReport): object {
  const { sink, ok, keys, rebuilt, repaired, alarms, setAside, error } = report
  return {
    name: sink,
    ok,
    keys,
    rebuilt,
    repaired,
    alarms,
    set_aside: setAside,
    error: error === null ? null : errorDocument(error),
  }
}

export function errorDocument({ name, message, hint }: TiplineError): object {
  return { type: name, what: message, ...(hint !== undefined && { hint }) }
}

export function syncLines(cycle: Cycle, context: Context): string[] {
  const { report, seconds } = cycle
  const { paint } = { paint: context.out.paint.bind(context.out) }
  const rows = [
    ...report.sources.map((source) => [source.source, sourceWords(source, cycle)]),
    ...report.sinks.map((sink) => [sink.sink, sinkWords(sink)]),
    ['ledger', ledgerWords(cycle)],
  ]
  const failures = [...report.sources, ...report.sinks].flatMap((part) => errorLines(part))
  const withheld = withheldOf(report).flatMap((entry) => withheldLines(entry, context))
  return [
    ...table(rows.map((row) => row.map(printable))),
    ...failures.map((line) => paint('red', printable(line))),
    ...withheld.map((line) => paint('yellow', printable(line))),
    paint('dim', `${seconds.toFixed(1)} s`),
  ]
}

function sourceWords(source: SourceReport, cycle: Cycle): string {
  if (!source.ok) return 'FAILED; nothing was changed'
  const { unchanged, attributes, added, changed, removed } = source
  if (unchanged) return 'nothing new'
  const gone = Object.values(removed).reduce((sum, n) => sum + n, 0)
  const causes = Object.entries(removed).map(([cause, n]) => `${cause} ${number(n)}`)
  const aside = setAsideOf(source.source, cycle)
  return [
    `${count(attributes, 'attribute')} read: ${number(added)} added, ${number(changed)} changed, ${number(gone)} removed`,
    ...(causes.length > 0 ? [`(${causes.join(', ')})`] : []),
    ...(aside > 0 ? [`· ${number(aside)} set aside`] : []),
  ].join(' ')
}

function sinkWords({ ok, keys, rebuilt, repaired, setAside }: ShipReport): string {
  if (!ok) return 'FAILED; the next sync catches up'
  const mended = repaired === null ? '' : ` · repaired: ${repaired}`
  const why = rebuilt === null ? mended : ` · rebuilt: ${rebuilt}`
  const aside = setAside === 0 ? '' : ` · ${number(setAside)} set aside`
  return `${keys === 0 ? 'up to date' : `${count(keys, 'key')} written`}${why}${aside}`
}

function ledgerWords({ live, held }: Cycle): string {
  const keys = Object.values(live).reduce((sum, space) => sum + space.keys, 0)
  const rules = Object.entries(held).map(([rule, n]) => `${rule} ${number(n)}`)
  const waiting = Object.values(held).reduce((sum, n) => sum + n, 0)
  const why = rules.length === 0 ? '' : ` (${rules.join(', ')})`
  return `${count(keys, 'key')} live · ${number(waiting)} held${why}`
}

function errorLines(part: SourceReport | ShipReport): string[] {
  if (part.ok && 'alarms' in part) return [...part.alarms]
  if (part.ok || part.error === null) return []
  const { message, hint } = part.error
  return [message, ...(hint === undefined ? [] : [`  hint: ${hint}`])]
}

function withheldOf({ sources, policy }: SyncReport): readonly (Withheld & { of: string })[] {
  return [
    ...sources.flatMap((source) =>
      source.ok ? source.withheld.map((entry) => ({ ...entry, of: source.source })) : [],
    ),
    ...(policy.withheld === null ? [] : [{ ...policy.withheld, of: 'the policy' }]),
  ]
}

function withheldLines(entry: Withheld & { of: string }, context: Context): string[] {
  return [
    `WITHHELD ${entry.id}: ${entry.kind} of ${entry.of}: ${entry.why}`,
    `  to see them:        tipline status${context.configArgument} --withheld ${entry.id}`,
    `  to let them through: ${acceptCommand(entry, context.configArgument)}`,
  ]
}

function setAsideOf(source: string, { setAside }: Cycle): number {
  return setAside
    .filter((entry) => entry.source === source)
    .reduce((sum, { count }) => sum + count, 0)
}

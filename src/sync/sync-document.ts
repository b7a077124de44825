/** What came of a cycle, as JSON: what `tipline sync --json` and the API answer. */
import { EXIT, type TiplineError } from '../errors.js'
import type { Totals } from '../ledger/knowledge.js'
import type { PullReport } from './pull.js'
import type { ShipReport } from './ship.js'
import { acceptCommand } from './status.js'
import type { SourceReport, SyncReport } from './sync.js'

export interface Cycle {
  readonly report: SyncReport
  readonly seconds: number
  /** Lookup keys, by space. */
  readonly live: Totals['liveKeys']
  readonly held: Totals['held']
  readonly setAside: Totals['setAside']
}

export type SyncDocument = ReturnType<typeof syncDocument>
export type SourceDocument = SyncDocument['sources'][number]
export type SinkDocument = SyncDocument['sinks'][number]

const STATUS_WORDS = { [EXIT.done]: 'done', [EXIT.frozen]: 'frozen', [EXIT.outside]: 'failed' }

/** `configArgument`: of commands that are proposed, ` -c FILE` or nothing. */
export function syncDocument(cycle: Cycle, configArgument: string) {
  const { report, seconds, live, held } = cycle
  const withheld = (entry: PullReport['withheld'][number]) => ({
    ...entry,
    accept_with: acceptCommand(entry, configArgument),
  })
  return {
    status: STATUS_WORDS[report.status as keyof typeof STATUS_WORDS] ?? 'done',
    exit_status: report.status,
    seconds: Number(seconds.toFixed(3)),
    sources: report.sources.map((source) =>
      source.ok
        ? { ...pulled(source, cycle), withheld: source.withheld.map(withheld) }
        : failed(source),
    ),
    policy: {
      changed: report.policy.changed,
      withheld: report.policy.withheld === null ? null : withheld(report.policy.withheld),
    },
    sinks: report.sinks.map(sinkDocument),
    live: Object.fromEntries(Object.entries(live).map(([space, { keys }]) => [space, keys])),
    held,
  }
}

export function errorDocument({ name, message, hint }: TiplineError) {
  return { type: name, what: message, ...(hint !== undefined && { hint }) }
}

function failed({ source, error }: SourceReport & { ok: false }) {
  return { name: source, ok: false as const, error: errorDocument(error) }
}

function pulled(report: PullReport, { setAside }: Cycle) {
  const { source, attributes, added, changed, removed, unchanged, warnings } = report
  const aside = setAside.filter((entry) => entry.source === source)
  return {
    name: source,
    ok: true as const,
    unchanged,
    attributes,
    added,
    changed,
    removed,
    set_aside: aside.reduce((sum, { count }) => sum + count, 0),
    warnings,
  }
}

function sinkDocument(report: ShipReport) {
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

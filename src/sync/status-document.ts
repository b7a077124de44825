/** The status as JSON: what `tipline status --json` and the API answer. */
import { holdDocument } from '../ledger/documents.js'
import { iso } from '../time.js'
import type { SinkStatus, SourceStatus, Status } from './status.js'

export function statusDocument(status: Status) {
  const { now, dataDir, ledger, sources, withheld, totals, sinks, holds, problems } = status
  return {
    ok: problems.length === 0,
    at: iso(now),
    problems: [...problems],
    data_dir: dataDir,
    ledger,
    sources: sources.map(sourceDocument),
    withheld: withheld.map((entry) => ({ ...entry, at: iso(entry.at) })),
    live: Object.fromEntries(Object.entries(totals.liveKeys).map(([s, { keys }]) => [s, keys])),
    held: { ...totals.held },
    set_aside: [...totals.setAside],
    sinks: sinks.map(sinkDocument),
    holds: holds.map(holdDocument),
  }
}

function sourceDocument(source: SourceStatus) {
  const { name, inConfig, lastGood, events, attributes, setAside, frozen } = source
  return {
    name,
    in_config: inConfig,
    last_good_sync: iso(lastGood),
    events,
    attributes,
    set_aside: setAside,
    frozen,
  }
}

function sinkDocument({ name, cursor, lag, setAside }: SinkStatus) {
  const at = cursor === null ? null : iso(cursor.at)
  return { name, cursor: cursor?.seq ?? null, written_at: at, lag, set_aside: setAside }
}

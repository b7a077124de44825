/** The status as JSON: what `tipline status --json` and the API answer. */
import type { ChannelStatus } from '../hits/alerts/status.js'
import type { SightingStatus } from '../hits/sightings/status.js'
import { holdDocument } from '../ledger/documents.js'
import { iso } from '../time.js'
import type { DaemonStatus, SinkStatus, SourceStatus, Status } from './status.js'

export function statusDocument(status: Status) {
  const { now, dataDir, ledger, sources, withheld, totals, sinks, holds, problems } = status
  const { alerts, sightings, daemon } = status
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
    alerts: alerts.map(channelDocument),
    sightings: sightings.map(sightingDocument),
    daemon: daemon && daemonDocument(daemon),
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

function channelDocument(status: ChannelStatus) {
  const { channel, waiting, parked, digest, oldest, trouble, lastSent } = status
  return {
    channel,
    waiting,
    parked,
    digest,
    oldest_waiting: isoOf(oldest),
    last_error: trouble,
    last_sent: isoOf(lastSent),
  }
}

function sightingDocument(status: SightingStatus) {
  const { source, inConfig, pending, sent, refused, withheld, reason, oldest, lastSent } = status
  return {
    source,
    in_config: inConfig,
    pending,
    sent,
    refused,
    withheld,
    oldest_pending: isoOf(oldest),
    last_refusal: reason,
    last_sent: isoOf(lastSent),
  }
}

function daemonDocument({ pid, failing }: DaemonStatus) {
  return { pid, failing: failing.map((each) => ({ ...each, since: iso(each.since) })) }
}

/** `at`: epoch milliseconds. */
function isoOf(at: number | null): string | null {
  return at === null ? null : iso(at / 1000)
}

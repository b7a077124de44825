/**
 * Every counter and gauge that tipline keeps, defined here and nowhere else. Parts count through
 * `Metrics`; the daemon will export them. Naming as Prometheus wants it: base units, `_total`.
 */

type MetricType = 'counter' | 'gauge'

interface MetricDefinition {
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
}

export const METRICS = {
  tipline_misp_requests_total: {
    type: 'counter',
    help: 'Requests sent to a MISP or feed, by HTTP status, or the fault where there was no answer.',
    labels: ['source', 'status'],
  },
  tipline_misp_retries_total: {
    type: 'counter',
    help: 'Requests that were sent again.',
    labels: ['source', 'reason'],
  },
  tipline_misp_received_bytes_total: {
    type: 'counter',
    help: 'Bytes of answers received from a source.',
    labels: ['source'],
  },
  tipline_pull_attributes_total: {
    type: 'counter',
    help: 'Attributes that arrived from a source.',
    labels: ['source'],
  },
  tipline_pull_rows_refused_total: {
    type: 'counter',
    help: 'Rows that arrived though the request had filtered them out, or that could not be read.',
    labels: ['source', 'reason'],
  },
  tipline_pull_events_refetched_total: {
    type: 'counter',
    help: 'Events that were fetched again because they moved during the pull.',
    labels: ['source'],
  },
  tipline_indicators_live: {
    type: 'gauge',
    help: 'Live lookup keys in the ledger.',
    labels: ['space'],
  },
  tipline_indicators_added_total: {
    type: 'counter',
    help: 'Attributes added to the ledger.',
    labels: ['source'],
  },
  tipline_indicators_revoked_total: {
    type: 'counter',
    help: 'Attributes taken out of the ledger, by cause: deleted, absent, expired.',
    labels: ['source', 'cause'],
  },
  tipline_set_aside: {
    type: 'gauge',
    help: 'Attributes whose value can not be an indicator of their type.',
    labels: ['source'],
  },
  tipline_held: {
    type: 'gauge',
    help: 'Carriers known but not served, by rule.',
    labels: ['rule'],
  },
  tipline_source_frozen: {
    type: 'gauge',
    help: '1 while the guard withholds something of this source.',
    labels: ['source'],
  },
  tipline_source_last_good_sync_seconds: {
    type: 'gauge',
    help: 'When the source last gave a believable answer, as epoch seconds.',
    labels: ['source'],
  },
  tipline_sink_written_total: {
    type: 'counter',
    help: 'Lookup keys written to a sink.',
    labels: ['sink'],
  },
  tipline_sink_removed_total: {
    type: 'counter',
    help: 'Lookup keys removed from a sink.',
    labels: ['sink'],
  },
  tipline_sink_set_aside_total: {
    type: 'counter',
    help: 'Lookup keys that a sink refused.',
    labels: ['sink'],
  },
  tipline_sink_rebuilds_total: {
    type: 'counter',
    help: 'Times a sink was rebuilt from the ledger, by reason.',
    labels: ['sink', 'reason'],
  },
  tipline_sink_errors_total: {
    type: 'counter',
    help: 'Times a sink was not available.',
    labels: ['sink'],
  },
  tipline_sink_values_cut_total: {
    type: 'counter',
    help: 'Values that were cut to the newest events because the sink takes none that are so large.',
    labels: ['sink'],
  },
  tipline_sink_sampled_total: {
    type: 'counter',
    help: 'Lookup keys compared with the sink as a sample, by result: same, missing, different.',
    labels: ['sink', 'result'],
  },
  tipline_sink_repairs_total: {
    type: 'counter',
    help: 'Times parts of a sink that had lost something were repaired from the ledger.',
    labels: ['sink'],
  },
  tipline_nets_unspelled: {
    type: 'gauge',
    help: 'Live nets of up to 256 addresses that are not spelled out as addresses for want of room.',
    labels: ['sink'],
  },
  tipline_sink_server_up: {
    type: 'gauge',
    help: '1 where a server of the sink could be reached at the last try, else 0.',
    labels: ['sink', 'server'],
  },
  tipline_sink_evictions: {
    type: 'gauge',
    help: 'Items that a server of the sink threw out for want of memory since it was started.',
    labels: ['sink', 'server'],
  },
  tipline_sink_memory_limit_bytes: {
    type: 'gauge',
    help: 'Memory that a server of the sink may use for items.',
    labels: ['sink', 'server'],
  },
  tipline_sink_memory_needed_bytes: {
    type: 'gauge',
    help: "Memory that tipline's items take in a server of the sink, estimated from a sample.",
    labels: ['sink', 'server'],
  },
  tipline_hits_recorded_total: {
    type: 'counter',
    help: 'Hits of log lines that were written down, by way: enrich, api.',
    labels: ['way'],
  },
  tipline_hits_unrecorded_total: {
    type: 'counter',
    help: 'Hits of log lines that could not be written down.',
    labels: [],
  },
  tipline_enrich_lines_total: {
    type: 'counter',
    help: 'Lines of logs that came over the API, by result: hit, miss, odd (no JSON object).',
    labels: ['result'],
  },
  tipline_sink_lag_changes: {
    type: 'gauge',
    help: 'Changes in the ledger that the sink has not seen yet.',
    labels: ['sink'],
  },
  tipline_flows_imported_total: {
    type: 'counter',
    help: 'Flows that were imported from nfcapd files.',
    labels: ['flowsrc'],
  },
  tipline_flow_files_total: {
    type: 'counter',
    help: 'nfcapd files that were looked at, by outcome: imported, known, aside.',
    labels: ['flowsrc', 'outcome'],
  },
  tipline_flow_files_waiting: {
    type: 'gauge',
    help: 'Finished nfcapd files that are not imported yet.',
    labels: [],
  },
  tipline_alerts_total: {
    type: 'counter',
    help: 'Messages that left the queue of a channel, by kind (hit, digest, flood) and result (sent, parked, dropped).',
    labels: ['channel', 'kind', 'result'],
  },
  tipline_alert_failures_total: {
    type: 'counter',
    help: 'Tries to send a message that failed.',
    labels: ['channel'],
  },
  tipline_alert_queue_messages: {
    type: 'gauge',
    help: 'Messages in the queue of a channel, by state: waiting, or parked as the receiver refused them.',
    labels: ['channel', 'state'],
  },
} as const satisfies Record<string, MetricDefinition>

export type MetricName = keyof typeof METRICS
type LabelsOf<N extends MetricName> = Readonly<
  Record<(typeof METRICS)[N]['labels'][number], string>
>

export interface Sample {
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Counts in memory; one for each process. */
export class Metrics {
  readonly #samples = new Map<
    string,
    { name: MetricName; labels: Record<string, string>; value: number }
  >()

  /** Adds to a counter. */
  count<N extends MetricName>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#sample(name, labels).value += by
  }

  /** Sets a gauge. */
  gauge<N extends MetricName>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#sample(name, labels).value = value
  }

  read<N extends MetricName>(name: N, labels: LabelsOf<N>): number {
    return this.#samples.get(keyOf(name, labels))?.value ?? 0
  }

  samples(): Sample[] {
    return [...this.#samples.values()]
  }

  #sample(name: MetricName, labels: Readonly<Record<string, string>>) {
    const key = keyOf(name, labels)
    const known = this.#samples.get(key)
    if (known) return known
    const sample = { name, labels: { ...labels }, value: 0 }
    this.#samples.set(key, sample)
    return sample
  }
}

function keyOf(name: MetricName, labels: Readonly<Record<string, string>>): string {
  const values = METRICS[name].labels.map((label) => labels[label])
  return JSON.stringify([name, ...values])
}

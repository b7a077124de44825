/**
 * Every counter, gauge and histogram that tipline keeps, defined here and nowhere else. Parts count
 * through `Metrics`; the API exports them. Naming as Prometheus wants it: base units, `_total`.
 * https://prometheus.io/docs/practices/naming/
 */

type MetricType = 'counter' | 'gauge' | 'histogram'

interface MetricDefinition {
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  /** Of a histogram: upper bounds, rising; the last one, infinity, goes without saying. */
  readonly buckets?: readonly number[]
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
  tipline_pull_missed_total: {
    type: 'counter',
    help: 'Attributes that differed when an event was read again though nothing said that it changed.',
    labels: ['source'],
  },
  tipline_zmq_hints_total: {
    type: 'counter',
    help: "Messages of a MISP's ZMQ channel that told of a change.",
    labels: ['source'],
  },
  tipline_live_keys: {
    type: 'gauge',
    help: 'Live lookup keys in the ledger.',
    labels: ['space'],
  },
  tipline_attributes_added_total: {
    type: 'counter',
    help: 'Attributes added to the ledger.',
    labels: ['source'],
  },
  tipline_attributes_removed_total: {
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
  tipline_source_attributes: {
    type: 'gauge',
    help: 'Attributes in the ledger that carry an indicator.',
    labels: ['source'],
  },
  tipline_source_frozen: {
    type: 'gauge',
    help: '1 while the guard withholds something of this source.',
    labels: ['source'],
  },
  tipline_source_last_good_sync_timestamp_seconds: {
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
  tipline_sink_nets_unspelled: {
    type: 'gauge',
    help: 'Live nets of up to 256 addresses that are not spelled out as addresses for want of room.',
    labels: ['sink'],
  },
  tipline_sink_server_up: {
    type: 'gauge',
    help: '1 where a server of the sink could be reached at the last try, else 0.',
    labels: ['sink', 'server'],
  },
  tipline_sink_evictions_total: {
    type: 'counter',
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
  tipline_sightings_total: {
    type: 'counter',
    help: 'Sightings sent to a MISP, by outcome: stored, or refused with a 200.',
    labels: ['source', 'outcome'],
  },
  tipline_floods_total: {
    type: 'counter',
    help: 'Indicators that met more flows in an hour than are stored as hits, each flood once.',
    labels: ['source'],
  },
  tipline_sightings_pending: {
    type: 'gauge',
    help: 'Sightings that are gathered or wait to be sent to a MISP.',
    labels: ['source'],
  },
  tipline_failing_since_timestamp_seconds: {
    type: 'gauge',
    help: 'Since when a part (a source, a sink, alerts, ...) fails, as epoch seconds; absent where it is well.',
    labels: ['part'],
  },
  tipline_flow_hits_total: {
    type: 'counter',
    help: 'Hits of flows that showed up in ClickHouse while the daemon ran, by way: live, backscan.',
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
  tipline_sink_set_aside: {
    type: 'gauge',
    help: 'Lookup keys that the sink does not take.',
    labels: ['sink'],
  },
  tipline_sink_written_timestamp_seconds: {
    type: 'gauge',
    help: 'When the sink was last written to, as epoch seconds.',
    labels: ['sink'],
  },
  tipline_publish_to_live_seconds: {
    type: 'histogram',
    help: 'From the publication of an event in its MISP to its being in the sink; once for each event that is news.',
    labels: ['sink'],
    buckets: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 21_600, 86_400],
  },
  tipline_withheld: {
    type: 'gauge',
    help: 'What the guard withholds until somebody accepts it, by kind.',
    labels: ['kind'],
  },
  tipline_problems: {
    type: 'gauge',
    help: 'What needs a hand, as `tipline status` tells it.',
    labels: [],
  },
  tipline_http_request_duration_seconds: {
    type: 'histogram',
    help: 'From a request to its answer, by route and HTTP status; of /v1/enrich the whole stream. `/*`: turned away, or no such route.',
    labels: ['method', 'route', 'status'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  },
  tipline_http_streams: {
    type: 'gauge',
    help: 'Streams of /v1/enrich that are open.',
    labels: [],
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
  tipline_clickhouse_errors_total: {
    type: 'counter',
    help: 'Questions and writes that ClickHouse, a server or the embedded one, failed at, by fault.',
    labels: ['fault'],
  },
  tipline_engine_starts_total: {
    type: 'counter',
    help: 'Times that the embedded ClickHouse was started by this process: after a while without work, or a crash.',
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

type NameOf<T extends MetricType> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never
}[MetricName]

export interface Sample {
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  /** Of a histogram: the sum of what was observed. */
  readonly value: number
  /** Of a histogram: how many were at most each bound; the last one is how many there were. */
  readonly counts?: readonly number[]
}

interface Kept {
  readonly name: MetricName
  readonly labels: Readonly<Record<string, string>>
  value: number
  counts?: number[]
}

/** Counts in memory; one for each process. */
export class Metrics {
  readonly #samples = new Map<string, Kept>()

  /** Adds to a counter. */
  count<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#sample(name, labels).value += by
  }

  /** A counter that somebody else keeps, as it stands there. */
  mirror<N extends NameOf<'counter'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#sample(name, labels).value = value
  }

  /** Sets a gauge. */
  gauge<N extends NameOf<'gauge'>>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#sample(name, labels).value = value
  }

  /** All of a gauge at once: what has no value any more is forgotten. */
  gauges<N extends NameOf<'gauge'>>(
    name: N,
    values: readonly (readonly [labels: LabelsOf<N>, value: number])[],
  ): void {
    for (const [key, sample] of this.#samples) if (sample.name === name) this.#samples.delete(key)
    for (const [labels, value] of values) this.gauge(name, labels, value)
  }

  /** Enters a value into a histogram. */
  observe<N extends NameOf<'histogram'>>(name: N, labels: LabelsOf<N>, value: number): void {
    const sample = this.#sample(name, labels)
    const bounds: readonly number[] = METRICS[name].buckets
    sample.counts ??= new Array(bounds.length + 1).fill(0)
    sample.value += value
    for (let at = bounds.length; at >= 0 && value <= (bounds[at] ?? Infinity); at -= 1) {
      sample.counts[at]! += 1
    }
  }

  read<N extends MetricName>(name: N, labels: LabelsOf<N>): number {
    return this.#samples.get(keyOf(name, labels))?.value ?? 0
  }

  samples(): Sample[] {
    return [...this.#samples.values()]
  }

  #sample(name: MetricName, labels: Readonly<Record<string, string>>): Kept {
    const key = keyOf(name, labels)
    const known = this.#samples.get(key)
    if (known) return known
    const sample = { name, labels: { ...labels }, value: 0 }
    this.#samples.set(key, sample)
    return sample
  }
}

function keyOf(name: MetricName, labels: Readonly<Record<string, string>>): string {
  const values = METRICS[name].labels.map((label) => (labels as Record<string, string>)[label])
  return JSON.stringify([name, ...values])
}

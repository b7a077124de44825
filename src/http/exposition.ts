/** The metrics as Prometheus reads them: ours, and those of the process. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import { METRICS, type MetricName, type Metrics, type Sample } from '../metrics.js'
import type { Status } from '../sync/status.js'

interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** Of this process, whoever asks: its observers are set up once. */
let ofProcess: Registry | undefined

export async function exposition(metrics: Metrics): Promise<{ type: string; text: string }> {
  ofProcess ??= processMetrics()
  const own = registryOf(metrics)
  const texts = await Promise.all([own.metrics(), ofProcess.metrics()])
  return { type: own.contentType, text: texts.join('\n') }
}

function processMetrics(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

/** prom-client asks each of its metrics for its values; ours have them already. */
function registryOf(metrics: Metrics): Registry {
  const registry = new Registry()
  const samples = metrics.samples()
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const { type, help } = METRICS[name]
    const values = samples.filter((sample) => sample.name === name).flatMap(valuesOf)
    const metric = { name, help, type, get: async () => ({ name, help, type, values }) }
    registry.registerMetric(metric as unknown as Metric)
  }
  return registry
}

function valuesOf({ name, labels, value, counts }: Sample): Value[] {
  if (counts === undefined) return [{ metricName: name, labels, value }]
  const { buckets } = METRICS[name] as { buckets: readonly number[] }
  const bounds = [...buckets.map(String), '+Inf']
  return [
    ...bounds.map((le, at) => ({
      metricName: `${name}_bucket`,
      labels: { ...labels, le },
      value: counts[at]!,
    })),
    { metricName: `${name}_sum`, labels, value },
    { metricName: `${name}_count`, labels, value: counts.at(-1)! },
  ]
}

/** What the status tells is set when it is asked for: no part has to remember to. */
export function gaugeStatus(metrics: Metrics, status: Status): void {
  const { sources, sinks, totals, withheld, problems } = status
  gaugeTellings(metrics, status)
  const all = sources.map((source) => ({ labels: { source: source.name }, ...source }))
  metrics.gauges(
    'tipline_source_last_good_sync_timestamp_seconds',
    all.flatMap(({ labels, lastGood }) => (lastGood === null ? [] : [[labels, lastGood] as const])),
  )
  metrics.gauges(
    'tipline_source_frozen',
    all.map(({ labels, frozen }) => [labels, Number(frozen)]),
  )
  metrics.gauges(
    'tipline_source_attributes',
    all.map(({ labels, attributes }) => [labels, attributes]),
  )
  metrics.gauges(
    'tipline_set_aside',
    all.map(({ labels, setAside }) => [labels, setAside]),
  )
  const each = sinks.map((sink) => ({ labels: { sink: sink.name }, ...sink }))
  metrics.gauges(
    'tipline_sink_lag_changes',
    each.map(({ labels, lag }) => [labels, lag]),
  )
  metrics.gauges(
    'tipline_sink_set_aside',
    each.map(({ labels, setAside }) => [labels, setAside]),
  )
  metrics.gauges(
    'tipline_sink_written_timestamp_seconds',
    each.flatMap(({ labels, cursor }) => (cursor === null ? [] : [[labels, cursor.at] as const])),
  )
  metrics.gauges(
    'tipline_live_keys',
    Object.entries(totals.liveKeys).map(([space, { keys }]) => [{ space }, keys]),
  )
  metrics.gauges(
    'tipline_held',
    Object.entries(totals.held).map(([rule, n]) => [{ rule }, n]),
  )
  const kinds = ['revocations', 'additions', 'policy'] as const
  metrics.gauges(
    'tipline_withheld',
    kinds.map((kind) => [{ kind }, itemsOf(kind, withheld)]),
  )
  metrics.gauge('tipline_problems', {}, problems.length)
}

function gaugeTellings(metrics: Metrics, { alerts, sightings, daemon }: Status): void {
  metrics.gauges(
    'tipline_alert_queue_messages',
    alerts.flatMap(({ channel, waiting, parked }) => [
      [{ channel, state: 'waiting' }, waiting] as const,
      [{ channel, state: 'parked' }, parked] as const,
    ]),
  )
  metrics.gauges(
    'tipline_sightings_pending',
    sightings.map(({ source, pending }) => [{ source }, pending]),
  )
  metrics.gauges(
    'tipline_failing_since_timestamp_seconds',
    (daemon?.failing ?? []).map(({ part, since }) => [{ part }, since]),
  )
}

function itemsOf(kind: string, withheld: Status['withheld']): number {
  return withheld.reduce((sum, entry) => sum + (entry.kind === kind ? entry.items : 0), 0)
}

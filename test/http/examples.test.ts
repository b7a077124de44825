/** The dashboard and the alert rules name only metrics, and labels of them, that there are. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { METRICS, type MetricName } from '../../src/metrics.js'

interface Panel {
  readonly title: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const dashboard = JSON.parse(readFileSync('examples/grafana/tipline.json', 'utf8')) as {
  panels: Panel[]
}
const rules = parse(readFileSync('examples/prometheus/tipline.rules.yml', 'utf8')) as {
  groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[]
}

const asked = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ title, expr, told: legendFormat })),
  ),
  ...rules.groups.flatMap(({ rules }) =>
    rules.map(({ alert: title, expr, annotations }) => ({
      title,
      expr,
      told: Object.values(annotations).join(' ').replaceAll('$labels.', ''),
    })),
  ),
]

/** As they are exported: a histogram has three. */
const exported = new Map(
  Object.entries(METRICS).flatMap(([name, { type }]): [string, MetricName][] =>
    type === 'histogram'
      ? ['_bucket', '_sum', '_count'].map((end) => [name + end, name as MetricName])
      : [[name, name as MetricName]],
  ),
)

describe.each(asked)('$title: $expr', ({ expr, told }) => {
  const names = expr.match(/tipline_[a-z_]+/g) ?? []

  it('names metrics that there are', () => {
    expect(names.filter((name) => !exported.has(name))).toEqual([])
    expect(names.length + Number(expr.startsWith('up{'))).toBeGreaterThan(0)
  })

  it('names labels that they have', () => {
    const known = new Set<string>(names.flatMap((name) => [...METRICS[exported.get(name)!].labels]))
    const inBraces = (expr.match(/\{[^}]*\}/g) ?? []).flatMap(
      (each) => each.match(/\w+(?=[=!~])/g) ?? [],
    )
    const inBy = (expr.match(/by \(([^)]*)\)/g) ?? []).flatMap((each) =>
      each.slice(4, -1).split(', '),
    )
    const inWords = [...told.matchAll(/\{\{ ?(\w+) ?\}\}/g)].map((match) => match[1]!)
    const all = [...inBraces, ...inBy, ...inWords].filter((label) => label !== 'le')
    if (!expr.startsWith('up{')) expect(all.filter((label) => !known.has(label))).toEqual([])
  })

  it('asks counters for their rate, and gauges for none', () => {
    for (const name of names) {
      const { type } = METRICS[exported.get(name)!]
      const rated = new RegExp(`(rate|increase)\\(${name}`).test(expr)
      expect(rated).toBe(type !== 'gauge')
    }
  })
})

it('shows or watches what matters most', () => {
  const all = asked.map(({ expr }) => expr).join('\n')
  for (const name of [
    'tipline_source_last_good_sync_timestamp_seconds',
    'tipline_source_frozen',
    'tipline_sink_lag_changes',
    'tipline_publish_to_live_seconds',
    'tipline_held',
    'tipline_set_aside',
    'tipline_hits_recorded_total',
    'tipline_flow_hits_total',
    'tipline_floods_total',
    'tipline_alert_queue_messages',
    'tipline_sightings_pending',
    'tipline_failing_since_timestamp_seconds',
    'tipline_clickhouse_errors_total',
    'tipline_engine_starts_total',
  ]) {
    expect(all).toContain(name)
  }
})

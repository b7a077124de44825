import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { METRICS, Metrics } from '../src/metrics.js'

describe('the table of metrics', () => {
  it.each(Object.entries(METRICS))('%s is named as Prometheus wants it', (name, { type }) => {
    expect(name).toMatch(/^tipline_[a-z][a-z_]*$/)
    expect(name.endsWith('_total')).toBe(type === 'counter')
  })

  it.each(Object.entries(METRICS))('%s has labels that can be exported, each once', (_, metric) => {
    for (const label of metric.labels) expect(label).toMatch(/^[a-z][a-z_]*$/)
    expect(new Set(metric.labels).size).toBe(metric.labels.length)
  })
})

it('has nothing that nobody keeps', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  const code = files
    .filter((file) => file.endsWith('.ts') && file !== 'metrics.ts')
    .map((file) => readFileSync(join('src', file), 'utf8'))
    .join('\n')
  expect(Object.keys(METRICS).filter((name) => !code.includes(`'${name}'`))).toEqual([])
})

describe('Metrics', () => {
  it('adds to a counter, for each set of labels on its own', () => {
    const metrics = new Metrics()
    metrics.count('tipline_sink_written_total', { sink: 'a' })
    metrics.count('tipline_sink_written_total', { sink: 'a' }, 41)
    metrics.count('tipline_sink_written_total', { sink: 'b' }, 7)
    expect(metrics.read('tipline_sink_written_total', { sink: 'a' })).toBe(42)
    expect(metrics.read('tipline_sink_written_total', { sink: 'b' })).toBe(7)
  })

  it('sets a gauge to the last value', () => {
    const metrics = new Metrics()
    metrics.gauge('tipline_source_frozen', { source: 'main' }, 1)
    metrics.gauge('tipline_source_frozen', { source: 'main' }, 0)
    expect(metrics.samples()).toEqual([
      { name: 'tipline_source_frozen', labels: { source: 'main' }, value: 0 },
    ])
  })

  it('reads 0 of what was never counted, and invents no sample by reading', () => {
    const metrics = new Metrics()
    expect(metrics.read('tipline_sink_errors_total', { sink: 'a' })).toBe(0)
    expect(metrics.samples()).toEqual([])
  })

  it('knows labels by name, not by order', () => {
    const metrics = new Metrics()
    metrics.count('tipline_misp_requests_total', { source: 'main', status: '200' })
    metrics.count('tipline_misp_requests_total', { status: '200', source: 'main' })
    expect(metrics.samples()).toHaveLength(1)
  })

  it('keeps labels apart that look alike when joined', () => {
    const metrics = new Metrics()
    metrics.count('tipline_misp_requests_total', { source: 'a","b', status: 'c' })
    metrics.count('tipline_misp_requests_total', { source: 'a', status: 'b","c' })
    expect(metrics.samples()).toHaveLength(2)
  })

  it('does not follow an object that its caller goes on using', () => {
    const metrics = new Metrics()
    const labels = { sink: 'a' }
    metrics.count('tipline_sink_errors_total', labels)
    labels.sink = 'b'
    expect(metrics.samples()[0]?.labels).toEqual({ sink: 'a' })
  })

  it('enters a value into every bucket that holds it, the last one always', () => {
    const metrics = new Metrics()
    for (const seconds of [0.5, 1, 1.5, 1e9]) {
      metrics.observe('tipline_publish_to_live_seconds', { sink: 'a' }, seconds)
    }
    const [sample] = metrics.samples()
    expect(sample?.value).toBe(1e9 + 3)
    expect([
      sample?.counts?.[0],
      sample?.counts?.[1],
      sample?.counts?.at(-2),
      sample?.counts?.at(-1),
    ]).toEqual([2, 3, 3, 4])
  })

  it('sets all of a gauge at once, and forgets what has no value any more', () => {
    const metrics = new Metrics()
    metrics.gauges('tipline_held', [
      [{ rule: 'tlp' }, 3],
      [{ rule: 'age' }, 1],
    ])
    metrics.gauges('tipline_held', [[{ rule: 'age' }, 2]])
    expect(metrics.samples()).toEqual([{ name: 'tipline_held', labels: { rule: 'age' }, value: 2 }])
  })
})

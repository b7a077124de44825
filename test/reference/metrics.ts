/** The page of all metrics, from the table that the code counts by. */
import { METRICS } from '../../src/metrics.js'

export function metricsReference(): string {
  return `${[...HEAD, ...Object.entries(METRICS).map(row)].join('\n')}\n`
}

const HEAD = [
  '# Metrics',
  '',
  'Written by `npm run docs` from `src/metrics.ts`. `tipline run` serves them at `/metrics`. Counters',
  'only grow while a process lives; gauges are the last known value; of a histogram there are `_bucket`,',
  '`_sum` and `_count`.',
  '',
  '| Name | Type | Labels | What it counts |',
  '| --- | --- | --- | --- |',
]

function row([name, { type, labels, help }]: [string, (typeof METRICS)[keyof typeof METRICS]]) {
  const named = labels.map((label) => `\`${label}\``).join(', ')
  return `| \`${name}\` | ${type} | ${named} | ${help} |`
}

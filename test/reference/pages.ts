/** Every committed file that is made from the code. `npm run docs` writes them, a test compares. */
import { cliReference } from '../../src/cli/reference.js'
import { fullConfig, SMALLEST_CONFIG } from '../../src/config/example.js'
import { configReference } from '../../src/config/reference.js'
import { typeReference } from '../../src/indicators/reference.js'
import { policyReference } from '../../src/policy/reference.js'
import { errorsReference } from './errors.js'
import { logstashExample } from './logstash.js'
import { metricsReference } from './metrics.js'
import { openApiReference } from './openapi.js'
import { problemsReference } from './problems.js'

/** Paths are those in the repository. */
export const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'docs/reference/cli.md': cliReference,
  'docs/reference/config.md': configReference,
  'docs/reference/errors.md': errorsReference,
  'docs/reference/metrics.md': metricsReference,
  'docs/reference/openapi.json': openApiReference,
  'docs/reference/policy.md': policyReference,
  'docs/reference/problems.md': problemsReference,
  'docs/reference/types.md': typeReference,
  'examples/logstash/tipline.conf': () => logstashExample('tipline.conf'),
  'examples/logstash/tipline.json': () => logstashExample('tipline.json'),
  'examples/tipline-full.yml': fullConfig,
  'examples/tipline.yml': () => SMALLEST_CONFIG,
}

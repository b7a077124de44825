/** Makes memcached sinks for tests; their clock stands at NOW. */
import type { z } from 'zod'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { memcachedSettings } from '../../../src/sinks/memcached/settings.js'
import { memcachedSink } from '../../../src/sinks/memcached/sink.js'
import type { Sink, SinkDeps } from '../../../src/sinks/sink.js'
import { NOW } from '../states.js'

export type Settings = z.input<typeof memcachedSettings>

/** `servers`: one or several, by their addresses. */
export function make(
  servers: string | readonly string[],
  settings: Settings = {},
  deps: Partial<SinkDeps> = {},
): Sink {
  return memcachedSink(memcachedSettings.parse({ servers: [servers].flat(), ...settings }), {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceNames: ['main'],
    dataDir: '',
    clock: () => NOW,
    ...deps,
  })
}

export const NEVER: AbortSignal = new AbortController().signal

/** Makes Redis sinks for tests; their clock stands at NOW. */
import type { z } from 'zod'
import { silentLogger } from '../../../src/log.js'
import { Metrics } from '../../../src/metrics.js'
import { redisSettings } from '../../../src/sinks/redis/settings.js'
import { redisSink } from '../../../src/sinks/redis/sink.js'
import type { Sink, SinkDeps } from '../../../src/sinks/sink.js'
import { NOW } from '../states.js'

export type Settings = z.input<typeof redisSettings>

export function make(url: string, settings: Settings = {}, deps: Partial<SinkDeps> = {}): Sink {
  return redisSink(redisSettings.parse({ url, ...settings }), {
    log: silentLogger(),
    metrics: new Metrics(),
    sourceCount: 1,
    clock: () => NOW,
    ...deps,
  })
}

export const NEVER: AbortSignal = new AbortController().signal

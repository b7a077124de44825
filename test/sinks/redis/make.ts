/** Makes Redis sinks for tests; their clock stands at NOW. */
import type { z } from 'zod'
import { redisSettings } from '../../../src/sinks/redis/settings.js'
import { redisSink } from '../../../src/sinks/redis/sink.js'
import type { Sink, SinkDeps } from '../../../src/sinks/sink.js'
import { sinkDeps } from '../states.js'

export type Settings = z.input<typeof redisSettings>

export function make(url: string, settings: Settings = {}, deps: Partial<SinkDeps> = {}): Sink {
  return redisSink(redisSettings.parse({ url, ...settings }), sinkDeps(deps))
}

export const NEVER: AbortSignal = new AbortController().signal

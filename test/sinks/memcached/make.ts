/** Makes memcached sinks for tests; their clock stands at NOW. */
import type { z } from 'zod'
import { memcachedSettings } from '../../../src/sinks/memcached/settings.js'
import { memcachedSink } from '../../../src/sinks/memcached/sink.js'
import type { Sink, SinkDeps } from '../../../src/sinks/sink.js'
import { sinkDeps } from '../states.js'

export type Settings = z.input<typeof memcachedSettings>

export function make(address: string, settings: Settings = {}, deps: Partial<SinkDeps> = {}): Sink {
  return memcachedSink(memcachedSettings.parse({ servers: [address], ...settings }), sinkDeps(deps))
}

export const NEVER: AbortSignal = new AbortController().signal

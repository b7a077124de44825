/** Every sink there is. A new one is a file or folder, a line here, and a test that calls the suite. */
import type { z } from 'zod'
import { memcachedSettings } from './memcached/settings.js'
import { memcachedSink } from './memcached/sink.js'
import type { Sink, SinkDeps } from './sink.js'

/** `create` takes what the schema puts out; it connects nowhere yet. */
interface SinkDriver<S extends z.ZodType> {
  readonly settings: S
  readonly create: (settings: z.output<S>, deps: SinkDeps) => Sink
}

/** By the name under `sinks` in the config, which is also the sink's own. */
export const SINKS = {
  memcached: driver({ settings: memcachedSettings, create: memcachedSink }),
} as const

export type SinkName = keyof typeof SINKS

function driver<S extends z.ZodType>(of: SinkDriver<S>): SinkDriver<S> {
  return of
}

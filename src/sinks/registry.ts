/** Every sink there is. A new one is a file or folder, a line here, and a test that calls the suite. */
import { z } from 'zod'
import { clickhouseSinkSettings } from './clickhouse/settings.js'
import { clickhouseSink } from './clickhouse/sink.js'
import { memcachedSettings } from './memcached/settings.js'
import { memcachedSink } from './memcached/sink.js'
import { redisSettings } from './redis/settings.js'
import { redisSink } from './redis/sink.js'
import type { Sink, SinkDeps } from './sink.js'

/** `create` takes what the schema puts out; it connects nowhere yet. */
interface SinkDriver<S extends z.ZodType> {
  /** One sentence for the reference of the config. */
  readonly about: string
  /** A setting whose name ends in `_file` names a file, relative to the config. */
  readonly settings: S
  readonly create: (settings: z.output<S>, deps: SinkDeps) => Sink
}

/** By the name under `sinks` in the config, which is also the sink's own. */
export const SINKS = {
  clickhouse: driver(
    'A ClickHouse, embedded or a server, where flows are matched.',
    clickhouseSinkSettings,
    clickhouseSink,
  ),
  memcached: driver('A memcached, read by Logstash.', memcachedSettings, memcachedSink),
  redis: driver('A Redis, with the keys and values of memcached.', redisSettings, redisSink),
} as const

type SinkName = keyof typeof SINKS

/** The part `sinks` of the config. */
export const sinksSettings = z.strictObject(
  Object.fromEntries(
    Object.entries(SINKS).map(([name, { settings, about }]) => [
      name,
      settings.optional().describe(about),
    ]),
  ) as { [N in SinkName]: z.ZodOptional<(typeof SINKS)[N]['settings']> },
)

export type SinksSettings = z.output<typeof sinksSettings>

/** Those that the config has. They connect nowhere yet. */
export function createSinks(settings: SinksSettings, deps: SinkDeps): Sink[] {
  return Object.entries(settings).flatMap(([name, given]) => {
    // Each takes its own settings only; which these are the schema has seen to.
    const create: (settings: never, deps: SinkDeps) => Sink = SINKS[name as SinkName].create
    return given === undefined ? [] : [create(given as never, deps)]
  })
}

function driver<S extends z.ZodType>(
  about: string,
  settings: S,
  create: SinkDriver<S>['create'],
): SinkDriver<S> {
  return { about, settings, create }
}

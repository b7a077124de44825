/** Every sink there is. A new one is a file or folder, a line here, and a test that calls the suite. */
import { z } from 'zod'
import { clickhouseSinkSettings } from './clickhouse/settings.js'
import { memcachedSettings } from './memcached/settings.js'
import { redisSettings } from './redis/settings.js'
import type { Sink, SinkDeps } from './sink.js'

interface SinkDriver<S extends z.ZodType> {
  /** One sentence for the reference of the config. */
  readonly about: string
  /** A setting whose name ends in `_file` names a file, relative to the config. */
  readonly settings: S
  /** Connects nowhere yet. The sink's code is loaded here: nobody waits for that of a sink he has not. */
  readonly create: (settings: z.output<S>, deps: SinkDeps) => Promise<Sink>
}

/** By the name under `sinks` in the config, which is also the sink's own. */
export const SINKS = {
  clickhouse: driver(
    'A ClickHouse, embedded or a server, where flows are matched.',
    clickhouseSinkSettings,
    async (settings, deps) => (await import('./clickhouse/sink.js')).clickhouseSink(settings, deps),
  ),
  memcached: driver('A memcached, read by Logstash.', memcachedSettings, async (settings, deps) =>
    (await import('./memcached/sink.js')).memcachedSink(settings, deps),
  ),
  redis: driver(
    'A Redis, with the keys and values of memcached.',
    redisSettings,
    async (settings, deps) => (await import('./redis/sink.js')).redisSink(settings, deps),
  ),
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
export async function createSinks(settings: SinksSettings, deps: SinkDeps): Promise<Sink[]> {
  const wanted = Object.entries(settings).filter(([, given]) => given !== undefined)
  return Promise.all(
    wanted.map(([name, given]) => {
      // Each takes its own settings only; which these are the schema has seen to.
      const { create } = SINKS[name as SinkName] as SinkDriver<z.ZodType>
      return create(given, deps)
    }),
  )
}

function driver<S extends z.ZodType>(
  about: string,
  settings: S,
  create: SinkDriver<S>['create'],
): SinkDriver<S> {
  return { about, settings, create }
}

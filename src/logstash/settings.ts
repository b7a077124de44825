/** tipline.json: what the script in Logstash is told of the config. It holds no secret. */
import { linksOf } from '../config/links.js'
import type { LoadedConfig } from '../config/load.js'
import { UsageError } from '../errors.js'
import { parseRange, type Range } from '../policy/address.js'
import { ownHost } from '../policy/settings.js'
import { SPECIAL_NETS } from '../policy/special.js'
import { plainName } from '../policy/subject.js'
import type { LookupField, Served } from './fields.js'

/** What the script reads; it refuses another format. */
export interface ScriptSettings {
  readonly format: 1
  /** As Dalli reads them. */
  readonly servers: readonly string[]
  /** Seconds that an answer, or a connection, may take. */
  readonly timeout: number
  /** Seconds for which a server that is down is not asked again. */
  readonly retry_after: number
  /** Seconds since the oldest source was read, past which a line is tagged; null: never. */
  readonly stale_after: number | null
  /** Also `[misp][event_id]` and `[misp][type]`, as MISP2memcached's script leaves them. */
  readonly legacy_fields: boolean
  /** By name, what goes before the id of an event in a link; null where a source has no such page. */
  readonly sources: Readonly<Record<string, string | null>>
  readonly skip: Skip
  readonly fields: readonly LookupField[]
}

/** What can meet nothing, as tipline never serves it; and what of that is allowed all the same. */
interface Skip {
  readonly nets: readonly string[]
  readonly nets_asked: readonly string[]
  readonly domains: readonly string[]
  readonly domains_asked: readonly string[]
}

export interface SettingsOptions {
  readonly fields: readonly LookupField[]
  readonly staleAfter: number | null
  /** undefined: where the values are `ids`, as for the old script. */
  readonly legacyFields: boolean | undefined
}

/** Short: a line of the log waits for it. */
const TIMEOUT_SECONDS = 0.5
const RETRY_SECONDS = 10

/** @throws UsageError where the config has no memcached */
export function scriptSettings(config: LoadedConfig, options: SettingsOptions): ScriptSettings {
  const { memcached } = config.sinks
  if (memcached === undefined) {
    const what = 'the config has no memcached, which is where Logstash looks indicators up'
    throw new UsageError({ what, hint: 'add it under sinks: memcached: { servers: [...] }' })
  }
  return {
    format: 1,
    servers: memcached.servers,
    timeout: TIMEOUT_SECONDS,
    retry_after: RETRY_SECONDS,
    stale_after: options.staleAfter,
    legacy_fields: options.legacyFields ?? memcached.value === 'ids',
    sources: eventPages(config.sources),
    skip: skipOf(config.policy),
    fields: options.fields,
  }
}

/** What of the type table can be in memcached under this config. */
export function servedBy({ sources, policy }: LoadedConfig): Served {
  const asked = sources.map((source) =>
    source.type === 'misp' && source.search === undefined ? source.filters.types : undefined,
  )
  const types = asked.includes(undefined) ? undefined : new Set(asked.flatMap((each) => each ?? []))
  return { types, kinds: policy.kinds }
}

function eventPages(sources: LoadedConfig['sources']): ScriptSettings['sources'] {
  const links = linksOf(sources)
  const pageOf = (name: string) =>
    Object.hasOwn(links, name) ? `${links[name]}/events/view/` : null
  return Object.fromEntries(sources.map(({ name }) => [name, pageOf(name)]))
}

function skipOf({ own, allow }: LoadedConfig['policy']): Skip {
  const ours = own.map(ownHost)
  return {
    nets: [...SPECIAL_NETS.map(({ net }) => net), ...ours].flatMap(netIn),
    nets_asked: allow.flatMap(netIn),
    domains: ours.flatMap(nameIn),
    domains_asked: allow.flatMap(nameIn),
  }
}

function netIn(entry: string): string[] {
  const range = parseRange(entry.trim())
  return range === null ? [] : [netText(range)]
}

function nameIn(entry: string): string[] {
  const name = plainName(entry.trim().replace(/^(?:\*\.|\.)+/, ''))
  const isName = parseRange(entry.trim()) === null && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(name)
  return isName ? [name] : []
}

/** `10.0.0.0/8`, or eight groups of an IPv6 net, which any reader reads alike. */
function netText({ family, from, prefix }: Range): string {
  const halves = from.flatMap((word) => [word >>> 16, word & 0xffff])
  if (family === 6) return `${halves.map((half) => half.toString(16)).join(':')}/${prefix}`
  return `${halves.flatMap((half) => [half >>> 8, half & 255]).join('.')}/${prefix}`
}

/** From a source's settings to a source that can be pulled. */
import { createHash } from 'node:crypto'
import { MATCHABLE_TYPES } from '../indicators/types.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import { createMispClient, type MispClient } from '../misp/client.js'
import { type Feed, openFeed } from '../misp/feed.js'
import { wireQuery } from '../misp/query.js'
import type { FeedSourceSettings, MispSourceSettings } from '../misp/settings.js'
import { createSightingClient, type SightingClient } from '../misp/sightings.js'
import type { Patience } from '../misp/wire.js'
import { createDispatcher, type Dispatcher, readPem } from '../net.js'
import { parseDuration } from '../policy/duration.js'
import { feedSource } from './feed.js'
import { compileFilters } from './filters.js'
import { mispEvents, type Since } from './misp-events.js'
import { mispSearch } from './misp-search.js'
import type { Source } from './source.js'

/** The patience is MISP's own unless a test has less. */
export interface SourceDeps extends Patience {
  readonly log: Logger
  readonly metrics: Metrics
  /** Tries for one request; a sync is patient, who only wants to know is not. */
  readonly attempts?: number
}

export type SourceSettings = MispSourceSettings | FeedSourceSettings

/** Connects nowhere yet. `source.close()` gives its connections back. */
export function openSource(settings: SourceSettings, deps: SourceDeps): Source {
  return settings.type === 'feed' ? openFeedSource(settings, deps) : openMisp(settings, deps)
}

/** The client alone, for `tipline doctor` and for MISP's own warninglists. */
export function openClient(
  settings: MispSourceSettings,
  deps: SourceDeps,
): { client: MispClient; dispatcher: Dispatcher } {
  const dispatcher = dispatcherFor(settings, settings.url, deps)
  const client = createMispClient({
    name: settings.name,
    url: settings.url,
    key: settings.key ?? '',
    dispatcher,
    caFile: settings.ca_file,
    pageSize: settings.page_size,
    requests: settings.requests,
    timeouts: timeouts(settings),
    ...deps,
  })
  return { client, dispatcher }
}

/** For what MISP is told. One try each: what fails waits in a queue, and is tried again from there. */
export function openSightings(
  settings: MispSourceSettings,
  deps: SourceDeps,
): { client: SightingClient; close(): Promise<void> } {
  const dispatcher = dispatcherFor(settings, settings.url, deps)
  const { name, url, key = '', ca_file: caFile } = settings
  const options = { name, url, key, dispatcher, caFile, timeouts: timeouts(settings), attempts: 1 }
  const client = createSightingClient({ ...options, ...deps })
  return { client, close: () => dispatcher.close() }
}

function openMisp(settings: MispSourceSettings, deps: SourceDeps): Source {
  const { client, dispatcher } = openClient(settings, deps)
  const { filters } = settings
  const common = {
    name: settings.name,
    client,
    settings: fingerprint([filters, settings.search ?? null]),
    types: filters.types ?? MATCHABLE_TYPES,
  }
  const source = settings.search
    ? mispSearch({ ...common, filters: trusting(settings.search), search: settings.search })
    : mispEvents({
        ...common,
        filters: compileFilters({ toIds: filters.to_ids, tags: filters.tags ?? [] }),
        publishedOnly: filters.published === true,
        since: sinceOf(filters.since),
        requests: settings.requests,
        metrics: deps.metrics,
      })
  return { ...source, close: () => dispatcher.close() }
}

function openFeedSource(settings: FeedSourceSettings, deps: SourceDeps): Source {
  const { feed, close } = openFeedAlone(settings, deps)
  const source = feedSource({
    name: settings.name,
    feed,
    settings: fingerprint([settings.filters]),
    filters: compileFilters({ toIds: settings.filters.to_ids, tags: settings.filters.tags ?? [] }),
    types: MATCHABLE_TYPES,
  })
  return { ...source, close }
}

/** The feed alone, for `tipline doctor`. */
export function openFeedAlone(
  settings: FeedSourceSettings,
  deps: SourceDeps,
): { feed: Feed; close(): Promise<void> } {
  const dispatcher = settings.url ? dispatcherFor(settings, settings.url, deps) : null
  const place =
    dispatcher && settings.url
      ? {
          url: settings.url,
          dispatcher,
          caFile: settings.ca_file,
          timeouts: timeouts(settings),
          ...(settings.headers ? { headers: settings.headers } : {}),
        }
      : { folder: settings.path ?? '' }
  const feed = openFeed({ name: settings.name, ...place, ...deps })
  return { feed, close: async () => dispatcher?.close() }
}

/** A raw search has its own filters, which MISP has applied; only what it says of deletion counts. */
function trusting(search: Readonly<Record<string, unknown>>) {
  return compileFilters({ toIds: wireQuery(search).to_ids === 1, tags: [] })
}

function dispatcherFor(settings: SourceSettings, url: string, { log }: SourceDeps): Dispatcher {
  return createDispatcher({
    url,
    ca: settings.ca_file === undefined ? undefined : readPem('ca_file', settings.ca_file),
    ignoreCertErrors: settings.ignore_cert_errors,
    proxy: settings.proxy,
    log,
  })
}

function timeouts(settings: SourceSettings) {
  const ms = (parseDuration(settings.timeout) ?? 120) * 1000
  return { answerMs: ms, idleMs: ms }
}

/** `30d`, epoch seconds, or a date. */
function sinceOf(text: string | undefined): Since | null {
  if (text === undefined) return null
  const ago = parseDuration(text)
  if (ago !== null) return { ago }
  const at = /^\d+$/.test(text) ? Number(text) : Date.parse(`${text}T00:00:00Z`) / 1000
  return { at }
}

function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16)
}

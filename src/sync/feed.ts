/** Pulling a MISP feed: the manifest is the wanted state; events whose timestamp differs are read. */
import { SourceError } from '../errors.js'
import type { StagedEvent } from '../ledger/staging.js'
import type { Feed, Manifest, ManifestRow } from '../misp/feed.js'
import type { EventMeta, Refusal } from '../misp/rows.js'
import type { CompiledFilters } from './filters.js'
import type { Answer, ReadRequest, Source } from './source.js'

export interface FeedSourceOptions {
  readonly name: string
  readonly feed: Feed
  readonly settings: string
  readonly filters: CompiledFilters
  readonly types: readonly string[]
}

export function feedSource(options: FeedSourceOptions): Source {
  const { name, settings, filters, types } = options
  return {
    name,
    settings,
    filters,
    types,
    read: (request) => read(options, request),
    identity: async () => null,
    close: async () => undefined,
  }
}

async function read({ feed }: FeedSourceOptions, request: ReadRequest): Promise<Answer> {
  const { known, signal, stage } = request
  const manifest = await feed.manifest(signal)
  const before = new Map(known.map((event) => [event.uuid, event]))
  const wanted = manifest.rows.filter((row) => {
    const event = before.get(row.uuid)
    return !event || event.recheck || request.settingsChanged || event.timestamp !== row.timestamp
  })
  const warnings = warningsOf(manifest)
  for (const [done, row] of wanted.entries()) {
    const warning = await readEvent(feed, row, request)
    if (warning) warnings.push(warning)
    request.progress(done + 1, wanted.length)
  }
  const present = new Set([...manifest.rows.map(({ uuid }) => uuid), ...manifest.unread])
  // An entry that names no event may be any: then none is gone.
  const isWhole = manifest.refused === 0
  const missing = isWhole ? known.filter(({ uuid }) => !present.has(uuid)) : []
  const gone = missing.map(({ uuid }) => uuid)
  if (gone.length > 0) await stage.departures(gone)
  return {
    at: manifest.fetchedAt,
    unchanged: wanted.length === 0 && gone.length === 0,
    missing: isWhole ? gone : null,
    whole: false,
    warnings,
  }
}

function warningsOf({ unread, refused }: Manifest): string[] {
  const warnings: string[] = []
  if (unread.length > 0) {
    warnings.push(`what the manifest says of ${unread.length} events is unreadable; they stay`)
  }
  if (refused > 0) {
    warnings.push(`${refused} entries of the manifest name no event; nothing is taken for gone`)
  }
  return warnings
}

/** One bad file stops nothing: what is known of its event stays, and it is read again next time. */
async function readEvent(
  feed: Feed,
  row: ManifestRow,
  request: ReadRequest,
): Promise<string | null> {
  const { stage, signal } = request
  try {
    const { meta, rows, refused } = await feed.event(row.uuid, signal)
    await stage.events([toStaged(meta, row)])
    await stage.attributes(rows)
    return refused.length === 0 ? null : await doubtUnread(row, { refused, request })
  } catch (error) {
    if (error instanceof SourceError && EVENT_FAULTS.has(error.fault)) return error.message
    throw error
  }
}

/** A row that is there but could not be read must not look like one that is gone. */
async function doubtUnread(
  { uuid: event }: ManifestRow,
  { refused, request }: { refused: readonly Refusal[]; request: ReadRequest },
): Promise<string> {
  const { stage, known } = request
  await stage.unread(refused.flatMap(({ uuid }) => (uuid ? [{ eventUuid: event, uuid }] : [])))
  const incomplete = refused.some(({ uuid }) => uuid === undefined)
  // Looked at once more, and not for ever.
  const recheck = !known.some(({ uuid, recheck }) => uuid === event && recheck)
  await stage.doubts([{ event, incomplete, recheck }])
  return `${refused.length} attributes of event ${event} were unreadable; what is known of them stays`
}

/** Faults of one file, as opposed to those of the whole feed. */
const EVENT_FAULTS: ReadonlySet<string> = new Set(['not-found', 'integrity', 'not-misp', 'cut'])

function toStaged(meta: EventMeta, row: ManifestRow): StagedEvent {
  return {
    uuid: row.uuid,
    mispId: '',
    // The manifest's, since the manifest is what is compared next time.
    timestamp: row.timestamp,
    published: true,
    publishTimestamp: meta.publishTimestamp,
    info: meta.info,
    orgc: meta.orgcName,
    tags: meta.tags,
    threatLevel: meta.threatLevel,
    removalsOnly: false,
    recheck: false,
  }
}

/**
 * The snapshot pull: the answer to a raw restSearch filter is the wanted state of the source. What is
 * not in it any more has gone, or has left the filter's time window.
 */
import type { Window } from '../ledger/judge.js'
import type { StagedEvent } from '../ledger/staging.js'
import type { MispClient } from '../misp/client.js'
import type { AttributeRow, Refusal } from '../misp/rows.js'
import type { CompiledFilters } from './filters.js'
import type { Answer, ReadRequest, Source } from './source.js'

export interface MispSearchOptions {
  readonly name: string
  readonly client: MispClient
  readonly settings: string
  readonly filters: CompiledFilters
  readonly types: readonly string[]
  /** As MISP takes it. */
  readonly search: Readonly<Record<string, unknown>>
}

export function mispSearch(options: MispSearchOptions): Source {
  const { name, settings, filters, types, client } = options
  return {
    name,
    settings,
    filters,
    types,
    read: (request) => read(options, request),
    identity: async (signal) => {
      const { roleId, roleName, orgId } = await client.me(signal)
      return `role ${roleId} (${roleName}), organisation ${orgId}`
    },
    close: async () => undefined,
  }
}

async function read(options: MispSearchOptions, request: ReadRequest): Promise<Answer> {
  const { client, search, types } = options
  const { stage, signal } = request
  // Only for MISP's clock: an index of no event is the cheapest answer with a Date.
  const { serverTime } = await client.eventIndex({ eventid: ['0'] }, signal)
  const { limit, ...filters } = search
  const query = { type: types, ...filters, includeEventTags: 1 }
  const refused: Refusal[] = []
  const maxRows = typeof limit === 'number' || typeof limit === 'string' ? Number(limit) : undefined
  const pages = {
    onRefused: (refusal: Refusal) => void refused.push(refusal),
    ...(maxRows && Number.isSafeInteger(maxRows) ? { maxRows } : {}),
  }
  for await (const rows of client.attributes(query, pages, signal)) {
    await stageEvents(rows, request)
    await stage.attributes(rows)
    request.progress(stage.rows, 0)
  }
  if (stage.rows === 0) await confirmEmpty(options, request)
  return {
    at: serverTime,
    unchanged: false,
    missing: [],
    whole: refused.length === 0,
    ...windowOf(search, serverTime),
    warnings:
      refused.length > 0
        ? [`${refused.length} rows were unreadable; nothing is taken for gone`]
        : [],
  }
}

async function stageEvents(rows: readonly AttributeRow[], { stage }: ReadRequest): Promise<void> {
  const fresh = new Map<string, StagedEvent>()
  for (const row of rows) {
    if (!stage.has(row.eventUuid)) fresh.set(row.eventUuid, eventOf(row))
  }
  if (fresh.size > 0) await stage.events([...fresh.values()])
}

/** restSearch tells neither the event's timestamp nor whether it is published. */
function eventOf(row: AttributeRow): StagedEvent {
  return {
    uuid: row.eventUuid,
    mispId: row.eventId,
    timestamp: 0,
    published: true,
    publishTimestamp: row.publishTimestamp,
    info: row.eventInfo,
    orgc: '',
    tags: [...new Set(row.eventTags)],
    removalsOnly: false,
    recheck: false,
  }
}

/**
 * A quiet week may leave a window empty; a MISP that has lost its data answers the same. So an empty
 * answer is believed only when the same question without the window can be answered too.
 */
async function confirmEmpty(options: MispSearchOptions, request: ReadRequest): Promise<void> {
  const query = Object.fromEntries(
    Object.entries(options.search).filter(([name]) => name !== 'limit' && !(name in WINDOWS)),
  )
  await options.client.count({ type: options.types, ...query }, request.signal)
}

const WINDOWS: Readonly<Record<string, Window['column']>> = {
  last: 'publish_timestamp',
  publish_timestamp: 'publish_timestamp',
  timestamp: 'timestamp',
  attribute_timestamp: 'timestamp',
  event_timestamp: 'event_timestamp',
}
const UNITS: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 }

/** The first relative window of the search; one that does not move expires nothing. */
export function windowOf(
  search: Readonly<Record<string, unknown>>,
  now: number,
): { window?: Window } {
  for (const [name, column] of Object.entries(WINDOWS)) {
    const ago = /^(\d+)([dhms])$/.exec(String(search[name] ?? ''))
    if (ago) return { window: { column, before: now - Number(ago[1]) * UNITS[ago[2]!]! } }
  }
  return {}
}

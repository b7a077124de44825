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
  const { client, search } = options
  const { stage, signal } = request
  const window = windowOf(search)
  // restSearch tells no timestamp of an event. Else only MISP's clock is wanted, and an index of no
  // event is the cheapest answer with a Date.
  const index = await client.eventIndex(
    window?.column === 'event_timestamp' ? {} : { eventid: ['0'] },
    signal,
  )
  const reading = {
    options,
    request,
    refused: [] as Refusal[],
    changedAt: new Map(index.rows.map(({ uuid, timestamp }) => [uuid, timestamp])),
  }
  await readRows(reading, search)
  if (stage.rows === 0) await confirmEmpty(options, request)
  await doubtAll(reading)
  return {
    at: index.serverTime,
    unchanged: false,
    missing: [],
    whole: reading.refused.length === 0,
    ...(window ? { window: { column: window.column, before: index.serverTime - window.ago } } : {}),
    ...(mayHaveDrifted(reading) ? { confirm: (uuids) => confirm(reading, uuids) } : {}),
    warnings:
      reading.refused.length > 0
        ? [`${reading.refused.length} rows were unreadable; nothing is taken for gone`]
        : [],
  }
}

interface Reading {
  readonly options: MispSearchOptions
  readonly request: ReadRequest
  readonly refused: Refusal[]
  /** Of events by uuid, where the window asks for it. */
  readonly changedAt: ReadonlyMap<string, number>
}

async function readRows(reading: Reading, search: MispSearchOptions['search']): Promise<void> {
  const { client, types } = reading.options
  const { stage, signal, progress } = reading.request
  const { limit, ...filters } = search
  const query = { type: types, ...filters, includeEventTags: 1 }
  const maxRows = typeof limit === 'number' || typeof limit === 'string' ? Number(limit) : undefined
  const pages = {
    onRefused: (refusal: Refusal) => void reading.refused.push(refusal),
    ...(maxRows && maxRows > 0 && Number.isSafeInteger(maxRows) ? { maxRows } : {}),
  }
  for await (const rows of client.attributes(query, pages, signal)) {
    await stageEvents(rows, reading)
    await stage.attributes(rows)
    progress(stage.rows, 0)
  }
}

/** A page never has fewer rows unless it is the last. */
const SMALLEST_PAGE = 100

/** Whoever asks for so many rows, or for some by name, gets no others. */
function mayHaveDrifted({ options: { search }, request: { stage } }: Reading): boolean {
  return stage.rows >= SMALLEST_PAGE && !('limit' in search) && !('uuid' in search)
}

async function confirm(reading: Reading, uuids: readonly string[]): Promise<void> {
  await readRows(reading, { ...reading.options.search, uuid: uuids })
  await doubtAll(reading)
}

async function stageEvents(rows: readonly AttributeRow[], reading: Reading): Promise<void> {
  const { stage } = reading.request
  const fresh = new Map<string, StagedEvent>()
  for (const row of rows) {
    if (!stage.has(row.eventUuid)) fresh.set(row.eventUuid, eventOf(row, reading))
  }
  if (fresh.size > 0) await stage.events([...fresh.values()])
}

/** restSearch tells neither the event's timestamp and threat level nor whether it is published. */
function eventOf(row: AttributeRow, { changedAt }: Reading): StagedEvent {
  return {
    uuid: row.eventUuid,
    mispId: row.eventId,
    timestamp: changedAt.get(row.eventUuid) ?? 0,
    published: true,
    publishTimestamp: row.publishTimestamp,
    info: row.eventInfo,
    orgc: '',
    tags: [...new Set(row.eventTags)],
    threatLevel: 0,
    removalsOnly: false,
    recheck: false,
  }
}

/** A row that could not be read may be any row of any event. */
async function doubtAll({ refused, request: { stage } }: Reading): Promise<void> {
  if (refused.length === 0) return
  const doubt = { incomplete: true, recheck: false }
  await stage.doubts(stage.staged.map((event) => ({ event, ...doubt })))
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

interface RelativeWindow {
  readonly column: Window['column']
  /** Seconds. */
  readonly ago: number
}

/** The first relative window of the search; one that does not move expires nothing. */
function windowOf(search: Readonly<Record<string, unknown>>): RelativeWindow | null {
  for (const [name, column] of Object.entries(WINDOWS)) {
    const ago = /^(\d+)([dhms])$/.exec(String(search[name] ?? ''))
    if (ago) return { column, ago: Number(ago[1]) * UNITS[ago[2]!]! }
  }
  return null
}

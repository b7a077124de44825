/**
 * The REST client: asks a MISP, and gives rows. It never follows a redirect, never sends a body that
 * MISP would take for "everything", and tries again where that can help.
 */
import { retry } from '../retry.js'
import { ask, askJson, type Question } from './exchange.js'
import { shapeError } from './faults.js'
import { type AttributeOptions, PageSize, readAttributes } from './pages.js'
import { wireQuery } from './query.js'
import {
  type AttributeRow,
  type EventMeta,
  type IndexRow,
  isFields,
  isRefusal,
  type Parsed,
  parseEventMeta,
  parseIndexRow,
  type Refusal,
  readId,
  readText,
} from './rows.js'
import { Slots } from './slots.js'
import { ElementSplitter } from './splitter.js'
import { type MispClientOptions, openWire, type Wire } from './wire.js'

export interface IndexQuery {
  /** Epoch seconds or MISP's `1d`: events changed since. */
  readonly timestamp?: string | number
  readonly publish_timestamp?: string | number
  /** Ids or UUIDs; never empty. */
  readonly eventid?: readonly string[]
}

export interface EventIndex {
  readonly rows: IndexRow[]
  /** Epoch seconds by MISP's clock, when it began to answer (it had read its database before). */
  readonly serverTime: number
  /** Uuids of events whose row could not be read; they are there all the same. */
  readonly unread: readonly string[]
  /** Rows of which not even the uuid could be read. Where there are any, a missing event need not be gone. */
  readonly refused: number
}

/** Who the key belongs to, and what it may do. */
export interface Identity {
  readonly userId: string
  readonly orgId: string
  readonly orgName: string
  readonly orgUuid: string
  readonly roleId: string
  readonly roleName: string
  /** The role's `perm_*` that are granted, sorted. */
  readonly permissions: readonly string[]
}

export interface MispClient {
  /** The events that this key sees and that have attributes. */
  eventIndex(query: IndexQuery, signal: AbortSignal): Promise<EventIndex>
  /** What is known of these events; those that the key can't see are missing. */
  eventMeta(ids: readonly string[], signal: AbortSignal): Promise<EventMeta[]>
  /**
   * Every attribute that restSearch finds, in batches as they arrive. After a failure a page is read
   * again from its beginning: rows may come twice (know them by uuid), none is lost. MISP ignores
   * filters silently, so check each row against what was asked. Memory stays flat.
   */
  attributes(
    query: Readonly<Record<string, unknown>>,
    options: AttributeOptions,
    signal: AbortSignal,
  ): AsyncIterable<AttributeRow[]>
  me(signal: AbortSignal): Promise<Identity>
  version(signal: AbortSignal): Promise<{ readonly version: string }>
  /** The enabled lists, each as `/warninglists/view` answers it. */
  warninglists(signal: AbortSignal): Promise<unknown[]>
  /** Whether restSearch works with this query, and finds anything. */
  count(
    query: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<{ readonly empty: boolean }>
}

/** All of the client's methods throw SourceError, or the signal's reason when aborted. */
export function createMispClient(options: MispClientOptions): MispClient {
  const wire = openWire(options)
  const size = new PageSize(options.pageSize ?? PAGE_SIZE)
  // A MISP that can not manage one page is not asked for two.
  const slots = new Slots(() => (size.isShrunk ? 1 : (options.requests ?? 1)))
  return {
    eventIndex: (query, signal) => eventIndex(wire, query, signal),
    eventMeta: (ids, signal) => eventMeta(wire, ids, signal),
    attributes: (query, pages, signal) =>
      readAttributes({ wire, size, slots, query, pages, signal }),
    me: (signal) => me(wire, signal),
    version: (signal) => version(wire, signal),
    warninglists: (signal) => warninglists(wire, signal),
    count: (query, signal) => count(wire, query, signal),
  }
}

const PAGE_SIZE = 10_000
const META_IDS = 500
const MAX_JSON_BYTES = 8 * 1024 * 1024
const MAX_LIST_BYTES = 256 * 1024 * 1024

async function eventIndex(wire: Wire, query: IndexQuery, signal: AbortSignal): Promise<EventIndex> {
  // MISP might take an empty list for no filter at all.
  if (query.eventid?.length === 0) throw new RangeError('eventid must not be empty')
  const question = { path: 'events/index', body: { minimal: 1, ...query } }
  const { rows, date, refusals } = await readList({ wire, question, parse: parseIndexRow, signal })
  if (date === null) {
    throw shapeError(wire.target, { missing: 'a Date header, which tells its clock', body: '' })
  }
  const unread = refusals.flatMap(({ uuid }) => uuid ?? [])
  return { rows, serverTime: date, unread, refused: refusals.length - unread.length }
}

async function eventMeta(
  wire: Wire,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<EventMeta[]> {
  const all: EventMeta[] = []
  for (let from = 0; from < ids.length; from += META_IDS) {
    const body = { eventid: ids.slice(from, from + META_IDS) }
    const question = { path: 'events/index', body }
    const { rows } = await readList({ wire, question, parse: parseEventMeta, signal })
    for (const row of rows) all.push(row)
  }
  return all
}

/** The elements of an answer that is one list, the whole of it read again when it fails. */
function readList<T extends object>(input: {
  wire: Wire
  question: Question
  parse: (raw: unknown) => Parsed<T>
  signal: AbortSignal
}): Promise<{ rows: T[]; date: number | null; refusals: readonly Refusal[] }> {
  const { wire, question, parse, signal } = input
  const { target } = wire
  return retry(async () => {
    const answer = await ask(target, question, signal)
    const splitter = new ElementSplitter({ subject: target, path: [] })
    const rows: T[] = []
    const refusals: Refusal[] = []
    for await (const chunk of answer.chunks) {
      for (const raw of splitter.push(chunk)) {
        const row = parse(raw)
        if (isRefusal(row)) {
          refusals.push(row)
          const labels = { source: target.name, reason: row.reason }
          target.metrics.count('tipline_pull_rows_refused_total', labels)
        } else rows.push(row)
      }
    }
    splitter.end()
    return { rows, date: answer.date, refusals }
  }, wire.retries(signal))
}

async function me(wire: Wire, signal: AbortSignal): Promise<Identity> {
  const json = await readJson({ wire, question: { path: 'users/view/me' }, signal })
  const { User, Role, Organisation } = isFields(json) ? json : {}
  if (!isFields(User) || !isFields(Role)) {
    throw shapeError(wire.target, { missing: 'User and Role', body: '' })
  }
  const organisation = isFields(Organisation) ? Organisation : {}
  return {
    userId: readId(User.id) ?? '',
    orgId: readId(User.org_id) ?? '',
    orgName: readText(organisation.name),
    orgUuid: readText(organisation.uuid),
    roleId: readId(Role.id) ?? '',
    roleName: readText(Role.name),
    permissions: Object.keys(Role)
      .filter((name) => name.startsWith('perm_') && Role[name] === true)
      .sort(),
  }
}

async function version(wire: Wire, signal: AbortSignal): Promise<{ version: string }> {
  const json = await readJson({ wire, question: { path: 'servers/getVersion' }, signal })
  if (!isFields(json) || typeof json.version !== 'string') {
    throw shapeError(wire.target, { missing: 'a version', body: '' })
  }
  return { version: readText(json.version) }
}

async function warninglists(wire: Wire, signal: AbortSignal): Promise<unknown[]> {
  const index = await readJson({ wire, question: { path: 'warninglists/index/enabled:1' }, signal })
  const listed = isFields(index) ? index.Warninglists : undefined
  if (!Array.isArray(listed)) {
    throw shapeError(wire.target, { missing: 'Warninglists', body: '' })
  }
  const lists: unknown[] = []
  for (const entry of listed as readonly unknown[]) {
    const list = isFields(entry) && isFields(entry.Warninglist) ? entry.Warninglist : {}
    const id = readText(String(list.id))
    // Older MISPs list them all, whatever is asked.
    if (list.enabled === false || !/^\d+$/.test(id)) continue
    const question = { path: `warninglists/view/${id}` }
    lists.push(await readJson({ wire, question, signal, maxBytes: MAX_LIST_BYTES }))
  }
  return lists
}

async function count(
  wire: Wire,
  query: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<{ empty: boolean }> {
  const body = { ...wireQuery(query), limit: 1, page: 1 }
  const question = { path: 'attributes/restSearch', body }
  const json = await readJson({ wire, question, signal })
  const response = isFields(json) && isFields(json.response) ? json.response : {}
  if (!Array.isArray(response.Attribute)) {
    throw shapeError(wire.target, { missing: 'response.Attribute', body: '' })
  }
  return { empty: response.Attribute.length === 0 }
}

function readJson(input: {
  wire: Wire
  question: Question
  signal: AbortSignal
  maxBytes?: number
}): Promise<unknown> {
  const { wire, question, signal, maxBytes = MAX_JSON_BYTES } = input
  return retry(
    async () => (await askJson(wire.target, { question, maxBytes, signal })).json,
    wire.retries(signal),
  )
}

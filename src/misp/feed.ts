/**
 * A MISP feed: `manifest.json` and one `<uuid>.json` for each event, in a folder or below a URL. What a
 * name in the manifest may reach is checked before it becomes part of a path.
 * Format: https://www.misp-standard.org/rfc/misp-standard-core.html
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { SourceError } from '../errors.js'
import type { Logger } from '../log.js'
import type { Metrics } from '../metrics.js'
import type { Dispatcher } from '../net.js'
import { retry } from '../retry.js'
import { ask, parseWhole, type Target, TIMEOUTS, type Timeouts, wholeBody } from './exchange.js'
import { called, oversizeError, type Subject, shapeError } from './faults.js'
import {
  type AttributeRow,
  type EventMeta,
  type EventOfRow,
  isFields,
  isRefusal,
  parseAttribute,
  parseEventMeta,
  type Refusal,
  readNumber,
  readTags,
  readText,
  readUuid,
} from './rows.js'
import { type Patience, retryOptions } from './wire.js'

interface CommonFeedOptions extends Patience {
  /** The source's name in the config. */
  readonly name: string
  readonly log: Logger
  readonly metrics: Metrics
  readonly maxFileBytes?: number
}

export interface FolderFeedOptions extends CommonFeedOptions {
  readonly folder: string
}

export interface UrlFeedOptions extends CommonFeedOptions {
  /** The folder that holds manifest.json; may carry `user:password@`. */
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly dispatcher: Dispatcher
  /** What the dispatcher trusts, as the path of a file. */
  readonly caFile?: string | undefined
  readonly timeouts?: Partial<Timeouts>
}

export type FeedOptions = FolderFeedOptions | UrlFeedOptions

export interface ManifestRow {
  /** Lower case. */
  readonly uuid: string
  /** Epoch seconds. */
  readonly timestamp: number
  readonly info: string
  readonly tags: readonly string[]
  readonly orgcName: string
  /** Of the event's file; where the manifest says it. */
  readonly sha256?: string
}

export interface Manifest {
  readonly rows: ManifestRow[]
  /** Epoch seconds: by the server's clock where it tells, else by ours. */
  readonly fetchedAt: number
  /** Events whose entry says nothing that can be read; they are there all the same. */
  readonly unread: readonly string[]
  /** Entries that name no event. Where there are any, a missing event need not be gone. */
  readonly refused: number
}

export interface FeedEvent {
  readonly meta: EventMeta
  /** Those of its objects included, and deleted ones, marked as such. */
  readonly rows: AttributeRow[]
  readonly refused: readonly Refusal[]
}

/** Both methods throw SourceError, or the signal's reason when aborted. */
export interface Feed {
  manifest(signal: AbortSignal): Promise<Manifest>
  /**
   * One event of the manifest last read (which is read now, if it was not yet). Faults: `not-found`,
   * `integrity` when the file is not the one that the manifest means, and those of any request.
   */
  event(uuid: string, signal: AbortSignal): Promise<FeedEvent>
}

export function openFeed(options: FeedOptions): Feed {
  const store = 'folder' in options ? folderStore(options) : urlStore(options)
  let listed: ReadonlyMap<string, Listed> | undefined
  const manifest = async (signal: AbortSignal): Promise<Manifest> => {
    const read = await readManifest({ store, options, signal })
    listed = read.listed
    return read.manifest
  }
  const event = async (uuid: string, signal: AbortSignal): Promise<FeedEvent> => {
    if (!listed) await manifest(signal)
    const entry = listed?.get(uuid.toLowerCase())
    if (!entry) throw notFound(store.subject, `event ${readUuid(uuid) ?? 'without a UUID'}`)
    return readEvent({ store, options, entry, signal })
  }
  return { manifest, event }
}

const MANIFEST = 'manifest.json'
const MAX_FILE_BYTES = 256 * 1024 * 1024
/** Opening a FIFO would wait for a writer. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK

interface Listed {
  /** As the manifest spells it. */
  readonly file: string
  readonly row: ManifestRow
}

interface StoredFile {
  readonly bytes: Buffer
  /** Epoch seconds. */
  readonly date: number
}

/** Where the files are. `name` has been checked: it is no path. */
interface Store {
  readonly subject: Subject
  readonly read: (name: string, signal: AbortSignal) => Promise<StoredFile>
}

async function readManifest(input: {
  store: Store
  options: FeedOptions
  signal: AbortSignal
}): Promise<{ manifest: Manifest; listed: ReadonlyMap<string, Listed> }> {
  const { store, options, signal } = input
  const { bytes, date } = await store.read(MANIFEST, signal)
  const json = parseWhole(store.subject, bytes)
  if (!isFields(json)) {
    throw shapeError(store.subject, { missing: 'a manifest of events', body: '' })
  }
  const listed = new Map<string, Listed>()
  const unread: string[] = []
  let refused = 0
  for (const [file, raw] of Object.entries(json)) {
    const uuid = readUuid(file)
    const row = uuid === undefined ? undefined : parseManifestRow(uuid, raw)
    if (row) listed.set(row.uuid, { file, row })
    else if (uuid !== undefined) unread.push(uuid)
    else refused++
  }
  const all = refused + unread.length
  if (all > 0) countRefused(options, 'manifest', all)
  const rows = [...listed.values()].map(({ row }) => row)
  return { manifest: { rows, fetchedAt: date, unread, refused }, listed }
}

function parseManifestRow(uuid: string, raw: unknown): ManifestRow | undefined {
  if (!isFields(raw)) return undefined
  const timestamp = readNumber(raw.timestamp)
  if (timestamp === undefined) return undefined
  const sha256 = raw['integrity:sha256']
  return {
    uuid,
    timestamp,
    info: readText(raw.info),
    tags: readTags(raw.Tag, 'all'),
    orgcName: isFields(raw.Orgc) ? readText(raw.Orgc.name) : '',
    // Whatever else stands there can not be met, and the event is refused: better than unchecked.
    ...(sha256 === undefined ? {} : { sha256: String(sha256).toLowerCase() }),
  }
}

async function readEvent(input: {
  store: Store
  options: FeedOptions
  entry: Listed
  signal: AbortSignal
}): Promise<FeedEvent> {
  const { store, options, entry, signal } = input
  const { bytes } = await store.read(`${entry.file}.json`, signal)
  checkIntegrity(store.subject, { entry, bytes })
  const json = parseWhole(store.subject, bytes)
  const raw = isFields(json) ? json.Event : undefined
  const meta = parseEventMeta(raw)
  if (!isFields(raw) || isRefusal(meta)) {
    throw shapeError(store.subject, { missing: `the Event ${entry.row.uuid}`, body: '' })
  }
  if (meta.uuid !== entry.row.uuid) throw mistaken(store.subject, entry, 'is another event')
  const { rows, refused } = rowsOf(raw, meta)
  countRows(options, { rows, refused })
  return { meta: { ...meta, id: '', attributeCount: rows.length }, rows, refused }
}

function checkIntegrity(
  subject: Subject,
  { entry, bytes }: { entry: Listed; bytes: Buffer },
): void {
  const { sha256 } = entry.row
  if (sha256 === undefined) return
  if (createHash('sha256').update(bytes).digest('hex') === sha256) return
  throw mistaken(subject, entry, 'is not the one whose SHA-256 the manifest holds')
}

function rowsOf(raw: Readonly<Record<string, unknown>>, meta: EventMeta) {
  const around: EventOfRow = {
    id: '',
    uuid: meta.uuid,
    info: meta.info,
    publishTimestamp: meta.publishTimestamp,
    tags: meta.tags,
  }
  const rows: AttributeRow[] = []
  const refused: Refusal[] = []
  for (const { element, objectIsDeleted } of attributesIn(raw)) {
    const row = parseAttribute(element, around)
    if (isRefusal(row)) refused.push(row)
    else rows.push({ ...row, id: '', deleted: row.deleted || objectIsDeleted })
  }
  return { rows, refused }
}

function* attributesIn(raw: Readonly<Record<string, unknown>>) {
  for (const element of listIn(raw.Attribute)) yield { element, objectIsDeleted: false }
  for (const object of listIn(raw.Object)) {
    if (!isFields(object)) continue
    const objectIsDeleted = object.deleted === true || object.deleted === '1'
    for (const element of listIn(object.Attribute)) yield { element, objectIsDeleted }
  }
}

function listIn(raw: unknown): readonly unknown[] {
  return Array.isArray(raw) ? raw : []
}

function folderStore(options: FolderFeedOptions): Store {
  const subject: Subject = {
    name: options.name,
    kind: 'feed',
    place: options.folder,
    secrets: [],
  }
  const maxBytes = options.maxFileBytes ?? MAX_FILE_BYTES
  const read = async (name: string, signal: AbortSignal): Promise<StoredFile> => {
    signal.throwIfAborted()
    const bytes = await readBounded({ subject, folder: options.folder, name, maxBytes })
    return { bytes, date: nowSeconds() }
  }
  return { subject, read }
}

/** Only plain files: a FIFO would never end, a device neither. */
async function readBounded(input: {
  subject: Subject
  folder: string
  name: string
  maxBytes: number
}): Promise<Buffer> {
  const { subject, folder, name, maxBytes } = input
  const file = await openPlainly(subject, { path: join(folder, name), name })
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw notFound(subject, name)
    if (facts.size > maxBytes) throw oversizeError(subject, { thing: name, maxBytes })
    return await file.readFile()
  } finally {
    await file.close()
  }
}

async function openPlainly(subject: Subject, { path, name }: { path: string; name: string }) {
  try {
    return await open(path, READ_WITHOUT_WAITING)
  } catch (cause) {
    throw notFound(subject, name, cause)
  }
}

function urlStore(options: UrlFeedOptions): Store {
  const target = feedTarget(options)
  const maxBytes = options.maxFileBytes ?? MAX_FILE_BYTES
  const read = (name: string, signal: AbortSignal): Promise<StoredFile> =>
    retry(
      async () => {
        const answer = await askFor(target, { name, signal })
        const bytes = await wholeBody(target, { answer, thing: name, maxBytes })
        return { bytes, date: answer.date ?? nowSeconds() }
      },
      retryOptions({ patience: options, target, signal }),
    )
  return { subject: target, read }
}

async function askFor(target: Target, { name, signal }: { name: string; signal: AbortSignal }) {
  try {
    return await ask(target, { path: name }, signal)
  } catch (error) {
    const isMissing = error instanceof SourceError && (error.status === 404 || error.status === 410)
    throw isMissing ? notFound(target, name) : error
  }
}

function feedTarget(options: UrlFeedOptions): Target {
  const base = new URL(options.url)
  const headers: Record<string, string> = { ...options.headers }
  if (base.username !== '') {
    const login = `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`
    headers.authorization = `Basic ${Buffer.from(login).toString('base64')}`
  }
  const secrets = secretsIn(headers, decodeURIComponent(base.password))
  base.username = ''
  base.password = ''
  base.search = ''
  base.hash = ''
  base.pathname = base.pathname.replace(/\/(manifest\.json)?$/, '').replace(/\/*$/, '/')
  return {
    name: options.name,
    kind: 'feed',
    place: base.host,
    secrets,
    caFile: options.caFile,
    base,
    headers,
    dispatcher: options.dispatcher,
    log: options.log,
    metrics: options.metrics,
    timeouts: { ...TIMEOUTS, ...options.timeouts },
  }
}

/** A header's value, and the parts of it that are long enough to be a token. */
function secretsIn(headers: Readonly<Record<string, string>>, password: string): string[] {
  const parts = Object.values(headers).flatMap((value) => [value, ...value.split(' ')])
  return [password, ...parts.filter((part) => part.length >= 8)]
}

function notFound(subject: Subject, thing: string, cause?: unknown): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'not-found',
    what: `${called(subject)} has no ${thing}`,
    hint:
      thing === MANIFEST
        ? 'Name the folder or URL that holds manifest.json; check that it may be read.'
        : 'The feed may have been rewritten meanwhile; its manifest is read anew with the next pull.',
    cause,
  })
}

function mistaken(subject: Subject, { file }: Listed, how: string): SourceError {
  return new SourceError({
    source: subject.name,
    fault: 'integrity',
    what: `${called(subject)} has a file ${file}.json that ${how}`,
    hint: 'The feed may be half rewritten, and right with the next pull. If it stays so, ask its owner.',
  })
}

function countRows(
  { metrics, name }: FeedOptions,
  { rows, refused }: { rows: readonly AttributeRow[]; refused: readonly Refusal[] },
): void {
  metrics.count('tipline_pull_attributes_total', { source: name }, rows.length)
  for (const { reason } of refused) countRefused({ metrics, name }, reason, 1)
}

function countRefused(
  { metrics, name }: Pick<FeedOptions, 'metrics' | 'name'>,
  reason: string,
  by: number,
): void {
  metrics.count('tipline_pull_rows_refused_total', { source: name, reason }, by)
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

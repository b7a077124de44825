/**
 * The one way to talk to ClickHouse, a server or the embedded engine: statements with bound values, rows
 * in and out as streams, and every failure as a ClickHouseError.
 */
import { Agent as HttpAgent } from 'node:http'
import { Readable } from 'node:stream'
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import { ClickHouseError, type ClickHouseFault } from '../errors.js'
import { asClickHouseError } from './faults.js'
import { identifier } from './names.js'
import { isOldEnough, OLDEST } from './version.js'

export interface Target {
  /** `http://` or `https://`, without credentials. Of a unix socket only what goes into the Host header. */
  readonly url: string
  /** Path of a unix socket; null: TCP. */
  readonly socket: string | null
  /** How it is called in messages, e.g. `ClickHouse at https://ch.example:8443`. */
  readonly name: string
  readonly user: string
  readonly password: string
  /** PEM text of the authorities to trust, and no others. */
  readonly ca: string | null
  /** Where that comes from. */
  readonly caFile?: string | undefined
  readonly ignoreCertErrors: boolean
  /** Longest wait for an answer to begin, or to go on. */
  readonly timeoutMs: number
  /** The file in which an embedded engine writes down what it warns of; null: a server. */
  readonly warnings: string | null
  /** Told of every statement, without its values. */
  readonly onStatement?: ((sql: string) => void) | undefined
  /** Told of every failure, before it is thrown. */
  readonly onFault?: ((fault: ClickHouseFault) => void) | undefined
}

export type Params = Readonly<Record<string, unknown>>

export interface Asking {
  readonly params?: Params | undefined
  readonly settings?: ClickHouseSettings | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Inserting {
  /** Checked and quoted by `names.ts`. */
  readonly table: string
  readonly columns: readonly string[]
  /** Values in the order of the columns. */
  readonly rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>
  readonly settings?: ClickHouseSettings | undefined
  readonly signal?: AbortSignal | undefined
}

const CONNECTIONS = 10
const PIECE = 64 * 1024
/** A failure in the middle of an answer has its status; and the embedded engine does other work meanwhile. */
const WHOLE = { wait_end_of_query: 1 } as const
/**
 * Counts beyond 2^53 would lose digits as numbers; not every version has the same default. And what runs
 * a few times is not compiled: at its third time that takes a hundred milliseconds.
 */
const SETTINGS = {
  output_format_json_quote_64bit_integers: 1,
  compile_expressions: 0,
  compile_aggregate_expressions: 0,
  compile_sort_description: 0,
} as const

export class ClickHouse {
  readonly name: string
  readonly version: string
  /** Over a unix socket there is only ours. */
  readonly isEmbedded: boolean
  readonly warnings: string | null
  readonly caFile: string | undefined
  readonly #client: ClickHouseClient
  readonly #onStatement: Target['onStatement']
  readonly #onFault: Target['onFault']

  /** Connects and asks for the version. @throws ClickHouseError, also where it is too old */
  static async connect(target: Target, signal?: AbortSignal): Promise<ClickHouse> {
    const client = await createClient(target)
    try {
      const version = await versionOf(client, target, signal)
      if (isOldEnough(version)) return new ClickHouse(client, target, version)
      throw new ClickHouseError({
        what: `${target.name} is version ${version}; the oldest that works is ${OLDEST}`,
        hint: 'install a newer ClickHouse, or use the embedded engine (url: embedded)',
        fault: 'too-old',
      })
    } catch (error) {
      await client.close()
      if (error instanceof ClickHouseError) target.onFault?.(error.fault)
      throw error
    }
  }

  private constructor(client: ClickHouseClient, target: Target, version: string) {
    const { caFile, name, onFault, onStatement, socket, warnings } = target
    this.#client = client
    this.#onStatement = onStatement
    this.#onFault = onFault
    this.warnings = warnings
    this.caFile = caFile
    this.name = name
    this.isEmbedded = socket !== null
    this.version = version
  }

  /** All rows at once; for answers known to be small. */
  async rows<T>(query: string, { params, settings, signal }: Asking = {}): Promise<T[]> {
    this.#onStatement?.(query)
    return await this.#telling(async () => {
      const answer = await this.#client.query({
        query,
        format: 'JSONEachRow',
        ...asked({ params, settings: { ...WHOLE, ...settings }, signal }),
      })
      return await answer.json<T>()
    }, signal)
  }

  /** The only row of an answer. */
  async row<T>(query: string, asking: Asking = {}): Promise<T> {
    const [row] = await this.rows<T>(query, asking)
    if (row === undefined) throw new Error('a query that answers one row answered none')
    return row
  }

  /** The rows as they come. */
  async *stream<T>(query: string, { params, settings, signal }: Asking = {}): AsyncGenerator<T> {
    this.#onStatement?.(query)
    try {
      const answer = await this.#client.query({
        query,
        format: 'JSONEachRow',
        ...asked({ params, settings, signal }),
      })
      for await (const rows of answer.stream<T>()) for (const row of rows) yield row.json() as T
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#told(error)
    }
  }

  async command(query: string, { params, settings, signal }: Asking = {}): Promise<void> {
    this.#onStatement?.(query)
    await this.#telling(
      () => this.#client.command({ query, ...asked({ params, settings, signal }) }),
      signal,
    )
  }

  async insert({ table, columns, rows, settings, signal }: Inserting): Promise<void> {
    const names = columns.map(identifier).join(', ')
    // The library's own way with rows writes to the console when it is aborted.
    const query = `INSERT INTO ${table} (${names}) FORMAT JSONCompactEachRow`
    const data = Readable.from(linesOf(rows), { objectMode: false })
    await this.pour({ query, data, settings, signal })
  }

  /** Data that already has a format, such as CSV. */
  async pour({
    query,
    data,
    params,
    settings,
    signal,
  }: { query: string; data: Readable } & Asking): Promise<void> {
    this.#onStatement?.(query)
    await this.#telling(async () => {
      const { stream } = await this.#client.exec({
        query,
        values: data,
        ...asked({ params, settings, signal }),
      })
      for await (const _ of stream);
    }, signal)
  }

  async close(): Promise<void> {
    await this.#client.close()
  }

  async #telling<T>(work: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      signal?.throwIfAborted()
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      throw this.#told(error)
    }
  }

  #told(error: unknown): unknown {
    const told = asClickHouseError(error, this)
    if (told instanceof ClickHouseError) this.#onFault?.(told.fault)
    return told
  }
}

/** In pieces of some size, so that not every row is a write of its own. */
async function* linesOf(
  rows: Iterable<readonly unknown[]> | AsyncIterable<readonly unknown[]>,
): AsyncGenerator<string> {
  let piece = ''
  for await (const row of rows) {
    piece += `${lineOf(row)}\n`
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** Half a surrogate pair is no text in UTF-8, and ClickHouse refuses it: it becomes U+FFFD. */
function lineOf(row: readonly unknown[]): string {
  const line = JSON.stringify(row)
  if (!line.includes('\\ud')) return line
  return JSON.stringify(row, (_, value: unknown) =>
    typeof value === 'string' ? Buffer.from(value).toString() : value,
  )
}

async function createClient(target: Target): Promise<ClickHouseClient> {
  const library = await import('@clickhouse/client')
  const { url, socket, user, password, ca, timeoutMs } = target
  return library.createClient({
    url,
    username: user,
    password,
    application: 'tipline',
    request_timeout: timeoutMs,
    max_open_connections: CONNECTIONS,
    log: { level: library.ClickHouseLogLevel.OFF },
    ...(ca !== null && { tls: { ca_cert: Buffer.from(ca) } }),
    ...(socket !== null && { http_agent: socketAgent(socket) }),
    ...(target.ignoreCertErrors && socket === null && { http_agent: await trustingAgent() }),
  })
}

function socketAgent(socketPath: string): HttpAgent {
  return new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS, socketPath } as object)
}

/** Takes any certificate; the one who opened it has warned of it. */
async function trustingAgent(): Promise<HttpAgent> {
  const { Agent } = await import('node:https')
  return new Agent({ keepAlive: true, maxSockets: CONNECTIONS, rejectUnauthorized: false })
}

async function versionOf(
  client: ClickHouseClient,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    const answer = await client.query({
      query: 'SELECT version() AS version',
      format: 'JSONEachRow',
      ...(signal && { abort_signal: signal }),
    })
    const [row] = await answer.json<{ version: string }>()
    return row?.version ?? ''
  } catch (error) {
    signal?.throwIfAborted()
    throw asClickHouseError(error, { ...target, isEmbedded: target.socket !== null })
  }
}

/** As the library wants it: no key that is undefined. Not for a server that may be too old for the settings. */
function asked({ params, settings, signal }: Asking) {
  return {
    ...(params && { query_params: { ...params } }),
    clickhouse_settings: { ...SETTINGS, ...settings },
    ...(signal && { abort_signal: signal }),
  }
}

/**
 * ClickHouse's HTTP interface before chDB: what `@clickhouse/client`, curl and Grafana's plugin speak.
 * Who comes through the unix socket is the user who owns it and may do everything; who comes over TCP
 * may only read.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Session } from 'chdb'
import { admit } from './admit.js'
import { asFault, CODES, EngineFault } from './fault.js'
import { framed } from './native.js'
import { type Ask, readRequest } from './request.js'
import { type Answer, run, type Totals, type Work } from './session.js'
import type { Slots } from './slots.js'
import { spool } from './spool.js'
import { insertFrom, readStatement, refusal, type Statement } from './statement.js'

export interface DoorOptions {
  readonly open: () => Session
  /** Where the data of inserts is put down on its way. */
  readonly spoolFolder: string
  readonly slots: Slots
  /** Of those who may only read; '' where they need none. */
  readonly password: string
  /** Told at the beginning and at the end of each request how many there are. */
  readonly onUse: (open: number) => void
  readonly log: (line: string) => void
}

/** The data of an INSERT does not count where the statement itself stands in the address. */
const LARGEST_STATEMENT = 64 * 1024 * 1024

/** Of the address, where the statement of an INSERT stands; ClickHouse takes as much. */
const LONGEST_ADDRESS = 1024 * 1024

/** A server, to be bound to one way in. `isReader`: whoever comes this way may only read. */
export function createDoor(options: DoorOptions, isReader: boolean): Server {
  const limits = { keepAliveTimeout: 10_000, requestTimeout: 0, maxHeaderSize: LONGEST_ADDRESS }
  return createServer(limits, (request, response) => {
    options.onUse(1)
    void serve({ request, response, options, isReader }).finally(() => options.onUse(-1))
  })
}

interface Visit {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly options: DoorOptions
  readonly isReader: boolean
}

async function serve(visit: Visit): Promise<void> {
  const { request, response, options, isReader } = visit
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new Error('the client is gone'))
  })
  try {
    const ask = readRequest(request)
    response.setHeader('X-ClickHouse-Query-Id', ask.queryId ?? randomUUID())
    response.setHeader('X-ClickHouse-Timezone', 'UTC')
    if (isReader) admit(ask, { request, password: options.password })
    if (isGreeting(ask)) response.end('Ok.\n')
    else await answer(visit, ask, gone.signal)
  } catch (error) {
    tell(asFault(error), visit)
  } finally {
    // What is left of the body must not stand before the next request on this connection, nor wait for
    // whoever began to read it.
    request.unpipe().removeAllListeners('readable').resume()
  }
}

function isGreeting({ path, query, method }: Ask): boolean {
  return path === '/ping' || (path === '/' && query === '' && method !== 'POST')
}

async function answer(visit: Visit, ask: Ask, signal: AbortSignal): Promise<void> {
  if (ask.unsupported !== null) {
    throw new EngineFault(CODES.badArguments, `${ask.unsupported} (BAD_ARGUMENTS)`)
  }
  const body = bodyOf(visit.request, ask)
  const head = readStatement(ask.query)
  const takesData = insertFrom(head, '') !== null
  const statement = takesData ? head : readStatement(await wholeText(ask.query, body))
  // As with ClickHouse, who GETs changes nothing.
  const isReader = visit.isReader || ask.method === 'GET'
  const why = refusal(statement, isReader)
  if (why !== null) throw new EngineFault(CODES.queryNotAllowed, `${why} (QUERY_IS_PROHIBITED)`)
  const work: Work = { ...ask, statement, sql: statement.sql, isReader, signal }
  await visit.options.slots.hold(signal, async () => {
    const { open } = visit.options
    const answered = takesData ? await insert(visit, work, body) : await run(open, work)
    await send(visit, ask, { answered: await fitted(answered, { ask, statement }), statement })
  })
}

async function insert(
  { options }: Visit,
  work: Work,
  body: AsyncIterable<Uint8Array>,
): Promise<Answer> {
  const data = await spool(body, options.spoolFolder)
  const broken = new AbortController()
  try {
    const sql = insertFrom(work.statement, data.path)!
    const signal = AbortSignal.any([work.signal, broken.signal])
    // The engine may stand waiting for data; it has to know of its end before that of the data.
    const running = run(options.open, { ...work, sql, signal, onKilled: () => data.cut() })
    data.feed().catch((error: unknown) => broken.abort(error))
    return await running
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error
  } finally {
    await data.remove()
  }
}

/** Newer clients want more around the same blocks. */
async function fitted(
  answered: Answer,
  { ask, statement }: { ask: Ask; statement: Statement },
): Promise<Answer> {
  const isNative = (statement.format ?? ask.format) === 'Native'
  if (!isNative || ask.protocol === 0) return answered
  return { ...answered, pieces: await framed(answered.pieces, ask.protocol) }
}

interface Sending {
  readonly answered: Answer
  readonly statement: Statement
}

async function send(
  { response }: Visit,
  ask: Ask,
  { answered: { totals, pieces }, statement: { verb } }: Sending,
): Promise<void> {
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
  response.setHeader('X-ClickHouse-Format', ask.format)
  if (totals) response.setHeader('X-ClickHouse-Summary', summary(totals, verb === 'INSERT'))
  if (!ask.gzipAnswer) return await pipeline(pieces, response)
  response.setHeader('Content-Encoding', 'gzip')
  await pipeline(pieces, createGzip({ level: 1 }), response)
}

function summary({ rows, bytes, elapsed }: Totals, inserted: boolean): string {
  const written = inserted ? { rows, bytes } : { rows: 0, bytes: 0 }
  return JSON.stringify({
    read_rows: String(rows),
    read_bytes: String(bytes),
    written_rows: String(written.rows),
    written_bytes: String(written.bytes),
    total_rows_to_read: '0',
    result_rows: String(written.rows),
    result_bytes: String(written.bytes),
    elapsed_ns: String(Math.round(elapsed * 1e9)),
  })
}

/** Where the answer has begun, only its breaking off can tell the client. */
function tell(fault: EngineFault, { response, options }: Visit): void {
  if (response.destroyed) return
  if (response.headersSent) {
    options.log(`broke off an answer: ${fault.text.trim()}`)
    response.destroy()
    return
  }
  for (const name of ['Content-Encoding', 'X-ClickHouse-Summary']) response.removeHeader(name)
  response.setHeader('X-ClickHouse-Exception-Code', String(fault.code))
  if (fault.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="tipline"')
  response.statusCode = fault.status
  response.end(fault.text)
}

function bodyOf(request: IncomingMessage, ask: Ask): AsyncIterable<Uint8Array> {
  if (!ask.gzipBody) return request
  const unzipped = createGunzip()
  // What goes wrong is thrown to whoever reads.
  unzipped.on('error', () => undefined)
  request.on('error', (error) => unzipped.destroy(error))
  return request.pipe(unzipped)
}

async function wholeText(query: string, body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body) {
    pieces.push(piece)
    size += piece.length
    if (size <= LARGEST_STATEMENT) continue
    const hint = 'put the statement into the address (?query=) and only the data into the body'
    throw new EngineFault(CODES.badArguments, `the statement is too large; ${hint} (BAD_ARGUMENTS)`)
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      Buffer.concat(pieces),
    )
    return query === '' || text === '' ? query + text : `${query}\n${text}`
  } catch {
    throw new EngineFault(CODES.badArguments, 'the statement is not UTF-8 (BAD_ARGUMENTS)')
  }
}

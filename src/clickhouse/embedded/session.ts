/**
 * Statements on chDB. Each gets a session of its own: one connection is serial, and settings given with
 * a statement last as long as the connection, where a leaked `insert_deduplication_token` would silently
 * drop later inserts. A session costs less than a millisecond.
 */
import { randomUUID } from 'node:crypto'
import type { Session } from 'chdb'
import { asFault } from './fault.js'
import { isStreamable, literal, type Statement } from './statement.js'

export interface Work {
  readonly statement: Statement
  /** What is run; differs from the statement where its data comes from a file. */
  readonly sql: string
  readonly format: string
  readonly database: string | null
  readonly params: readonly (readonly [name: string, value: string])[]
  readonly settings: readonly (readonly [name: string, value: string])[]
  /** The answer is wanted at its end. */
  readonly isWhole: boolean
  /** Nothing may be changed. */
  readonly isReader: boolean
  readonly signal: AbortSignal
  /** Called when the engine knows that it is to stop, because the signal was aborted. */
  readonly onKilled?: () => void
}

/** Of a statement that has run to its end. */
export interface Totals {
  readonly rows: number
  readonly bytes: number
  /** Seconds. */
  readonly elapsed: number
}

export interface Answer {
  /** The totals of what was not streamed; a stream's are not known before its end. */
  readonly totals: Totals | null
  readonly pieces: AsyncIterable<Uint8Array>
}

type Open = () => Session

/** What can't be set by a client: it would lift a reader's bounds, or hide a statement from a kill. */
const GUARDED = new Set(['readonly', 'log_comment', 'allow_ddl'])

/**
 * Starts a statement; answers when its first bytes are there, so that what fails at once can still get
 * an honest status. The answer must be read to its end, or returned from. @throws EngineFault
 */
export async function run(open: Open, work: Work): Promise<Answer> {
  const mark = `tipline:${randomUUID()}`
  const session = open()
  const kill = () => void killMarked(open, mark).then(work.onKilled)
  work.signal.addEventListener('abort', kill, { once: true })
  const end = () => {
    work.signal.removeEventListener('abort', kill)
    session.close()
  }
  try {
    work.signal.throwIfAborted()
    prepare(session, work, mark)
    if (!work.isWhole && isStreamable(work.statement, work.format)) {
      return await stream(session, work, end)
    }
    const result = await session.queryAsync(work.sql, { format: work.format })
    end()
    const totals = { rows: result.rowsRead, bytes: result.bytesRead, elapsed: result.elapsed }
    return { totals, pieces: only(result.bytes()) }
  } catch (error) {
    end()
    throw asFault(error)
  }
}

/** A view that fails must not fail the INSERT whose rows are stored already: who retries doubles them. */
const DEFAULTS = [['materialized_views_ignore_errors', '1']] as const

/** At once, on this thread: they touch no data, and a way through the pool costs more than they do. */
function prepare(session: Session, work: Work, mark: string): void {
  if (work.database !== null) session.query(`USE ${identifier(work.database)}`)
  const own = work.settings.find(([name]) => name === 'log_comment')?.[1] ?? ''
  const settings = work.settings.filter(([name]) => !GUARDED.has(name))
  const all = [
    ...DEFAULTS,
    ...settings,
    ...work.params,
    ['log_comment', `${mark} ${own}`.trim()] as const,
  ]
  const texts = all.map(([name, value]) => `${identifier(name)} = ${literal(value)}`)
  session.query(`SET ${texts.join(', ')}`)
  // Last, because from here on nothing can be set.
  if (work.isReader) session.query('SET readonly = 1')
}

/** chDB understands and plans it on this thread, so it is for answers that may be large. */
async function stream(session: Session, work: Work, end: () => void): Promise<Answer> {
  const chunks = session.queryStream(work.sql, { format: work.format })[Symbol.asyncIterator]()
  const first = await chunks.next()
  async function* pieces() {
    try {
      for (let chunk = first; !chunk.done; chunk = await chunks.next()) yield chunk.value.raw()
    } catch (error) {
      throw asFault(error)
    } finally {
      await chunks.return?.()
      end()
    }
  }
  return { totals: null, pieces: pieces() }
}

/** Closing a connection does not stop its work; this does. Without SYNC, which hung. */
async function killMarked(open: Open, mark: string): Promise<void> {
  const session = open()
  try {
    await session.queryAsync(
      `KILL QUERY WHERE startsWith(Settings['log_comment'], ${literal(mark)}) ASYNC`,
    )
  } catch (error) {
    process.stderr.write(`a statement could not be stopped: ${asFault(error).text}`)
  } finally {
    session.close()
  }
}

function identifier(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

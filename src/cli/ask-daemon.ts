/** Asking the daemon of a data folder, over the socket that only its owner can open. */
import { request } from 'node:http'
import { connect } from 'node:net'
import { DaemonError, UsageError } from '../errors.js'
import { daemonSocket } from '../ledger/place.js'
import type { DaemonStatus } from '../sync/status.js'

/** Whether a daemon has this data folder, and can be asked. */
export function daemonAnswers(dataDir: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(daemonSocket(dataDir))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** The daemon's answer as JSON. @throws DaemonError; UsageError for what it can't be asked; the signal's reason */
export async function askDaemon<T>(
  dataDir: string,
  question: { readonly path: string; readonly body: object; readonly signal: AbortSignal },
): Promise<T> {
  const { status, text } = await ask(daemonSocket(dataDir), { ...question, method: 'POST' })
  const answer = parsed(text)
  if (status === 200) return answer as T
  const { title, detail } = answer as { title?: string; detail?: string }
  const what = `the daemon says: ${detail ?? title ?? `HTTP ${status}`}`
  if (status === WRONG_USE) throw new UsageError({ what })
  throw new DaemonError({
    what,
    hint: 'its log tells more',
  })
}

/** What a problem of type invalid-request comes with. */
const WRONG_USE = 400
const PATIENCE_MS = 10_000

/** How the daemon of this data folder is; null: none answers, or one of a version that does not tell. */
export async function daemonStatus(
  dataDir: string,
  signal: AbortSignal,
): Promise<DaemonStatus | null> {
  if (!(await daemonAnswers(dataDir))) return null
  const patient = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
  try {
    const question = { method: 'GET', path: '/v1/status', body: null, signal: patient }
    const { text } = await ask(daemonSocket(dataDir), question)
    const { daemon } = parsed(text) as { daemon?: Told | null }
    if (!daemon) return null
    const failing = daemon.failing.map((each) => ({
      ...each,
      since: Date.parse(each.since) / 1000,
    }))
    return { ...daemon, failing }
  } catch (error) {
    signal.throwIfAborted()
    // The rest of the status stands in the data folder.
    if (error instanceof DaemonError || patient.aborted) return null
    throw error
  }
}

type Told = Omit<DaemonStatus, 'failing'> & {
  readonly failing: readonly (Omit<DaemonStatus['failing'][number], 'since'> & {
    readonly since: string
  })[]
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly body: object | null
  readonly signal: AbortSignal
}

interface Answered {
  readonly status: number
  readonly text: string
}

function ask(socketPath: string, { method, path, body, signal }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => reject(signal.aborted ? signal.reason : unreachable(cause))
    const headers = body === null ? {} : { 'content-type': 'application/json' }
    const asking = request({ socketPath, path, method, headers, signal }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('error', fail)
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(pieces).toString() }),
      )
    })
    asking.on('error', fail)
    asking.end(body === null ? undefined : JSON.stringify(body))
  })
}

function unreachable(cause: Error): DaemonError {
  return new DaemonError({
    what: 'the daemon of this data folder does not answer',
    hint: 'it may be starting or stopping; try again, or look into its log',
    cause,
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw unreachable(cause as Error)
  }
}
